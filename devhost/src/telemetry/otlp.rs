//! OTLP in protobuf (opentelemetry-proto 1.x, `collector/*/v1`), told as the JSON that it stands for.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{self as wire, span::Event, status::StatusCode};
use prost::{DecodeError, Message as _};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::record::{
    Attributes, Batch, Content, Item, Level, Log, NoBatch, Rejected, Signal, Span, SpanKind, Time,
    is_audit,
};

mod extent;
mod metrics;

/// How many bytes the ids have (OTLP, `trace.proto`).
const TRACE_ID_BYTES: usize = 16;
const SPAN_ID_BYTES: usize = 8;
/// The event by which a span tells of an exception (OpenTelemetry, "Exceptions on spans").
const EXCEPTION: &str = "exception";

/// Reads what came at the path of a signal.
///
/// # Errors
///
/// The body is not what the signal's path takes, or holds too much.
pub(super) fn read(signal: Signal, body: &[u8]) -> Result<Batch, NoBatch> {
    extent::check(signal, body)?;
    decode(signal, body).map_err(|_| NoBatch::Malformed)
}

fn decode(signal: Signal, body: &[u8]) -> Result<Batch, DecodeError> {
    let mut batch = Batch::default();
    match signal {
        Signal::Traces => {
            for group in ExportTraceServiceRequest::decode(body)?.resource_spans {
                let resource = batch.resource(group.resource);
                for group in group.scope_spans {
                    let from = From::new(&resource, group.scope);
                    for span in group.spans {
                        batch.take_span(&from, span);
                    }
                }
            }
        }
        Signal::Logs => {
            for group in ExportLogsServiceRequest::decode(body)?.resource_logs {
                let resource = batch.resource(group.resource);
                for group in group.scope_logs {
                    let from = From::new(&resource, group.scope);
                    for record in group.log_records {
                        batch.take_record(&from, record);
                    }
                }
            }
        }
        Signal::Metrics => {
            for group in ExportMetricsServiceRequest::decode(body)?.resource_metrics {
                let resource = batch.resource(group.resource);
                for group in group.scope_metrics {
                    let from = From::new(&resource, group.scope);
                    for metric in group.metrics {
                        batch.take_metric(&from, metric);
                    }
                }
            }
        }
    }
    Ok(batch)
}

/// Who says something.
struct From<'a> {
    resource: &'a Attributes,
    scope: String,
}

impl<'a> From<'a> {
    fn new(resource: &'a Attributes, scope: Option<InstrumentationScope>) -> Self {
        let scope = scope.map(|scope| scope.name).unwrap_or_default();
        Self { resource, scope }
    }
}

impl Batch {
    /// The attributes of a resource, among them the app's name.
    fn resource(&mut self, resource: Option<Resource>) -> Attributes {
        let attributes = resource.map(|resource| resource.attributes);
        let attributes = attributes_of(attributes.unwrap_or_default());
        if let Some(name) = attributes.get("service.name").and_then(Value::as_str) {
            self.app = Some(name.to_owned());
        }
        attributes
    }

    fn take_span(&mut self, from: &From<'_>, span: wire::Span) {
        let place = (
            whole_id(&span.trace_id, TRACE_ID_BYTES),
            whole_id(&span.span_id, SPAN_ID_BYTES),
        );
        let (Some(trace), Some(id)) = place else {
            return self.reject(Signal::Traces, "a span's id is none");
        };
        let kind = span.kind();
        let status = span.status.unwrap_or_default();
        let failed = status.code() == StatusCode::Error;
        let attributes = attributes_of(span.attributes);
        let parent = (!span.parent_span_id.is_empty()).then(|| hex(&span.parent_span_id));
        let said = json!({
            "traceId": trace,
            "spanId": id,
            "parentSpanId": parent,
            "traceState": span.trace_state,
            "flags": span.flags,
            "name": span.name,
            "kind": kind.as_str_name(),
            "startTimeUnixNano": span.start_time_unix_nano.to_string(),
            "endTimeUnixNano": span.end_time_unix_nano.to_string(),
            "status": {"code": status.code().as_str_name(), "message": status.message},
            "attributes": attributes,
            "events": span.events.iter().map(told).collect::<Vec<_>>(),
            "links": span.links.into_iter().map(|link| json!({
                "traceId": hex(&link.trace_id),
                "spanId": hex(&link.span_id),
                "attributes": attributes_of(link.attributes),
            })).collect::<Vec<_>>(),
            "scope": from.scope,
            "resource": from.resource,
        });
        for event in span.events {
            self.take_event(&trace, &id, event);
        }
        let nanoseconds = span
            .end_time_unix_nano
            .saturating_sub(span.start_time_unix_nano);
        self.push(
            &said,
            Content::Span(Span {
                trace,
                id,
                parent,
                name: span.name,
                kind: match kind {
                    wire::span::SpanKind::Server => SpanKind::Server,
                    wire::span::SpanKind::Client => SpanKind::Client,
                    wire::span::SpanKind::Producer => SpanKind::Producer,
                    wire::span::SpanKind::Consumer => SpanKind::Consumer,
                    wire::span::SpanKind::Internal | wire::span::SpanKind::Unspecified => {
                        SpanKind::Internal
                    }
                },
                start: Time(span.start_time_unix_nano),
                duration: Duration::from_nanos(nanoseconds),
                failed,
                attributes,
            }),
        );
    }

    /// Application Insights gets each event of a span as an item of its own.
    fn take_event(&mut self, trace: &str, span: &str, event: Event) {
        let said = told(&event);
        let attributes = attributes_of(event.attributes);
        let text = |name: &str| Some(attributes.get(name)?.as_str()?.to_owned());
        let is_exception = event.name == EXCEPTION;
        let usual = if is_exception {
            Level::Error
        } else {
            Level::Info
        };
        let message = is_exception.then(|| text("exception.message")).flatten();
        let log = Log {
            trace: Some(trace.to_owned()),
            span: Some(span.to_owned()),
            time: Time(event.time_unix_nano),
            level: text("level").and_then(|word| level(&word)).unwrap_or(usual),
            message: message.unwrap_or(event.name),
            is_audit: false,
            attributes,
        };
        self.push(&said, Content::Log(log));
    }

    fn take_record(&mut self, from: &From<'_>, record: LogRecord) {
        let severity = record.severity_number();
        let trace = whole_id(&record.trace_id, TRACE_ID_BYTES);
        let span = whole_id(&record.span_id, SPAN_ID_BYTES);
        let body = record.body.map(value).unwrap_or_default();
        let mut attributes = attributes_of(record.attributes);
        let said = json!({
            "traceId": hex(&record.trace_id),
            "spanId": hex(&record.span_id),
            "timeUnixNano": record.time_unix_nano.to_string(),
            "observedTimeUnixNano": record.observed_time_unix_nano.to_string(),
            "severityNumber": record.severity_number,
            "severityText": record.severity_text,
            "eventName": record.event_name,
            "body": body,
            "attributes": attributes,
            "flags": record.flags,
            "scope": from.scope,
            "resource": from.resource,
        });
        let exception = attributes.get("exception.message").and_then(Value::as_str);
        let message = match (exception, &body) {
            (Some(message), _) => message.to_owned(),
            (None, Value::String(text)) => text.clone(),
            (None, Value::Null) => record.event_name,
            (None, other) => other.to_string(),
        };
        let is_audit = is_audit(Some(&from.scope), &attributes, &message);
        attributes.remove("exception.message");
        let time = [record.time_unix_nano, record.observed_time_unix_nano];
        let log = Log {
            trace,
            span,
            time: Time(time.into_iter().find(|time| *time != 0).unwrap_or_default()),
            level: match severity as i32 {
                1..=4 => Level::Trace,
                5..=8 => Level::Debug,
                13..=16 => Level::Warn,
                17..=24 => Level::Error,
                _ => Level::Info,
            },
            message,
            attributes,
            is_audit,
        };
        self.push(&said, Content::Log(log));
    }

    fn push(&mut self, said: &Value, content: Content) {
        let raw = to_raw_value(said).expect("documents have string keys only");
        let index = self.next_index();
        self.items.push(Item {
            index,
            raw,
            content,
        });
    }

    fn reject(&mut self, signal: Signal, why: &'static str) {
        self.rejected.push(Rejected {
            index: self.next_index(),
            signal,
            status: 400,
            why,
        });
    }

    fn next_index(&self) -> usize {
        self.items.len() + self.rejected.len()
    }
}

fn told(event: &Event) -> Value {
    json!({
        "name": event.name,
        "timeUnixNano": event.time_unix_nano.to_string(),
        "attributes": attributes_of(event.attributes.clone()),
    })
}

fn level(word: &str) -> Option<Level> {
    [
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
    ]
    .into_iter()
    .find(|level| level.word().eq_ignore_ascii_case(word))
}

fn attributes_of(attributes: Vec<KeyValue>) -> Attributes {
    let attributes = attributes.into_iter();
    attributes
        .map(|KeyValue { key, value: v, .. }| (key, v.map(value).unwrap_or_default()))
        .collect()
}

fn value(any: AnyValue) -> Value {
    match any.value {
        None => Value::Null,
        Some(Any::StringValue(text)) => text.into(),
        Some(Any::BoolValue(is)) => is.into(),
        Some(Any::IntValue(number)) => number.into(),
        Some(Any::DoubleValue(number)) => number.into(),
        Some(Any::ArrayValue(list)) => list.values.into_iter().map(value).collect(),
        Some(Any::KvlistValue(list)) => json!(attributes_of(list.values)),
        Some(Any::BytesValue(bytes)) => STANDARD.encode(bytes).into(),
        // Only profiles may have these, and no others know what they stand for.
        Some(Any::StringValueStrindex(_)) => Value::Null,
    }
}

/// An id of this length that is not all zeros (W3C Trace Context, "trace-id", "parent-id").
fn whole_id(id: &[u8], length: usize) -> Option<String> {
    (id.len() == length && id.iter().any(|byte| *byte != 0)).then(|| hex(id))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
