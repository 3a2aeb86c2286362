//! What is recorded of an invocation, through the whole pipeline.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceContextExt as _};
use opentelemetry::{Context as Current, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::auth::Principal;
use crate::failure::Error;
use crate::function::{Context, Function};
use crate::input::{Json, Message};
use crate::telemetry::sampling::{self, Sampler};
use crate::test::TestApp;
use crate::{App, FromRef, Reply, State, access, on};

#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Kept {
    fn on_start(&self, _: &mut Span, _: &Current) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Kept {
    fn take(&self) -> Vec<SpanData> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
struct Note {
    #[validate(length(min = 1, max = 5))]
    text: String,
}

/// What a function saw of its trace: the header it would send on, and the span that is current.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Option<(String, SpanContext)>>>);

impl FromRef<Seen> for Seen {
    fn from_ref(state: &Seen) -> Self {
        state.clone()
    }
}

fn app(kept: &Kept, seen: &Seen) -> TestApp<Seen> {
    async fn note(
        _: Principal,
        State(seen): State<Seen>,
        context: Context,
        Json(note): Json<Note>,
    ) -> Result<Reply<()>, Error> {
        let current = Current::current().span().span_context().clone();
        *seen.0.lock().unwrap() = Some((context.traceparent(), current));
        match note.text.as_str() {
            "panic" => panic!("as the test wants"),
            "gone" => Err(Error::gone("Gone.")),
            _ => Ok(Reply::ok(())),
        }
    }
    async fn work(Message(_): Message<Note>) {}

    sampling::install(Sampler::Always);
    App::new("notes")
        .function(Function::new(
            "note",
            on::post("notes/{id?}", access::scope("Notes.Write")),
            note,
        ))
        .function(Function::new("work", on::queue("work"), work))
        .with_state(seen.clone())
        .recording_to(Arc::new(kept.clone()))
}

fn writer() -> Principal {
    Principal::for_tests("ada").with_scope("Notes.Write")
}

fn note(text: &str) -> Note {
    Note {
        text: text.to_owned(),
    }
}

fn attribute(span: &SpanData, name: &str) -> Option<Value> {
    let mut found = span
        .attributes
        .iter()
        .filter(|one| one.key.as_str() == name);
    found.next().map(|one| one.value.clone())
}

fn text(span: &SpanData, name: &str) -> String {
    attribute(span, name).unwrap().as_str().into_owned()
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

#[tokio::test]
async fn a_call_is_one_span_below_the_callers_with_one_for_each_stage() {
    let (kept, seen) = (Kept::default(), Seen::default());
    let app = app(&kept, &seen);

    let call = app.call("note").as_caller(writer()).json(&note("hi"));
    call.header(TRACEPARENT, HeaderValue::from_static(PARENT))
        .await;

    let spans = kept.take();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["note", "authentication", "validation", "outputs"]);
    let own = &spans[0];
    assert_eq!(own.span_kind, SpanKind::Server);
    assert_eq!(
        own.parent_span_id,
        SpanId::from_hex("b7ad6b7169203331").unwrap()
    );
    assert!(own.parent_span_is_remote);
    assert_eq!(own.status, Status::Unset);
    for span in &spans {
        let trace = span.span_context.trace_id().to_string();
        assert_eq!(trace, "0af7651916cd43dd8448eb211c80319c");
        assert!(span.span_context.is_sampled());
        assert!(own.start_time <= span.start_time && span.end_time <= own.end_time);
        assert!(span.start_time <= span.end_time);
    }
    for stage in &spans[1..] {
        assert_eq!(stage.parent_span_id, own.span_context.span_id());
        assert_eq!(stage.span_kind, SpanKind::Internal);
    }
    assert_eq!(text(own, "faas.trigger"), "http");
    assert_eq!(text(own, "http.request.method"), "POST");
    assert_eq!(text(own, "http.route"), "/api/notes/{id?}");
    assert_eq!(text(own, "stockade.outcome"), "succeeded");
    assert_eq!(text(own, "user.id"), writer().id());
    assert_eq!(
        attribute(own, "http.response.status_code"),
        Some(Value::I64(200))
    );
    assert_eq!(attribute(own, "faas.coldstart"), Some(Value::Bool(true)));
}

#[tokio::test]
async fn the_function_is_inside_the_invocations_span() {
    let (kept, seen) = (Kept::default(), Seen::default());
    let app = app(&kept, &seen);

    app.call("note").as_caller(writer()).json(&note("hi")).await;

    let own = kept.take().swap_remove(0);
    let (traceparent, current) = seen.0.lock().unwrap().take().unwrap();
    let (trace, span) = (own.span_context.trace_id(), own.span_context.span_id());
    assert_eq!(traceparent, format!("00-{trace}-{span}-01"));
    assert_eq!((current.trace_id(), current.span_id()), (trace, span));
    assert!(current.is_sampled());
    assert_eq!(own.parent_span_id, SpanId::INVALID);
}

#[tokio::test]
async fn the_stage_that_an_invocation_ended_in_carries_its_rule() {
    let (kept, seen) = (Kept::default(), Seen::default());
    let app = app(&kept, &seen);
    let good = || app.call("note").as_caller(writer());
    let stranger = Principal::for_tests("eve");

    for (call, stages, rule, status) in [
        (
            app.call("note").json(&note("hi")),
            1,
            "missing_token",
            Some(401),
        ),
        (
            app.call("note").as_caller(stranger).json(&note("hi")),
            1,
            "missing_permission",
            Some(403),
        ),
        (
            good().json(&note("too long")),
            2,
            "invalid_input",
            Some(400),
        ),
        (good().json(&note("gone")), 3, "gone", Some(410)),
        (good().json(&note("panic")), 2, "panic", Some(500)),
        (
            app.call("work").message(&note("too long")),
            1,
            "invalid_input",
            None,
        ),
    ] {
        call.await;
        let spans = kept.take();
        assert_eq!(spans.len(), 1 + stages, "{rule}");
        let own = &spans[0];
        assert_eq!(text(own, "error.type"), rule);
        let told = attribute(own, "http.response.status_code");
        assert_eq!(told, status.map(Value::I64), "{rule}");
        let by_caller = status.is_some_and(|status| status < 500);
        let expected = if by_caller {
            Status::Unset
        } else {
            Status::error(rule)
        };
        assert_eq!(own.status, expected, "{rule}");
        assert_eq!(
            attribute(own, "microsoft.sample_rate"),
            Some(Value::F64(100.0))
        );
        // What the function itself did wrong belongs to no stage.
        if !["gone", "panic"].contains(&rule) {
            assert_eq!(text(&spans[stages], "error.type"), rule);
        }
    }
}

#[tokio::test]
async fn a_message_is_consumed_and_its_payload_is_nowhere() {
    let (kept, seen) = (Kept::default(), Seen::default());
    let app = app(&kept, &seen);

    app.call("work").message(&note("xyzzy")).await;

    let spans = kept.take();
    assert_eq!(spans[0].span_kind, SpanKind::Consumer);
    assert_eq!(text(&spans[0], "messaging.system"), "azure_storage_queues");
    assert!(!format!("{spans:?}").contains("xyzzy"));
}
