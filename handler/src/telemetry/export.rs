//! Telemetry on its way out: to Application Insights, to a collector that speaks OTLP, or to both.
//!
//! Each signal has a queue for each of the two, and a thread that empties it. A queue that is full drops
//! what comes and counts it, and nobody waits. What passes is chosen by name, at `guarded` for spans
//! and at `logs` for log lines. Without an exporter nothing of this is built.
//!
//! Not protected against: an operator who names a receiver of their own, which the settings allow for
//! OTLP, and what functions write into the message of a log line, which leaves as it is.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{MeterProvider as _, ObservableUpDownCounter};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_application_insights::Exporter;
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder as LogBatchConfigBuilder, BatchLogProcessor, LogExporter, LogProcessor,
    SdkLoggerProvider,
};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, SpanExporter,
    SpanProcessor,
};
use tokio::runtime::Handle;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use self::answers::Answers;
use self::bounded::{Bounded, Each};
use self::guarded::Guarded;
use self::insights::ApplicationInsights;
use self::ledger::{Ledger, Ledgers};
use self::logs::Records;
use self::sampler::AsItsInvocation;
pub(crate) use self::sampler::Share;
pub(crate) use self::settings::TelemetrySettings;
use self::settings::{Batches, Insights, Otlp, Weakness};
use self::transport::{Ingestion, Receiver, Refused};
use super::{Fields, Spans, sampling};
use crate::azure::Outbound;

mod answers;
mod bounded;
mod connection;
mod guarded;
mod insights;
mod ledger;
mod logs;
mod sampler;
mod settings;
mod text;
mod transport;

/// Everything that exports, from the start of the process to its end.
#[derive(Debug)]
pub(crate) struct Exports {
    spans: Spans,
    tracer: SdkTracer,
    records: Records,
    ledgers: Arc<Ledgers>,
    providers: Providers,
    weakness: Option<Weakness>,
    _lost: ObservableUpDownCounter<i64>,
    telling: tokio::task::JoinHandle<()>,
}

/// What has to be shut down.
#[derive(Debug)]
struct Providers {
    spans: Each<dyn SpanProcessor>,
    logs: Each<dyn LogProcessor>,
    metrics: SdkMeterProvider,
    tracers: SdkTracerProvider,
    loggers: [SdkLoggerProvider; 2],
}

impl Exports {
    /// Starts to export. From here on the sampler of the process and its meters are these.
    pub(crate) fn start(settings: TelemetrySettings, fields: Fields, runtime: &Handle) -> Self {
        let exports = Self::start_over(&settings, fields, runtime, &Outbound::of_the_process());
        sampling::install(settings.sampler);
        opentelemetry::global::set_meter_provider(exports.providers.metrics.clone());
        exports
    }

    fn start_over(
        settings: &TelemetrySettings,
        fields: Fields,
        runtime: &Handle,
        outbound: &Outbound,
    ) -> Self {
        let weakness = settings.weakness();
        let mut building = Building::new(settings, fields, outbound);
        if let Some(insights) = &settings.insights {
            building.add_insights(insights, runtime);
        }
        if let Some(otlp) = &settings.otlp {
            building.add_otlp(otlp, runtime);
        }
        building.start(runtime, weakness)
    }

    /// Says, at each start, what is weaker than it has to be.
    pub(crate) fn tell_weakenings(&self) {
        if let Some(weakness) = self.weakness {
            weakness.tell();
        }
    }

    /// Takes the finished spans of invocations.
    pub(crate) fn spans(&self) -> Spans {
        Arc::clone(&self.spans)
    }

    /// Makes records of log lines.
    pub(crate) fn records<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        self.records.clone()
    }

    /// Makes spans of those that code opens with `tracing`. The one of an invocation is not among
    /// them: its record makes it, when it is over.
    pub(crate) fn opened_spans<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_error_fields_to_exceptions(false)
            .with_error_records_to_exceptions(false)
            .with_filter(filter_fn(is_opened_by_code))
    }

    /// Sends what is still here, as far as it can be sent in two seconds, and tells what was lost.
    pub(crate) async fn end(self) {
        self.telling.abort();
        let mut ends: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
        for spans in self.providers.spans.0 {
            ends.push(Box::new(move || {
                let _ = spans.shutdown_with_timeout(ENDING);
            }));
        }
        for logs in self.providers.logs.0 {
            ends.push(Box::new(move || {
                let _ = logs.shutdown_with_timeout(ENDING);
            }));
        }
        let metrics = self.providers.metrics;
        ends.push(Box::new(move || {
            let _ = metrics.shutdown();
        }));
        // Threads that the runtime does not wait for: a dead receiver must not hold up the end.
        let ended: Vec<_> = ends
            .into_iter()
            .filter_map(|end| {
                let (told, ended) = tokio::sync::oneshot::channel();
                let end = move || {
                    end();
                    let _ = told.send(());
                };
                let thread = std::thread::Builder::new().name("telemetry end".to_owned());
                thread.spawn(end).ok().map(|_| ended)
            })
            .collect();
        let all = futures_util::future::join_all(ended);
        let _ = tokio::time::timeout(ENDING, all).await;
        // When they are dropped they shut down once more, and wait for it.
        std::mem::forget((self.providers.tracers, self.providers.loggers));
        std::mem::forget((self.spans, self.tracer, self.records));
        self.ledgers.close();
        self.ledgers.tell();
    }
}

/// The parts, one exporter after the other.
struct Building<'a> {
    resource: Resource,
    fields: Fields,
    outbound: &'a Outbound,
    batches_of_spans: Batches,
    batches_of_logs: Batches,
    metrics_every: Duration,
    ledgers: Vec<Arc<Ledger>>,
    spans: Vec<Arc<dyn SpanProcessor>>,
    logs: Vec<Arc<dyn LogProcessor>>,
    audit: Vec<Arc<dyn LogProcessor>>,
    metrics: opentelemetry_sdk::metrics::MeterProviderBuilder,
}

impl<'a> Building<'a> {
    fn new(settings: &TelemetrySettings, fields: Fields, outbound: &'a Outbound) -> Self {
        let attributes = settings.resource.iter();
        let resource = Resource::builder_empty()
            .with_attributes(
                attributes.map(|(name, value)| KeyValue::new(name.clone(), value.clone())),
            )
            .build();
        Self {
            metrics: SdkMeterProvider::builder().with_resource(resource.clone()),
            resource,
            fields,
            outbound,
            batches_of_spans: settings.spans,
            batches_of_logs: settings.logs,
            metrics_every: settings.metrics_every,
            ledgers: Vec::new(),
            spans: Vec::new(),
            logs: Vec::new(),
            audit: Vec::new(),
        }
    }

    fn add_insights(&mut self, insights: &Insights, runtime: &Handle) {
        const NAME: &str = "application insights";
        let Insights {
            connection,
            identity,
        } = insights;
        let client = Ingestion::new(
            runtime.clone(),
            Receiver {
                sign_in: identity
                    .clone()
                    .map(|identity| (identity, connection.scope())),
                ..Receiver::new(self.outbound.clone(), Answers::Track)
            },
        );
        let exporter = || {
            let (client, refused) = client.for_a_signal();
            let exporter = Exporter::new_from_connection_string(connection.normalised(), client)
                .expect("the connection string is in the form that it takes");
            (exporter, refused)
        };
        let adapted = || {
            let (exporter, refused) = exporter();
            (ApplicationInsights::new(exporter), refused)
        };
        self.add_spans(NAME, adapted());
        self.add_logs(NAME, adapted(), adapted());
        self.add_metrics(NAME, exporter());
    }

    fn add_otlp(&mut self, otlp: &Otlp, runtime: &Handle) {
        const NAME: &str = "otlp";
        let client = Ingestion::new(
            runtime.clone(),
            Receiver {
                headers: otlp.headers.clone(),
                retries: 3,
                ..Receiver::new(self.outbound.clone(), Answers::Otlp)
            },
        );
        if let Some(url) = &otlp.traces {
            let (client, refused) = client.for_a_signal();
            let exporter = opentelemetry_otlp::SpanExporter::builder()
                .with_http()
                .with_http_client(client)
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(url.as_str())
                .build();
            self.add_spans(NAME, (exporter.expect(OTLP_BUILDS), refused));
        }
        if let Some(url) = &otlp.logs {
            let exporter = || {
                let (client, refused) = client.for_a_signal();
                let exporter = opentelemetry_otlp::LogExporter::builder()
                    .with_http()
                    .with_http_client(client)
                    .with_protocol(Protocol::HttpBinary)
                    .with_endpoint(url.as_str())
                    .build();
                (exporter.expect(OTLP_BUILDS), refused)
            };
            self.add_logs(NAME, exporter(), exporter());
        }
        if let Some(url) = &otlp.metrics {
            let (client, refused) = client.for_a_signal();
            let exporter = opentelemetry_otlp::MetricExporter::builder()
                .with_http()
                .with_http_client(client)
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(url.as_str())
                .with_temporality(otlp.temporality)
                .build();
            self.add_metrics(NAME, (exporter.expect(OTLP_BUILDS), refused));
        }
    }

    fn ledger(&mut self, exporter: &'static str, signal: &'static str, most: usize) -> Arc<Ledger> {
        let ledger = Ledger::new(exporter, signal, most);
        self.ledgers.push(Arc::clone(&ledger));
        ledger
    }

    fn guarded<E>(&self, exporter: E, ledger: &Arc<Ledger>, refused: Refused) -> Guarded<E> {
        Guarded::new(exporter, self.fields.clone(), Arc::clone(ledger), refused)
    }

    fn add_spans<E: SpanExporter + 'static>(
        &mut self,
        name: &'static str,
        (mut exporter, refused): (E, Refused),
    ) {
        exporter.set_resource(&self.resource);
        let batches = self.batches_of_spans;
        let ledger = self.ledger(name, "spans", batches.queue);
        let processor = BatchSpanProcessor::builder(self.guarded(exporter, &ledger, refused))
            .with_batch_config(
                BatchConfigBuilder::default()
                    .with_max_queue_size(batches.queue)
                    .with_max_export_batch_size(batches.size)
                    .with_scheduled_delay(batches.every)
                    .build(),
            )
            .build();
        self.spans.push(Arc::new(Bounded::new(processor, ledger)));
    }

    /// Ordinary records and those of the audit trail, each with a queue of their own.
    fn add_logs<E: LogExporter + 'static>(
        &mut self,
        name: &'static str,
        logs: (E, Refused),
        audit: (E, Refused),
    ) {
        let logs = self.log_processor(name, "logs", logs);
        self.logs.push(logs);
        let audit = self.log_processor(name, "audit", audit);
        self.audit.push(audit);
    }

    fn log_processor(
        &mut self,
        name: &'static str,
        signal: &'static str,
        (mut exporter, refused): (impl LogExporter + 'static, Refused),
    ) -> Arc<dyn LogProcessor> {
        exporter.set_resource(&self.resource);
        let batches = self.batches_of_logs;
        let ledger = self.ledger(name, signal, batches.queue);
        let processor = BatchLogProcessor::builder(self.guarded(exporter, &ledger, refused))
            .with_batch_config(
                LogBatchConfigBuilder::default()
                    .with_max_queue_size(batches.queue)
                    .with_max_export_batch_size(batches.size)
                    .with_scheduled_delay(batches.every)
                    .build(),
            )
            .build();
        Arc::new(Bounded::new(processor, ledger))
    }

    fn add_metrics<E: PushMetricExporter>(
        &mut self,
        name: &'static str,
        (exporter, refused): (E, Refused),
    ) {
        let ledger = self.ledger(name, "metrics", 1);
        let reader = PeriodicReader::builder(self.guarded(exporter, &ledger, refused))
            .with_interval(self.metrics_every)
            .build();
        let builder = std::mem::take(&mut self.metrics);
        self.metrics = builder.with_reader(reader);
    }

    fn start(self, runtime: &Handle, weakness: Option<Weakness>) -> Exports {
        let spans = Each(self.spans);
        let tracers = SdkTracerProvider::builder()
            .with_resource(self.resource.clone())
            .with_sampler(AsItsInvocation)
            .with_span_processor(spans.clone())
            .build();
        let logger = |processors: &Each<dyn LogProcessor>| {
            SdkLoggerProvider::builder()
                .with_resource(self.resource.clone())
                .with_log_processor(processors.clone())
                .build()
        };
        let (logs, audit) = (Each(self.logs), Each(self.audit));
        let loggers = [logger(&logs), logger(&audit)];
        let metrics = self.metrics.build();
        let ledgers = Ledgers::new(self.ledgers);
        Exports {
            spans: Arc::new(spans.clone()),
            tracer: tracers.tracer(SCOPE),
            records: Records::of(&loggers, self.fields),
            _lost: ledgers.measure(&metrics.meter(SCOPE)),
            telling: runtime.spawn(Arc::clone(&ledgers).keep_telling()),
            ledgers,
            weakness,
            providers: Providers {
                spans,
                logs: Each(logs.0.into_iter().chain(audit.0).collect()),
                metrics,
                tracers,
                loggers,
            },
        }
    }
}

/// Whether a span is one that a function, the library's own work in the background or a call of it
/// opens, and not the one that only carries the fields of an invocation to its log lines.
fn is_opened_by_code(metadata: &Metadata<'_>) -> bool {
    let carries_fields =
        metadata.name() == "invocation" && metadata.target().starts_with("stockade::telemetry");
    metadata.is_span() && !carries_fields
}

/// What the targets of lines begin with that are about the export itself.
const TARGET: &str = module_path!();
const SCOPE: &str = "stockade";
/// How long the end may take.
const ENDING: Duration = Duration::from_secs(2);
const OTLP_BUILDS: &str = "an address and a client are all that it needs";

#[cfg(test)]
mod tests;
