//! Functions with secrets, in their app.

use serde_json::json;

use super::*;
use crate::output::Reply;
use crate::test::TestApp;
use crate::{App, Error, Function, access, on};

fn open() -> access::Access<access::Anyone> {
    access::anonymous("a test")
}

async fn read(key: Secret<Key>) -> Reply<String> {
    Reply::ok(key.expose_secret().to_owned())
}

async fn either(key: Option<Secret<Key>>) -> Reply<bool> {
    Reply::ok(key.is_some())
}

async fn other() -> Reply<&'static str> {
    Reply::ok("up")
}

async fn tick(key: Secret<Key>) -> Result<(), Error> {
    assert_eq!(key.expose_secret(), "one");
    Ok(())
}

fn app() -> App<()> {
    App::new("keys")
        .function(Function::new("read", on::get("read", open()), read))
        .function(Function::new("either", on::get("either", open()), either))
        .function(Function::new("other", on::get("other", open()), other))
        .function(Function::new("tick", on::timer("0 0 3 * * *"), tick))
}

#[tokio::test(start_paused = true)]
async fn a_function_takes_the_current_value() {
    let app = app().with_state(()).with_secret::<Key>("one");
    assert_eq!(app.call("read").await.json::<String>(), "one");
    assert!(app.call("either").await.json::<bool>());

    let app = app.with_secret::<Key>("two");
    assert_eq!(app.call("read").await.json::<String>(), "two");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_its_required_secret_is_answered_503_and_others_go_on() {
    let app = app().with_state(());
    let started = Instant::now();

    let refused = app.call("read").await;

    assert_eq!(refused.status(), 503);
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert!(!String::from_utf8_lossy(refused.body()).contains("erp-key"));
    let line = app.log().pop().unwrap();
    assert_eq!(line["outcome"], "unavailable");
    assert_eq!(line["rule"], "no_secret");
    assert_eq!(line["error"], "the secret `erp-key` is not there");
    assert_eq!(app.call("other").await.status(), 200);
    assert!(!app.call("either").await.json::<bool>());
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_its_secret_waits_until_its_deadline() {
    let app = app().with_state(());
    let started = Instant::now();

    let outcome = app.call("tick").await;

    assert!(!outcome.is_done());
    assert_eq!(started.elapsed(), Duration::from_secs(30));
    assert_eq!(app.log().pop().unwrap()["rule"], "deadline");
}

#[tokio::test(start_paused = true)]
async fn an_event_goes_on_as_soon_as_its_secret_comes() {
    let app = app().with_state(());
    let filled = async {
        after(10).await;
        fill(&app);
    };
    let started = Instant::now();

    let (outcome, ()) = tokio::join!(async { app.call("tick").await }, filled);

    assert!(outcome.is_done());
    assert_eq!(started.elapsed(), Duration::from_secs(10));
}

fn fill<S: Send + Sync + 'static>(app: &TestApp<S>) {
    app.secrets().fill::<Key>("one");
}

#[test]
fn the_manifest_lists_each_secret_once_and_says_which_are_required() {
    let app = app().secret::<Other>().function(Function::new(
        "pinned",
        on::get("pinned", open()),
        pinned,
    ));
    let manifest = serde_json::to_value(app.manifest()).unwrap();

    assert_eq!(
        manifest["secrets"],
        json!([
            {"name": "erp-key", "required": true},
            {"name": "erp-key", "version": "00000000000000000000000000000001", "required": false},
            {"name": "other-key", "required": true},
        ])
    );
    assert_eq!(manifest["functions"][0]["secrets"], json!(["erp-key"]));
    assert!(manifest["functions"][2].get("secrets").is_none());
    let none = App::<()>::new("none").function(Function::new("it", on::get("it", open()), other));
    let manifest = serde_json::to_value(none.manifest()).unwrap();
    assert!(manifest.get("secrets").is_none());
}

async fn pinned(_: Option<Secret<Pinned>>) -> Reply<()> {
    Reply::ok(())
}

#[test]
#[should_panic(expected = "the app does not declare the secret `other-key`")]
fn a_test_cannot_set_a_secret_that_the_app_does_not_declare() {
    let _ = app().with_state(()).with_secret::<Other>("x");
}
