use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::LogProcessor;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::telemetry::{JsonLines, Sink, When};

#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SdkLogRecord>>>);

impl LogProcessor for Kept {
    fn emit(&self, record: &mut SdkLogRecord, _: &InstrumentationScope) {
        self.0.lock().unwrap().push(record.clone());
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn line(&self, _: &str, _: When) {}
}

/// The ordinary records and those of the audit trail that something makes.
fn records(of: impl FnOnce()) -> [Vec<SdkLogRecord>; 2] {
    let kept = [Kept::default(), Kept::default()];
    let providers = kept.clone().map(|kept| {
        SdkLoggerProvider::builder()
            .with_log_processor(kept)
            .build()
    });
    let subscriber = tracing_subscriber::registry()
        .with(JsonLines::to(Nowhere))
        .with(Records::of(&providers, Fields::declared(&[])));
    tracing::subscriber::with_default(subscriber, of);
    kept.map(|kept| kept.0.lock().unwrap().clone())
}

fn text(record: &SdkLogRecord, name: &str) -> Option<String> {
    let found = record
        .attributes_iter()
        .find(|(key, _)| key.as_str() == name);
    found.map(|(_, value)| match value {
        AnyValue::String(text) => text.as_str().to_owned(),
        other => format!("{other:?}"),
    })
}

fn body(record: &SdkLogRecord) -> String {
    match record.body() {
        Some(AnyValue::String(text)) => text.as_str().to_owned(),
        other => format!("{other:?}"),
    }
}

fn trace(flags: TraceFlags) -> Trace {
    let ids = (TraceId::from_bytes([1; 16]), SpanId::from_bytes([2; 8]));
    let context = SpanContext::new(ids.0, ids.1, flags, false, TraceState::NONE);
    Trace::new().with_remote_span_context(context)
}

#[test]
fn a_record_tells_where_it_belongs() {
    let [records, _] = records(|| {
        let _trace = trace(TraceFlags::SAMPLED).attach();
        let _span = tracing::info_span!(
            "invocation",
            invocation.id = "i-1",
            function.name = "orders",
            secret_plan = "no",
        )
        .entered();
        tracing::warn!(target: "stockade::auth", rule = "claim", count = 3, "turned \"away\"");
    });

    let [record] = &records[..] else {
        panic!("one record");
    };
    assert_eq!(body(record), "turned \"away\"");
    assert_eq!(record.severity_number(), Some(Severity::Warn));
    assert_eq!(text(record, "rule").as_deref(), Some("claim"));
    assert_eq!(text(record, "count").as_deref(), Some("Int(3)"));
    assert_eq!(text(record, "invocation.id").as_deref(), Some("i-1"));
    assert_eq!(text(record, "function.name").as_deref(), Some("orders"));
    assert_eq!(text(record, "secret_plan").as_deref(), Some("[withheld]"));
    let context = record.trace_context().expect("a trace");
    assert_eq!(context.trace_id, TraceId::from_bytes([1; 16]));
    assert_eq!(context.span_id, SpanId::from_bytes([2; 8]));
}

#[test]
fn a_field_that_is_not_listed_stays_and_its_name_says_so() {
    let [records, _] = records(|| {
        tracing::info!(target: "orders", authorization = "Bearer x", body = ?"text", order = 17, "came in");
    });

    for name in ["authorization", "body", "order"] {
        assert_eq!(text(&records[0], name).as_deref(), Some("[withheld]"));
    }
    assert_eq!(records[0].attributes_iter().count(), 3);
}

#[test]
fn long_texts_are_cut_between_characters_here_too() {
    let long = format!("a{}", "日".repeat(4000));
    let [records, _] = records(|| {
        tracing::info!(target: "stockade::run", error = %long, "{long}");
    });

    assert_eq!(body(&records[0]).len(), 8191);
    assert_eq!(
        text(&records[0], "error").map(|text| text.len()),
        Some(1024)
    );
}

#[test]
fn what_is_not_recorded_says_only_what_is_wrong() {
    let lines = || {
        tracing::info!(target: "orders", "step");
        tracing::warn!(target: "orders", "trouble");
        tracing::error!(target: "orders", "ruin");
        tracing::debug!(target: "orders", "noise");
    };

    let [unrecorded, _] = records(|| {
        let _trace = trace(TraceFlags::default()).attach();
        lines();
    });
    let [outside, _] = records(lines);

    let bodies = |records: &[SdkLogRecord]| records.iter().map(body).collect::<Vec<_>>();
    assert_eq!(bodies(&unrecorded), ["trouble", "ruin"]);
    assert_eq!(bodies(&outside), ["step", "trouble", "ruin"]);
}

#[test]
fn the_audit_trail_goes_its_own_way_recorded_or_not() {
    let [records, audit] = records(|| {
        let _trace = trace(TraceFlags::default()).attach();
        tracing::info!(target: "stockade::audit", outcome = "succeeded", "auth.succeeded");
    });

    assert!(records.is_empty());
    assert_eq!(body(&audit[0]), "auth.succeeded");
}

#[test]
fn the_export_does_not_export_what_it_says() {
    let [records, audit] = records(|| {
        tracing::warn!(target: "stockade::telemetry::export::ledger", "telemetry was lost");
        tracing::error!(target: "opentelemetry_sdk", "trouble");
        tracing::warn!(target: "hyper_util::client", "trouble");
        tracing::info!(target: "stockade::invocation", "invocation succeeded");
        let _suppressed = Trace::enter_telemetry_suppressed_scope();
        tracing::warn!(target: "stockade::azure::identity", "a token was refused");
    });

    assert!(records.is_empty() && audit.is_empty(), "{records:?}");
}
