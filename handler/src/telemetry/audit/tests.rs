//! What invocations leave in the trail, through the pipeline.

use std::sync::{Arc, Mutex};

use opentelemetry::trace::TraceContextExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use validator::Validate;

use crate::input::{Json, Message};
use crate::output::Sink;
use crate::test::TestApp;
use crate::{App, Error, Function, Principal, Reply, access, on};

const ADA: &str = "aaaaaaaa-1f0e-4d3c-8b2a-6c5d4e3f2a10";
const CLIENT: &str = "5f0c7d21-9e4b-4a38-b6d1-8c2e3f7a9045";
const ID: &str = "00000000-0000-4000-8000-000000000000";

#[derive(Deserialize, JsonSchema, Validate)]
struct Order {
    #[validate(range(min = 1))]
    quantity: u32,
}

async fn order(_: Principal, Json(order): Json<Order>) -> Result<Reply<String>, Error> {
    match order.quantity {
        1 => Ok(Reply::ok("ordered".to_owned())),
        2 => Err(Error::forbidden("Not yours.")),
        3 => Err(Error::not_found("There is none.")),
        4 => Err(Error::reject("odd", "That is odd.")),
        _ => panic!("boom"),
    }
}

async fn work(Message(order): Message<Order>) -> Result<(), Error> {
    match order.quantity {
        1 => Ok(()),
        2 => Err(Error::fatal(std::io::Error::other("for good"))),
        _ => Err(Error::retry(std::io::Error::other("later"))),
    }
}

async fn open() -> Reply<String> {
    Reply::ok("up".to_owned())
}

fn app() -> TestApp<()> {
    let queue = || on::queue("orders");
    App::<()>::new("orders")
        .function(Function::new(
            "order",
            on::post("order", access::scope("Orders.Write")),
            order,
        ))
        .function(Function::new(
            "open",
            on::get("open", access::anonymous("a test")),
            open,
        ))
        .function(Function::new(
            "work",
            queue().quarantine(Sink::queue("broken")),
            work,
        ))
        .function(Function::new("strict", queue(), work))
        .with_state(())
}

fn ada() -> Principal {
    Principal::for_tests(ADA)
        .with_client(CLIENT)
        .with_scope("Orders.Write")
}

/// The audit events, without what each has.
fn trail(app: &TestApp<()>) -> Vec<Value> {
    let mut events = app.audit();
    for event in &mut events {
        assert_eq!(event["audit.version"], 1);
        for name in ["timestamp", "audit.version", "audit.id"] {
            event.as_object_mut().unwrap().remove(name);
        }
    }
    events
}

fn order_of(quantity: u32) -> Value {
    json!({ "quantity": quantity })
}

/// An event of a caller that is known.
fn by_ada(name: &str, level: &str, rule: Option<&str>) -> Value {
    let mut event = json!({
        "message": name,
        "level": level,
        "count": 1,
        "function.name": "order",
        "invocation.id": ID,
        "client.address": "203.0.113.7",
        "principal.tenant_id": crate::auth::testing::tenant_id().as_str(),
        "principal.object_id": ADA,
        "principal.client_id": CLIENT,
    });
    if let Some(rule) = rule {
        event["rule"] = rule.into();
    }
    event
}

#[tokio::test]
async fn a_call_that_is_let_in_says_who_called_what_and_from_where() {
    let app = app();

    let call = app.call("order").as_caller(ada()).json(&order_of(1));
    assert_eq!(call.coming_from([203, 0, 113, 7]).await.status(), 200);

    assert_eq!(trail(&app), [by_ada("auth.succeeded", "INFO", None)]);
}

#[tokio::test]
async fn each_way_to_be_turned_away_is_its_own_event() {
    for (quantity, status, event) in [
        (0, 400, Some(("input.rejected", "invalid_input"))),
        (2, 403, Some(("access.refused", "forbidden"))),
        (3, 404, None),
        (4, 422, Some(("input.rejected", "odd"))),
        (5, 500, None),
    ] {
        let app = app();

        let call = app.call("order").as_caller(ada()).json(&order_of(quantity));
        let outcome = call.coming_from([203, 0, 113, 7]).await;

        assert_eq!(outcome.status(), status);
        let mut expected = vec![by_ada("auth.succeeded", "INFO", None)];
        expected.extend(event.map(|(name, rule)| by_ada(name, "WARN", Some(rule))));
        assert_eq!(trail(&app), expected, "{quantity}");
    }
}

#[tokio::test]
async fn a_known_caller_without_the_permission_is_refused_and_a_stranger_is_denied() {
    let app = app();
    let nobody = Principal::for_tests(ADA).with_client(CLIENT);

    let call = app.call("order").as_caller(nobody).json(&order_of(1));
    assert_eq!(call.coming_from([203, 0, 113, 7]).await.status(), 403);
    let call = app.call("order").json(&order_of(1));
    assert_eq!(call.coming_from([203, 0, 113, 7]).await.status(), 401);

    let stranger = json!({
        "message": "auth.denied",
        "level": "WARN",
        "rule": "missing_token",
        "count": 1,
        "function.name": "order",
        "invocation.id": ID,
        "client.address": "203.0.113.7",
    });
    let refused = by_ada("access.refused", "WARN", Some("missing_permission"));
    assert_eq!(trail(&app), [refused, stranger]);
}

/// Whether the span of each event is said to be recorded.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<Vec<bool>>>);

impl<S: Subscriber> Layer<S> for Recorded {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == super::TARGET {
            let current = opentelemetry::Context::current();
            let is_recorded = current.span().span_context().is_sampled();
            self.0.lock().unwrap().push(is_recorded);
        }
    }
}

#[tokio::test]
async fn the_events_of_what_ends_badly_say_that_its_span_is_recorded() {
    let recorded = Recorded::default();
    let app = app().telling(Dispatch::new(
        tracing_subscriber::registry().with(recorded.clone()),
    ));

    let rejected = app.call("order").as_caller(ada()).json(&order_of(0)).await;
    let denied = app.call("order").json(&order_of(1)).await;
    let _ = app.call("work").message(&order_of(0)).await;

    assert_eq!((rejected.status(), denied.status()), (400, 401));
    // Let in and rejected, denied, rejected and kept.
    assert_eq!(*recorded.0.lock().unwrap(), [true; 5]);
}

#[tokio::test]
async fn an_anonymous_call_that_goes_well_leaves_nothing() {
    let app = app();

    assert_eq!(app.call("open").await.status(), 200);

    assert_eq!(trail(&app), [Value::Null; 0]);
}

#[tokio::test]
async fn an_event_that_is_kept_says_so_and_one_that_is_left_to_the_platform_does_not() {
    let names = |app: &TestApp<()>| {
        let events = trail(app).into_iter();
        let names = events.map(|event| (event["message"].clone(), event["rule"].clone()));
        names.collect::<Vec<_>>()
    };
    let rejected = |name: &str, rule: &str| (json!(name), json!(rule));
    let both = [
        rejected("input.rejected", "invalid_input"),
        rejected("event.quarantined", "invalid_input"),
    ];
    for (function, quantity, expected) in [
        ("work", 0, &both[..]),
        ("work", 2, &[rejected("event.quarantined", "fatal")]),
        ("work", 3, &[]),
        ("strict", 0, &both[..1]),
        ("strict", 2, &[]),
    ] {
        let app = app();

        let _ = app.call(function).message(&order_of(quantity)).await;

        assert_eq!(names(&app), expected, "{function} {quantity}");
    }
}

#[tokio::test]
async fn a_flood_is_told_twice_and_counted_whole() {
    let app = app();

    for _ in 0..500 {
        assert_eq!(app.call("order").await.status(), 401);
    }
    app.tell_rest_of_trail();

    let counts: Vec<_> = trail(&app)
        .iter()
        .map(|event| (event["rule"].clone(), event["count"].clone()))
        .collect();
    let rule = json!("missing_token");
    assert_eq!(counts, [(rule.clone(), json!(1)), (rule, json!(499))]);
    let joined = &trail(&app)[1];
    assert_eq!(joined["function.name"], "order");
    assert_eq!(joined["invocation.id"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn what_was_joined_is_told_when_its_minute_ends() {
    let app = app();

    for _ in 0..3 {
        assert_eq!(app.call("order").await.status(), 401);
    }
    tokio::time::sleep(std::time::Duration::from_secs(70)).await;

    let counts: Vec<_> = trail(&app)
        .iter()
        .map(|event| event["count"].clone())
        .collect();
    assert_eq!(counts, [json!(1), json!(2)]);
}

#[tokio::test]
async fn only_ids_that_have_the_form_of_one_are_told() {
    for odd in [
        "\nazfuncjsonlog:{}",
        "\u{1b}[2J",
        "Ada Lovelace",
        "AAAAAAAA-1f0e-4d3c-8b2a-6c5d4e3f2a10",
    ] {
        let app = app();
        let caller = Principal::for_tests(odd)
            .with_client(odd)
            .with_scope("Orders.Write");

        let _ = app.call("order").as_caller(caller).json(&order_of(1)).await;

        let event = &trail(&app)[0];
        assert_eq!(event["message"], "auth.succeeded");
        assert_eq!(event["principal.object_id"], Value::Null, "{odd:?}");
        assert_eq!(event["principal.client_id"], Value::Null, "{odd:?}");
    }
}

#[tokio::test]
async fn each_event_has_an_id_of_its_own() {
    let app = app();
    let _ = app.call("order").await;
    let _ = app.call("order").as_caller(ada()).json(&order_of(0)).await;

    let lines = app.audit();
    let ids: std::collections::BTreeSet<_> = lines
        .iter()
        .filter_map(|line| line["audit.id"].as_str())
        .collect();

    assert_eq!(ids.len(), 3);
    for id in ids {
        assert!(id.parse::<crate::function::InvocationId>().is_ok(), "{id}");
        assert_eq!(&id[14..15], "4", "{id}");
        assert!("89ab".contains(&id[19..20]), "{id}");
    }
}
