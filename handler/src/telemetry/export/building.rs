//! Puts the exporters together: for each signal of each receiver a queue, a thread of the SDK and the
//! last door.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
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
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanExporter, SpanProcessor,
};
use tokio::runtime::Handle;

use super::answers::Answers;
use super::bounded::{Bounded, Each};
use super::guarded::Guarded;
use super::insights::ApplicationInsights;
use super::ledger::{Ledger, Ledgers};
use super::logs::Records;
use super::sampler::AsItsInvocation;
use super::settings::{Batches, Insights, Otlp, TelemetrySettings, Weakness};
use super::transport::{Ingestion, Receiver, Refused};
use super::{Exports, Providers, SCOPE};
use crate::azure::Outbound;
use crate::telemetry::Fields;

/// The parts, one exporter after the other.
pub(super) struct Building<'a> {
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
    pub(super) fn new(
        settings: &TelemetrySettings,
        fields: Fields,
        outbound: &'a Outbound,
    ) -> Self {
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

    pub(super) fn add_insights(&mut self, insights: &Insights, runtime: &Handle) {
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

    pub(super) fn add_otlp(&mut self, otlp: &Otlp, runtime: &Handle) {
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

    pub(super) fn start(self, runtime: &Handle, weakness: Option<Weakness>) -> Exports {
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

const OTLP_BUILDS: &str = "an address and a client are all that it needs";
