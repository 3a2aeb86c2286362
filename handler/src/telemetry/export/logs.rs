//! Log lines as records for export.
//!
//! A layer of ours, since what leaves the process is chosen by the name of each field, and a record
//! cannot be changed once it is made.

use std::fmt;
use std::time::SystemTime;

use opentelemetry::Context as Trace;
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger, SdkLoggerProvider};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::text;
use crate::telemetry::audit;
use crate::telemetry::fields::{Fields, Passing, WITHHELD};
use crate::telemetry::lines::Written;

/// Makes records of events.
#[derive(Debug, Clone)]
pub(super) struct Records {
    logger: SdkLogger,
    /// Events of the audit trail have a queue of their own, which nothing else can fill.
    audit: SdkLogger,
    fields: Fields,
}

impl Records {
    /// Records go to the first provider, those of the audit trail to the second.
    pub(super) fn of([logs, audit]: &[SdkLoggerProvider; 2], fields: Fields) -> Self {
        Self {
            logger: logs.logger("stockade"),
            audit: audit.logger("stockade"),
            fields,
        }
    }
}

impl<S> Layer<S> for Records
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if !is_exported(metadata) || Trace::is_current_telemetry_suppressed() {
            return;
        }
        let is_audit = metadata.target() == audit::TARGET;
        if !is_audit && *metadata.level() == Level::INFO && belongs_to_what_is_not_recorded() {
            return;
        }
        let logger = if is_audit { &self.audit } else { &self.logger };
        let mut record = logger.create_log_record();
        record.set_timestamp(SystemTime::now());
        record.set_severity_number(severity(*metadata.level()));
        record.set_severity_text(metadata.level().as_str());
        record.set_target(metadata.target());
        let passing = self.fields.passing(metadata);
        event.record(&mut Members {
            record: &mut record,
            passing,
        });
        if let Some(scope) = context.event_scope(event) {
            for span in scope.from_root() {
                if let Some(written) = span.extensions().get::<Written>() {
                    repeat(written, &mut record);
                }
            }
        }
        logger.emit(record);
    }
}

/// Whether an event of this kind is exported at all. The line that closes an invocation is not, since
/// its span says the same; nor what the export itself has to say, which would never end.
fn is_exported(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let own = [super::TARGET, "opentelemetry", "hyper", "reqwest"];
    *metadata.level() <= Level::INFO
        && target != crate::telemetry::CLOSING
        && !own.iter().any(|own| target.starts_with(own))
}

fn belongs_to_what_is_not_recorded() -> bool {
    Trace::map_current(|trace| trace.has_active_span() && !trace.span().span_context().is_sampled())
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    }
}

/// Repeats the fields of a span as [`JsonLines`](crate::telemetry::JsonLines) wrote them, which chooses
/// by the same list. Most events are never exported, so nothing is kept in another form.
fn repeat(Written(written): &Written, record: &mut SdkLogRecord) {
    let Some(members) = written.strip_prefix(',') else {
        return;
    };
    let members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&format!("{{{members}}}")).unwrap_or_default();
    for (name, value) in members {
        match value {
            serde_json::Value::String(text) => add_text(record, name, &text),
            value => add_text(record, name, &value.to_string()),
        }
    }
}

fn add_text(record: &mut SdkLogRecord, name: impl Into<opentelemetry::Key>, text: &str) {
    let text = text::tidy(text, text::VALUE).into_owned();
    record.add_attribute(name, AnyValue::from(text));
}

/// Puts fields into a record, each only if it passes.
struct Members<'a> {
    record: &'a mut SdkLogRecord,
    passing: Passing,
}

impl Members<'_> {
    fn add(&mut self, field: &Field, value: impl Into<AnyValue>) {
        if self.passing.lets(field) {
            self.record.add_attribute(field.name(), value);
        } else {
            self.withhold(field);
        }
    }

    fn text(&mut self, field: &Field, text: &str) {
        if !self.passing.lets(field) {
            self.withhold(field);
        } else if field.name() == "message" {
            let text = text::tidy(text, text::MESSAGE).into_owned();
            self.record.set_body(text.into());
        } else {
            add_text(self.record, field.name(), text);
        }
    }

    fn withhold(&mut self, field: &Field) {
        self.record.add_attribute(field.name(), WITHHELD);
    }
}

impl Visit for Members<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.passing.lets(field) {
            self.text(field, &format!("{value:?}"));
        } else {
            self.withhold(field);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.add(field, value),
            Err(_) => self.text(field, &value.to_string()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}

#[cfg(test)]
mod tests;
