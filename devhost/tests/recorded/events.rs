//! Functions that no HTTP request sets off, through the real binary: queues, timers, retries.

use crate::client;
use crate::devhost::Devhost;
use crate::recorder::Recorder;
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

/// An app with these functions, in the envelope.
fn app(port: u16, functions: &[(&str, Value)]) -> TempDir {
    let app = tempfile::tempdir().expect("a temporary folder");
    let host = json!({
        "version": "2.0",
        "extensions": {"queues": {"maxDequeueCount": 2}},
        "customHandler": {
            "port": port.to_string(),
            "description": {"defaultExecutablePath": "sleep", "arguments": ["600"]},
        },
    });
    std::fs::write(app.path().join("host.json"), host.to_string()).expect("writable");
    for (name, function) in functions {
        std::fs::create_dir(app.path().join(name)).expect("writable");
        std::fs::write(
            app.path().join(name).join("function.json"),
            function.to_string(),
        )
        .expect("writable");
    }
    app
}

fn place() -> Value {
    json!({"bindings": [
        {"type": "httpTrigger", "name": "req", "authLevel": "anonymous", "route": "place"},
        {"type": "http", "direction": "out", "name": "res"},
        {"type": "queue", "direction": "out", "name": "next", "queueName": "%ORDERS_QUEUE%"},
        {"type": "blob", "direction": "out", "name": "copy", "path": "orders/{id}.txt"},
    ]})
}

fn work() -> Value {
    json!({"bindings": [{"type": "queueTrigger", "name": "item", "queueName": "%ORDERS_QUEUE%", "dataType": "string"}]})
}

async fn admin(devhost: &Devhost, method: &str, target: &str, body: &str) -> Vec<u8> {
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:7071\r\nx-functions-key: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        devhost.master_key(),
        body.len()
    );
    client::send_bytes(devhost.port(), request.as_bytes())
        .await
        .body
}

/// The messages that stand in a queue.
async fn queued(devhost: &Devhost, queue: &str) -> Vec<Value> {
    let body = admin(
        devhost,
        "GET",
        &format!("/admin/devhost/queues/{queue}"),
        "",
    )
    .await;
    serde_json::from_slice(&body).expect("a list of messages")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_feeds_the_function_that_listens_to_its_queue() {
    let recorder = Recorder::start().await;
    recorder.answer(
        "place",
        200,
        &json!({"Outputs": {
            "res": {"statusCode": 202, "body": "taken"},
            "next": ["an order"],
            "copy": "YSBjb3B5",
        }}),
    );
    let devhost = Devhost::serve(app(
        recorder.port(),
        &[("place", place()), ("work", work())],
    ))
    .await;

    let got = client::get(devhost.port(), "/api/place?id=o-1", Vec::new()).await;
    let placed = recorder.next().await;
    let worked = recorder.next().await;

    assert_eq!(
        (got.status, got.body.as_slice()),
        (Some(202), b"taken".as_slice())
    );
    assert_eq!(placed.target, "/place");
    assert_eq!(worked.target, "/work");
    let envelope: Value = serde_json::from_slice(&worked.body).expect("an envelope");
    assert_eq!(envelope["Data"]["item"], "\"an order\"");
    assert_eq!(envelope["Metadata"]["DequeueCount"], "1");
    assert_eq!(
        admin(&devhost, "GET", "/admin/devhost/blobs/orders/o-1.txt", "").await,
        b"a copy"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_always_fails_ends_as_poison() {
    let recorder = Recorder::start().await;
    recorder.answer("work", 500, &json!({}));
    let devhost = Devhost::serve(app(recorder.port(), &[("work", work())])).await;

    admin(
        &devhost,
        "POST",
        "/admin/devhost/queues/orders-queue",
        "bad",
    )
    .await;
    let tries = [recorder.next().await, recorder.next().await];

    for (index, one) in tries.iter().enumerate() {
        let envelope: Value = serde_json::from_slice(&one.body).expect("an envelope");
        assert_eq!(
            envelope["Metadata"]["DequeueCount"],
            (index + 1).to_string()
        );
    }
    for _ in 0..100 {
        if queued(&devhost, "orders-queue-poison").await.len() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the message did not become poison");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_policy_repeats_with_one_id_and_tells_what_failed() {
    let recorder = Recorder::start().await;
    recorder.answer("nightly", 500, &json!({}));
    let nightly = json!({
        "bindings": [{"type": "timerTrigger", "name": "timer", "schedule": "0 0 3 * * *"}],
        "retry": {"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:00.1"},
    });
    let devhost = Devhost::serve(app(recorder.port(), &[("nightly", nightly)])).await;

    admin(&devhost, "POST", "/admin/functions/Nightly", "{}").await;
    let contexts: Vec<Value> = [
        recorder.next().await,
        recorder.next().await,
        recorder.next().await,
    ]
    .iter()
    .map(|received| {
        let envelope: Value = serde_json::from_slice(&received.body).expect("an envelope");
        envelope["Metadata"]["RetryContext"].clone()
    })
    .collect();

    let counts: Vec<&Value> = contexts
        .iter()
        .map(|context| &context["RetryCount"])
        .collect();
    assert_eq!(counts, [&json!(0), &json!(1), &json!(2)]);
    assert_eq!(contexts[0]["Exception"], Value::Null);
    assert_eq!(
        contexts[1]["Exception"]["InnerException"]["StatusCode"],
        500
    );
    assert_eq!(
        contexts[1]["Exception"]["InstanceId"],
        contexts[2]["Exception"]["InstanceId"]
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(
        recorder.take().is_empty(),
        "the policy allows two retries and no more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_set_made_and_deleted_through_the_hosts_api() {
    let recorder = Recorder::start().await;
    let devhost = Devhost::serve(app(recorder.port(), &[("place", place())])).await;
    let json = |body: Vec<u8>| serde_json::from_slice::<Value>(&body).expect("JSON");
    let keys = "/admin/functions/place/keys";

    let made = json(admin(&devhost, "POST", &format!("{keys}/Partner"), "").await);
    let chosen = uuid::Uuid::new_v4().to_string();
    let body = json!({"name": "fixed", "value": chosen}).to_string();
    let set = json(admin(&devhost, "PUT", &format!("{keys}/fixed"), &body).await);
    let listed = json(admin(&devhost, "GET", keys, "").await);
    admin(&devhost, "DELETE", &format!("{keys}/Partner"), "").await;
    let left = json(admin(&devhost, "GET", keys, "").await);

    assert_eq!(set["value"], chosen);
    let names = |list: &Value| -> Vec<String> {
        let keys = list["keys"].as_array().expect("a list").iter();
        keys.map(|key| key["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(names(&listed), ["Partner", "default", "fixed"]);
    assert_eq!(listed["keys"][0]["value"], made["value"]);
    assert_eq!(names(&left), ["default", "fixed"]);
    assert_eq!(listed["links"][0]["rel"], "self");
}
