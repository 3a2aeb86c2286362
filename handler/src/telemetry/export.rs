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

use opentelemetry::metrics::ObservableUpDownCounter;
use opentelemetry_sdk::logs::{LogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanProcessor};
use tokio::runtime::Handle;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use self::bounded::Each;
use self::building::Building;
use self::ledger::Ledgers;
use self::logs::Records;
pub(crate) use self::sampler::Share;
pub(crate) use self::settings::TelemetrySettings;
use self::settings::Weakness;
use super::{Fields, Spans, sampling};
use crate::azure::Outbound;

mod answers;
mod bounded;
mod building;
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

#[cfg(test)]
mod tests;
