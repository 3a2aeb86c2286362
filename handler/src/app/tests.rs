//! The pipeline as its functions, callers and operators see it.

use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use validator::Validate;

use super::App;
use crate::auth::Principal;
use crate::failure::Error;
use crate::function::{Context, Function};
use crate::input::{Json, Message, QueueMeta, Tick};
use crate::output::{self, Enqueue, Sink};
use crate::test::{Outcome, TestApp};
use crate::{BinaryReply, Reply, TextReply, access, on};

mod callers;

#[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
struct Note {
    #[validate(length(min = 1, max = 5))]
    text: String,
}

struct Notes;

impl output::Queue for Notes {
    const NAME: &'static str = "notes";
    type Message = String;
}

fn writer() -> Principal {
    Principal::for_tests("ada").with_scope("Notes.Write")
}

fn app() -> TestApp<()> {
    async fn note(
        caller: Principal,
        Json(note): Json<Note>,
    ) -> Result<(Reply<Value>, Enqueue<Notes>), Error> {
        let queued = format!("{} by {}", note.text, caller.id());
        Ok((
            Reply::accepted(json!({"length": note.text.len()})),
            Enqueue::one(queued),
        ))
    }

    App::new("notes")
        .function(Function::new(
            "note",
            on::post("notes", access::scope("Notes.Write")),
            note,
        ))
        .with_state(())
}

/// An app of one anonymous function.
fn answering<H, A: 'static>(handler: H) -> TestApp<()>
where
    H: crate::Handler<A>,
    H::Arguments: crate::ArgumentList<on::HttpTrigger<access::Anyone>, ()>,
    H::Future: Future<Output: output::Returns<on::HttpTrigger<access::Anyone>>> + Send + 'static,
{
    let trigger = on::get("it", access::anonymous("a test"));
    App::new("one")
        .function(Function::new("it", trigger, handler))
        .with_state(())
}

/// An app of one function behind a queue, with a quarantine.
fn working<H, A: 'static>(handler: H) -> TestApp<()>
where
    H: crate::Handler<A>,
    H::Arguments: crate::ArgumentList<on::QueueTrigger, ()>,
    H::Future: Future<Output: output::Returns<on::QueueTrigger>> + Send + 'static,
{
    let trigger = on::queue("work").quarantine(Sink::queue("broken"));
    App::new("one")
        .function(Function::new("it", trigger, handler))
        .with_state(())
}

fn code(outcome: &Outcome) -> String {
    outcome.json::<Value>()["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_good_call_is_answered_and_written() {
    let outcome = app()
        .call("note")
        .as_caller(writer())
        .json(&json!({"text": "tea"}))
        .await;

    assert_eq!(outcome.status(), 202);
    assert_eq!(outcome.json::<Value>(), json!({"length": 3}));
    assert_eq!(outcome.queued::<Notes>(), [r#""tea by ada""#]);
}

#[tokio::test]
async fn a_caller_without_the_permission_is_refused_before_its_body_is_looked_at() {
    let stranger = Principal::for_tests("eve").with_scope("Notes.Read");

    let outcome = app().call("note").as_caller(stranger).body("{").await;

    assert_eq!(outcome.status(), 403);
    assert!(outcome.queued::<Notes>().is_empty());
}

#[tokio::test]
async fn a_call_without_a_token_is_refused_before_its_body_is_looked_at() {
    let outcome = app().call("note").body("{").await;

    assert_eq!(outcome.status(), 401);
    assert_eq!(outcome.header(header::WWW_AUTHENTICATE), Some("Bearer"));
}

#[tokio::test]
async fn an_invalid_body_is_named_by_its_place_and_never_by_its_value() {
    let secret = json!({"text": "longer than five"});

    let outcome = app().call("note").as_caller(writer()).json(&secret).await;

    assert_eq!(outcome.status(), 400);
    assert_eq!(outcome.json::<Value>()["errors"][0]["pointer"], "/text");
    assert!(!String::from_utf8_lossy(outcome.body()).contains("longer"));
}

#[tokio::test]
async fn one_line_tells_of_each_invocation() {
    let app = app();

    app.call("note")
        .as_caller(writer())
        .json(&json!({"text": "tea"}))
        .await;
    app.call("note")
        .as_caller(writer())
        .json(&json!({"text": "longer than five"}))
        .await;
    app.call("note").await;

    let lines = app.log();
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            [
                &line["outcome"],
                &line["rule"],
                &line["principal.id"],
                &line["level"],
            ]
        })
        .collect();
    assert_eq!(
        told,
        [
            [
                &json!("succeeded"),
                &Value::Null,
                &json!("ada"),
                &json!("INFO")
            ],
            [
                &json!("rejected"),
                &json!("invalid_input"),
                &json!("ada"),
                &json!("WARN")
            ],
            [
                &json!("denied"),
                &json!("missing_token"),
                &Value::Null,
                &json!("WARN")
            ],
        ]
    );
    for line in &lines {
        assert_eq!(line["function.name"], "note");
        assert_eq!(line["trigger"], "http");
        assert!(
            line["duration_ms"].is_f64() && line["invocation.id"].is_string(),
            "{line}"
        );
    }
    assert!(!format!("{lines:?}").contains("longer"));
}

#[tokio::test]
async fn answers_carry_the_safe_headers_unless_the_function_sets_its_own() {
    async fn plain() -> Reply<()> {
        Reply::ok(())
    }
    async fn cached() -> Reply<()> {
        Reply::ok(()).with_header(
            header::CACHE_CONTROL,
            HeaderValue::from_static("max-age=60"),
        )
    }

    let plain = answering(plain).call("it").await;
    let cached = answering(cached).call("it").await;

    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        ),
    ] {
        assert_eq!(plain.header(name), Some(value));
    }
    assert_eq!(cached.header(header::CACHE_CONTROL), Some("max-age=60"));
}

#[tokio::test]
async fn a_function_cannot_set_the_headers_of_the_connection() {
    async fn splitting() -> Reply<()> {
        Reply::ok(()).with_header(header::CONTENT_LENGTH, HeaderValue::from_static("0"))
    }

    assert_eq!(answering(splitting).call("it").await.status(), 500);
}

#[tokio::test]
async fn texts_and_bytes_are_answered_as_they_are() {
    async fn text() -> TextReply {
        TextReply::new(StatusCode::IM_A_TEAPOT, "tea")
    }
    async fn bytes() -> BinaryReply {
        BinaryReply::ok(HeaderValue::from_static("image/png"), vec![0x89, 0x50])
    }

    let text = answering(text).call("it").await;
    let bytes = answering(bytes).call("it").await;

    assert_eq!((text.status(), text.body()), (418, &b"tea"[..]));
    assert_eq!(
        text.header(header::CONTENT_TYPE),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!((bytes.status(), bytes.body()), (200, &[0x89, 0x50][..]));
    assert_eq!(bytes.header(header::CONTENT_TYPE), Some("image/png"));
}

/// What becomes of each way to fail: for an HTTP caller, and for an event with a quarantine.
#[tokio::test]
async fn each_failure_has_its_row_in_the_outcome_table() {
    type Make = fn() -> Error;
    let rows: [(&str, Make, u16, bool); 9] = [
        ("forbidden", || Error::forbidden("No."), 403, true),
        ("not_found", || Error::not_found("No."), 404, true),
        ("conflict", || Error::conflict("No."), 409, true),
        ("gone", || Error::gone("No."), 410, true),
        ("unprocessable", || Error::unprocessable("No."), 422, true),
        ("stale", || Error::reject("stale", "No."), 422, true),
        ("unavailable", || Error::retry("hunter2"), 503, false),
        ("function_failed", || Error::fatal("hunter2"), 500, true),
        (
            "function_failed",
            || std::io::Error::other("hunter2").into(),
            500,
            false,
        ),
    ];
    for (expected, make, status, quarantined) in rows {
        let http = answering(move || async move { Err::<Reply<()>, _>(make()) });
        let queue = working(move || async move { Err::<(), _>(make()) });

        let answered = http.call("it").await;
        let event = queue.call("it").message(&json!({"order": 7})).await;

        assert_eq!(
            (answered.status(), code(&answered)),
            (status, expected.to_owned())
        );
        assert!(
            !String::from_utf8_lossy(answered.body()).contains("hunter2"),
            "{expected}"
        );
        assert_eq!(
            answered.header(header::RETRY_AFTER).is_some(),
            status == 503,
            "{expected}"
        );
        assert_eq!(event.is_done(), quarantined, "{expected}");
        assert_eq!(
            event.quarantined().len(),
            usize::from(quarantined),
            "{expected}"
        );
    }
}

#[tokio::test]
async fn a_message_that_breaks_its_rules_goes_to_the_quarantine_whole() {
    async fn work(Message(_): Message<Note>) {}

    let good = working(work)
        .call("it")
        .message(&json!({"text": "tea"}))
        .await;
    let bad = working(work).call("it").body(&b"\xff not json"[..]).await;

    assert!(good.is_done() && good.quarantined().is_empty());
    assert!(bad.is_done());
    let kept = &bad.quarantined()[0];
    assert_eq!(kept["rule"], "invalid_input");
    assert_eq!(kept["payload_base64"], "/yBub3QganNvbg==");
}

#[tokio::test]
async fn a_message_without_a_quarantine_stays_with_its_queue() {
    async fn work(Message(_): Message<Note>) {}
    let app = App::<()>::new("one")
        .function(Function::new("it", on::queue("work"), work))
        .with_state(());

    assert!(
        app.call("it")
            .message(&json!({"text": "tea"}))
            .await
            .is_done()
    );
    assert!(!app.call("it").body("{").await.is_done());
}

#[tokio::test]
async fn an_event_that_does_not_fit_into_the_quarantine_stays_with_its_queue() {
    async fn work(Message(_): Message<Note>) {}

    let outcome = working(work).call("it").body(vec![b'x'; 48 * 1024]).await;

    assert!(!outcome.is_done());
}

#[tokio::test]
async fn a_panic_fails_one_invocation() {
    async fn panics() -> Reply<()> {
        panic!("hunter2")
    }
    let app = answering(panics);

    for _ in 0..2 {
        let outcome = app.call("it").await;
        assert_eq!(
            (outcome.status(), code(&outcome)),
            (500, "function_failed".to_owned())
        );
        assert!(!String::from_utf8_lossy(outcome.body()).contains("hunter2"));
    }
    assert_eq!(app.log()[0]["rule"], "panic");
}

#[tokio::test(start_paused = true)]
async fn an_invocation_is_given_up_at_its_deadline() {
    async fn slow() -> Reply<()> {
        tokio::time::sleep(Duration::from_secs(3)).await;
        Reply::ok(())
    }
    let slow_within = |seconds| {
        let trigger = on::get("it", access::anonymous("a test"));
        let function = Function::new("it", trigger, slow).deadline(Duration::from_secs(seconds));
        App::<()>::new("one").function(function).with_state(())
    };

    assert_eq!(slow_within(4).call("it").await.status(), 200);
    assert_eq!(slow_within(2).call("it").await.status(), 504);
}

#[tokio::test]
async fn guards_may_only_refuse_and_never_see_a_stranger() {
    async fn it(caller: Principal) -> Reply<String> {
        Reply::ok(caller.id().to_owned())
    }
    let trigger = on::get("it", access::scope("It"));
    let function = Function::new("it", trigger, it).guard(|visit| {
        let caller = visit
            .principal()
            .ok_or_else(|| Error::forbidden("Nobody."))?;
        if caller.id() == "eve" {
            Err(Error::forbidden("Not eve."))
        } else {
            Ok(())
        }
    });
    let app = App::<()>::new("one")
        .function(function)
        .guard(|visit| {
            assert!(
                visit
                    .principal()
                    .is_some_and(|caller| caller.has_scope("It"))
            );
            Ok(())
        })
        .with_state(());
    let as_caller = |name| Principal::for_tests(name).with_scope("It");

    assert_eq!(
        app.call("it").as_caller(as_caller("ada")).await.status(),
        200
    );
    assert_eq!(
        app.call("it").as_caller(as_caller("eve")).await.status(),
        403
    );
    assert_eq!(
        app.call("it")
            .as_caller(Principal::for_tests("bob"))
            .await
            .status(),
        403
    );
    assert_eq!(app.log().last().unwrap()["outcome"], "denied");
}

#[tokio::test]
async fn a_handler_learns_which_invocation_it_is_in() {
    async fn it(context: Context) -> Reply<Value> {
        Reply::ok(json!({
            "function": context.function(),
            "attempt": context.attempt(),
            "hasTime": context.remaining() > Duration::from_secs(20),
        }))
    }

    let told: Value = answering(it).call("it").await.json();

    assert_eq!(
        told,
        json!({"function": "it", "attempt": 0, "hasTime": true})
    );
}

#[tokio::test]
async fn events_tell_what_their_service_says_of_them() {
    async fn work(meta: QueueMeta) -> Result<(), Error> {
        match meta.dequeue_count {
            Some(3) => Ok(()),
            _ => Err(Error::retry("not the third time")),
        }
    }
    async fn tick(tick: Tick) -> Result<(), Error> {
        if tick.is_past_due() {
            Err(Error::retry("late"))
        } else {
            Ok(())
        }
    }
    let timer = App::<()>::new("one")
        .function(Function::new("tick", on::timer("0 0 3 * * *"), tick))
        .with_state(());

    assert!(
        working(work)
            .call("it")
            .message(&1)
            .dequeue_count(3)
            .await
            .is_done()
    );
    assert!(
        !working(work)
            .call("it")
            .message(&1)
            .dequeue_count(2)
            .await
            .is_done()
    );
    assert!(timer.call("tick").await.is_done());
    assert!(!timer.call("tick").past_due().await.is_done());
}

#[tokio::test]
async fn several_outputs_are_numbered_in_their_order() {
    struct Others;
    impl output::Queue for Others {
        const NAME: &'static str = "others";
        type Message = u8;
    }
    async fn it() -> (Reply<()>, Enqueue<Notes>, Option<Enqueue<Others>>) {
        (
            Reply::ok(()),
            Enqueue::many(["a".to_owned(), "b".to_owned()]),
            Some(Enqueue::one(7)),
        )
    }
    async fn hole() -> (Reply<()>, Option<Enqueue<Notes>>, Enqueue<Others>) {
        (Reply::ok(()), None, Enqueue::one(8))
    }

    let both = answering(it).call("it").await;
    let one = answering(hole).call("it").await;

    assert_eq!(both.queued::<Notes>(), [r#""a""#, r#""b""#]);
    assert_eq!(both.queued::<Others>(), ["7"]);
    assert!(one.queued::<Notes>().is_empty());
    assert_eq!(one.queued::<Others>(), ["8"]);
}
