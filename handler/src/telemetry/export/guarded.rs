//! The last door: what passes it leaves the process.
//!
//! Attributes pass by their names, texts are clipped, and an exporter that panics takes nothing with it
//! but its batch. The SDK's thread would end with the panic, and the signal would be silent until the
//! next start.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use opentelemetry::trace::Status;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::ledger::Ledger;
use super::text;
use super::transport::Refused;
use crate::telemetry::Fields;

/// An exporter behind the last door.
#[derive(Debug)]
pub(super) struct Guarded<E> {
    exporter: E,
    fields: Fields,
    ledger: Arc<Ledger>,
    refused: Refused,
}

impl<E> Guarded<E> {
    /// `fields` are those that the app declares, which its spans may carry, too.
    pub(super) fn new(exporter: E, fields: Fields, ledger: Arc<Ledger>, refused: Refused) -> Self {
        Self {
            exporter,
            fields,
            ledger,
            refused,
        }
    }

    /// Exports `count` pieces, whatever the exporter does.
    async fn count(
        &self,
        count: usize,
        export: impl Future<Output = OTelSdkResult> + Send,
    ) -> OTelSdkResult {
        self.ledger.take(count);
        match AssertUnwindSafe(export).catch_unwind().await {
            Ok(Ok(())) => {
                let refused = self.refused.take().min(count);
                self.ledger.exported(count - refused);
                self.ledger.failed(refused);
                Ok(())
            }
            Ok(Err(error)) => {
                self.refused.take();
                self.ledger.failed(count);
                Err(error)
            }
            Err(_) => {
                self.ledger.panicked(count);
                let text = "the exporter panicked".to_owned();
                Err(OTelSdkError::InternalFailure(text))
            }
        }
    }
}

impl<E: SpanExporter> SpanExporter for Guarded<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        for span in &mut batch {
            check(span, &self.fields);
        }
        // What an exporter does before its future is asked has to be inside, too.
        self.count(batch.len(), async { self.exporter.export(batch).await })
            .await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }
}

/// Records were checked when they were made; only `super::logs` makes any.
impl<E: LogExporter> LogExporter for Guarded<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let count = batch.iter().count();
        self.count(count, async { self.exporter.export(batch).await })
            .await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }
}

/// What metrics are told apart by are known words, which `telemetry::metrics` sees to.
impl<E: PushMetricExporter> PushMetricExporter for Guarded<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.count(1, async { self.exporter.export(metrics).await })
            .await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

/// Leaves of a span what may leave, and no more of it than there is room for.
fn check(span: &mut SpanData, fields: &Fields) {
    tidy_name(&mut span.name);
    check_attributes(&mut span.attributes, fields);
    for event in &mut span.events.events {
        tidy_name(&mut event.name);
        check_attributes(&mut event.attributes, fields);
    }
    for link in &mut span.links.links {
        check_attributes(&mut link.attributes, fields);
    }
    if let Status::Error { description } = &mut span.status
        && !is_word(description)
    {
        *description = Cow::Borrowed("");
    }
}

fn check_attributes(attributes: &mut Vec<KeyValue>, fields: &Fields) {
    attributes.retain(|attribute| {
        let name = attribute.key.as_str();
        ATTRIBUTES.contains(&name) || fields.declare(name)
    });
    for attribute in attributes {
        tidy_value(&mut attribute.value);
    }
}

/// A rule or an outcome, and not what somebody wrote about an error.
fn is_word(text: &str) -> bool {
    text.len() <= 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn tidy_name(name: &mut Cow<'static, str>) {
    match text::tidy(name, text::NAME) {
        Cow::Borrowed(same) if same.len() == name.len() => {}
        tidy => *name = tidy.into_owned().into(),
    }
}

fn tidy_value(value: &mut Value) {
    match value {
        Value::String(text) => *text = tidy(text),
        Value::Array(Array::String(texts)) => {
            texts.truncate(MOST_ITEMS);
            for text in texts {
                *text = tidy(text);
            }
        }
        _ => {}
    }
}

fn tidy(value: &StringValue) -> StringValue {
    match text::tidy(value.as_str(), text::VALUE) {
        Cow::Borrowed(same) if same.len() == value.as_str().len() => value.clone(),
        tidy => tidy.into_owned().into(),
    }
}

const MOST_ITEMS: usize = 16;

/// What spans may tell, beside what the app declares (OpenTelemetry semantic conventions, and
/// names of ours). Never a path, a query, a header, a body, a person's name or address.
const ATTRIBUTES: &[&str] = &[
    "error.type",
    "faas.coldstart",
    "faas.invocation_id",
    "faas.name",
    "faas.trigger",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "messaging.operation.type",
    "messaging.system",
    "microsoft.sample_rate",
    "server.address",
    "stockade.outcome",
    "user.id",
];

#[cfg(test)]
mod tests;
