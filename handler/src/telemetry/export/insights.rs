//! What Application Insights wants otherwise than OpenTelemetry has it.

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::logs::{AnyValue, LogRecord as _};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_application_insights::Exporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::transport::Ingestion;
use crate::telemetry::sampling::SAMPLE_RATE;

/// The exporter for spans and log records.
#[derive(Debug, Clone)]
pub(super) struct ApplicationInsights {
    exporter: Exporter<Ingestion>,
}

impl ApplicationInsights {
    pub(super) fn new(exporter: Exporter<Ingestion>) -> Self {
        Self { exporter }
    }

    fn at(&self, percent: f64) -> Exporter<Ingestion> {
        self.exporter.clone().with_sample_rate(percent / 100.0)
    }
}

impl SpanExporter for ApplicationInsights {
    /// The exporter knows one rate for everything, so spans that stand for the same share go together.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut result = Ok(());
        for (percent, spans) in by_rate(batch) {
            let sent = SpanExporter::export(&self.at(percent), spans).await;
            result = result.and(sent);
        }
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        SpanExporter::set_resource(&mut self.exporter, resource);
    }
}

impl LogExporter for ApplicationInsights {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let named: Vec<_> = batch
            .iter()
            .map(|(record, scope)| (named(record), scope))
            .collect();
        let named: Vec<(&SdkLogRecord, &InstrumentationScope)> = named
            .iter()
            .map(|(record, scope)| (record, *scope))
            .collect();
        LogExporter::export(&self.exporter, LogBatch::new(&named)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        LogExporter::shutdown_with_timeout(&self.exporter, timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        LogExporter::set_resource(&mut self.exporter, resource);
    }
}

/// Spans in the form in which they are understood, put together by how many percent they stand for.
fn by_rate(batch: Vec<SpanData>) -> Vec<(f64, Vec<SpanData>)> {
    let mut groups: Vec<(f64, Vec<SpanData>)> = Vec::new();
    for mut span in batch {
        let percent = take_rate(&mut span);
        adapt(&mut span);
        match groups.iter_mut().find(|(known, _)| *known == percent) {
            Some((_, spans)) => spans.push(span),
            None => groups.push((percent, vec![span])),
        }
    }
    groups
}

fn take_rate(span: &mut SpanData) -> f64 {
    let rate = span
        .attributes
        .iter()
        .position(|attribute| attribute.key.as_str() == SAMPLE_RATE);
    let rate = rate.map(|at| span.attributes.swap_remove(at).value);
    match rate {
        Some(Value::F64(percent)) if percent > 0.0 && percent <= 100.0 => percent,
        _ => 100.0,
    }
}

/// Whether a request is a success follows from the status alone, and a refusal is none. The host calls
/// an operation by its function, but the exporter would call it by method and route as
/// soon as it knows the method.
fn adapt(span: &mut SpanData) {
    if !matches!(span.span_kind, SpanKind::Server | SpanKind::Consumer) {
        return;
    }
    for attribute in &mut span.attributes {
        match attribute.key.as_str() {
            "http.request.method" => attribute.key = "http.request.method_original".into(),
            "error.type" if span.status == Status::Unset => span.status = Status::error(""),
            _ => {}
        }
    }
    let name: Cow<'static, str> = span.name.clone();
    span.attributes.push(KeyValue::new(OPERATION_NAME, name));
}

/// A record that names its operation as the spans of its function do.
fn named(record: &SdkLogRecord) -> SdkLogRecord {
    let mut named = record.clone();
    let function = record
        .attributes_iter()
        .find(|(key, _)| key.as_str() == "function.name");
    if let Some((_, AnyValue::String(function))) = function {
        named.add_attribute(OPERATION_NAME, AnyValue::String(function.clone()));
    }
    named
}

/// Becomes the tag of the same name.
const OPERATION_NAME: &str = "ai.operation.name";

#[cfg(test)]
mod tests;
