//! What a real host sent is understood; what it could not carry is refused by name.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stockade_tests::running::ID;
use stockade_tests::{Answer, App, Host, Line, Mode, Request, Setup, fixtures};

/// The app that gives back what arrives.
fn plain() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        Setup::of(App::Gallery("recorded"))
            .mode(Mode::Envelope)
            .start()
    })
}

/// The app whose `orders` reads JSON.
fn strict() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        Setup::of(App::Gallery("recorded-json"))
            .mode(Mode::Envelope)
            .start()
    })
}

/// Sends an envelope as the host does.
fn deliver(host: &Host, function: &str, envelope: &Value) -> Answer {
    deliver_as(ID, host, function, envelope)
}

fn deliver_as(id: &str, host: &Host, function: &str, envelope: &Value) -> Answer {
    Request::post(&format!("/{function}"))
        .header("X-Azure-Functions-HostVersion", "4.1037.0.0")
        .header("X-Azure-Functions-InvocationId", id)
        .header("User-Agent", "Azure-Functions-Host/4.1037.0.0")
        .header("Content-Type", "application/json; charset=utf-8")
        .chunked([envelope.to_string()])
        .send(host.handler_port)
}

/// What an HTTP caller would get: status, content type and body.
fn caller_gets(answer: &Answer) -> (u64, String, String) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let res = &answer.json()["Outputs"]["res"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let status = res["statusCode"].as_u64().expect("the status is named");
    (
        status,
        text(&res["headers"]["content-type"]),
        text(&res["body"]),
    )
}

/// The code of the problem that an HTTP caller would get.
fn problem(answer: &Answer) -> (u64, String) {
    let (status, content_type, body) = caller_gets(answer);
    assert!(
        content_type.starts_with("application/problem+json"),
        "{answer:?}"
    );
    let problem: Value = serde_json::from_str(&body).expect("a problem is JSON");
    (
        status,
        problem["code"].as_str().unwrap_or_default().to_owned(),
    )
}

/// Puts a token that the app accepts in place of the recorded one.
fn with_token(host: &Host, mut envelope: Value) -> Value {
    let token = host.token_with(&["Orders.Write"]);
    envelope["Data"]["req"]["Headers"]["Authorization"] = json!([format!("Bearer {token}")]);
    envelope
}

/// The recorded envelopes for `orders`, with what the client had sent.
fn recorded_orders() -> Vec<(String, Value, Value)> {
    let rows = fixtures::recording("http-envelope").into_iter();
    rows.filter(|row| row["handlerReceived"][0]["target"] == "/orders")
        .map(|row| {
            let name = fixtures::text(&row["case"]).to_owned();
            let envelope = fixtures::json(&row["handlerReceived"][0]["text"]);
            (name, row["client"].clone(), envelope)
        })
        .collect()
}

#[test]
fn each_recorded_request_arrives_as_its_client_sent_it_or_is_refused_by_name() {
    let lost = [
        ("textlatin", 415, "body_damaged"),
        ("bomjson", 415, "body_damaged"),
        ("utf16json", 415, "body_damaged"),
        ("chunked", 411, "length_required"),
        ("cl-te", 411, "length_required"),
    ];
    let mut seen = Vec::new();
    for (name, client, envelope) in recorded_orders() {
        let answer = deliver(plain(), "orders", &with_token(plain(), envelope));

        if let Some((_, status, code)) = lost.iter().find(|(lost, ..)| *lost == name) {
            assert_eq!(problem(&answer), (*status, (*code).to_owned()), "{name}");
            seen.push(name);
        } else {
            let (status, _, body) = caller_gets(&answer);
            assert_eq!(status, 200, "{name}: {body}");
            seen.push(name.clone());
            if client["method"] == "HEAD" {
                assert_eq!(body, "", "{name}");
                continue;
            }
            let arrived: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(arrived["method"], client["method"], "{name}");
            assert_eq!(arrived["target"], client["target"], "{name}");
            assert_eq!(arrived["body"], json!(fixtures::body(&client)), "{name}");
        }
    }
    for (name, ..) in lost {
        assert!(
            seen.iter().any(|known| known == name),
            "{name} was not recorded"
        );
    }
    assert!(seen.len() >= 28, "{seen:?}");
}

#[test]
fn requests_that_a_recorded_host_forwarded_or_proxied_arrive_as_it_sent_them() {
    for (mode, recordings) in [
        (
            Mode::Forwarding,
            ["http-forwarding", "http-forwarding-more"],
        ),
        (Mode::Proxying, ["http-proxying", "http-proxying-more"]),
    ] {
        let host = Setup::of(App::Gallery("recorded")).mode(mode).start();
        let token = host.token_with(&["Orders.Write"]);
        let mut count = 0;
        for row in recordings.into_iter().flat_map(fixtures::recording) {
            let recorded = &row["handlerReceived"][0];
            let target = recorded["target"].as_str().unwrap_or_default();
            if !target.to_lowercase().starts_with("/api/orders") || recorded["method"] == "HEAD" {
                continue;
            }
            count += 1;
            let name = format!("{} by {mode:?}", row["case"]);
            let request = fixtures::received(recorded, host.handler_port);
            let stranger = request.send(host.handler_port);
            assert_eq!(stranger.status, 401, "{name}: {stranger:?}");

            let answer = request
                .without("authorization")
                .bearer(&token)
                .send(host.handler_port);

            assert_eq!(answer.status, 200, "{name}: {answer:?}");
            let arrived = answer.json();
            assert_eq!(arrived["method"], recorded["method"], "{name}");
            assert_eq!(arrived["target"], *target, "{name}");
            assert_eq!(arrived["body"], json!(fixtures::body(recorded)), "{name}");
        }
        assert!(count >= 25, "{mode:?}: {count}");
    }
}

#[test]
fn no_recorded_request_gets_in_with_the_token_it_had() {
    for (name, _, envelope) in recorded_orders() {
        let answer = deliver(plain(), "orders", &envelope);

        assert_eq!(problem(&answer), (401, "unauthorized".to_owned()), "{name}");
    }
}

#[test]
fn recorded_bodies_are_read_as_json_or_refused_by_name() {
    let refused = [
        ("text", 415, "unsupported_media_type"),
        ("textlatin", 415, "body_damaged"),
        ("octet", 415, "unsupported_media_type"),
        ("multipart", 415, "unsupported_media_type"),
        ("form", 415, "unsupported_media_type"),
        ("brokenjson", 400, "invalid_input"),
        ("bomjson", 415, "body_damaged"),
        ("utf16json", 415, "body_damaged"),
        ("chunked", 411, "length_required"),
        ("noctype", 415, "unsupported_media_type"),
        ("dupjson", 400, "invalid_input"),
        ("cl-te", 411, "length_required"),
    ];
    for (name, client, envelope) in recorded_orders() {
        if client["method"] != "POST" {
            continue;
        }
        let answer = deliver(strict(), "orders", &with_token(strict(), envelope));

        if let Some((_, status, code)) = refused.iter().find(|(refused, ..)| *refused == name) {
            assert_eq!(problem(&answer), (*status, (*code).to_owned()), "{name}");
        } else {
            let (status, _, body) = caller_gets(&answer);
            assert_eq!(status, 200, "{name}: {body}");
            let sent: Value = serde_json::from_slice(&fixtures::body(&client)).unwrap();
            assert_eq!(
                serde_json::from_str::<Value>(&body).unwrap(),
                sent,
                "{name}"
            );
        }
    }
}

#[test]
fn a_function_that_is_not_ours_is_not_found() {
    let rows = fixtures::recording("http-envelope");
    for target in ["/ret", "/noout"] {
        let row = rows
            .iter()
            .find(|row| row["handlerReceived"][0]["target"] == target)
            .expect("it was recorded");
        let envelope = fixtures::json(&row["handlerReceived"][0]["text"]);

        let answer = deliver(plain(), &target[1..], &envelope);

        assert_eq!(answer.status, 404, "{answer:?}");
    }
}

#[test]
fn made_http_envelopes_are_answered_or_refused_by_name() {
    let cases = [
        ("http", "orders", 200, ""),
        ("http-get-anonymous", "health", 200, ""),
        ("http-easyauth", "profile", 200, ""),
        ("http-easyauth-spoofed", "profile", 200, ""),
        ("http-spoofed-metadata", "orders", 200, ""),
        ("http-binary-body", "upload", 415, "unsupported_media_type"),
        ("http-mangled-image-body", "upload", 415, "body_damaged"),
        ("http-chunked-body-lost", "orders", 411, "length_required"),
        ("http-invalid-json-body", "orders", 400, "invalid_input"),
    ];
    let made = fixtures::envelopes();
    let of_http: Vec<_> = made
        .iter()
        .filter(|name| name.starts_with("http"))
        .collect();
    assert_eq!(of_http.len(), cases.len(), "{of_http:?}");

    for (name, function, status, code) in cases {
        let envelope = with_token(strict(), fixtures::envelope(name));
        let answer = deliver(strict(), function, &envelope);

        if status == 200 {
            assert_eq!(caller_gets(&answer).0, 200, "{name}: {answer:?}");
        } else {
            assert_eq!(problem(&answer), (status, code.to_owned()), "{name}");
        }
    }
}

#[test]
fn an_identity_that_only_headers_claim_counts_for_nothing() {
    for name in ["http-easyauth", "http-easyauth-spoofed"] {
        let answer = deliver(plain(), "profile", &fixtures::envelope(name));
        assert_eq!(problem(&answer), (401, "unauthorized".to_owned()), "{name}");
    }

    let mut envelope = with_token(plain(), fixtures::envelope("http"));
    envelope["Data"]["req"]["Headers"]["X-MS-CLIENT-PRINCIPAL"] = json!(["e30="]);
    let (_, _, body) = caller_gets(&deliver(plain(), "orders", &envelope));
    let arrived: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(arrived["claimed"], false, "{body}");
}

/// An event that was delivered.
#[derive(Debug)]
struct Delivered {
    status: u16,
    /// The line that says how it ended.
    end: Line,
    /// What the function said of what it was given, if it ran.
    said: Option<Line>,
}

/// Delivers an event to a function that says what it is given.
fn deliver_event(function: &str, envelope: &Value) -> Delivered {
    static COUNT: AtomicU64 = AtomicU64::new(0);

    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let id = format!("9b0f4c1e-77d2-4a55-8e30-{count:012x}");
    let status = deliver_as(&id, plain(), function, envelope).status;
    let end = plain().wait_for_line(function, |line| {
        line.ends(function) && line.invocation_id() == id
    });
    let mut lines = plain().log().into_iter();
    let said = lines
        .find(|line| line.invocation_id() == id && line.outcome().is_none() && !line.is_audit());
    Delivered { status, end, said }
}

/// The recorded envelopes for one function, the trigger's binding renamed to ours.
fn recorded_events(recording: &str, function: &str, binding: &str) -> Vec<(String, Value)> {
    let rows = fixtures::recording(recording).into_iter();
    rows.filter(|row| row["function"] == function)
        .map(|row| {
            let mut envelope = fixtures::json(&row["handlerReceived"]["text"]);
            let theirs = fixtures::text(&row["bindings"][0]["name"]);
            let value = envelope["Data"][theirs].take();
            envelope["Data"] = json!({ binding: value });
            (fixtures::text(&row["case"]).to_owned(), envelope)
        })
        .collect()
}

/// A value of the metadata, which is the JSON text of a scalar.
fn scalar(envelope: &Value, name: &str) -> Value {
    fixtures::json(&envelope["Metadata"][name])
}

#[test]
fn recorded_messages_of_bytes_are_read_with_what_the_queue_says_of_them() {
    for recording in ["queue", "queue-encoding-none"] {
        let messages = recorded_events(recording, "QBinary", "item");
        assert!(messages.len() >= 13, "{}", messages.len());
        for (name, envelope) in messages {
            let payload = STANDARD.decode(envelope["Data"]["item"].as_str().unwrap());
            let payload = payload.unwrap();
            // Sound JSON for most readers; ours refuses a name that comes twice.
            let is_twice = payload == br#"{"a":1,"a":2,"A":3}"#;
            let is_read = !is_twice && serde_json::from_slice::<Value>(&payload).is_ok();

            let delivered = deliver_event("QBinary", &envelope);

            if is_read {
                assert_eq!(delivered.status, 200, "{name}: {delivered:?}");
                let said = delivered.said.expect("the function ran");
                assert_eq!(
                    *said.field("dequeue_count"),
                    scalar(&envelope, "DequeueCount")
                );
                assert_eq!(*said.field("message.id"), scalar(&envelope, "Id"), "{name}");
                assert_eq!(*said.field("inserted"), true, "{name}");
            } else {
                assert_eq!(delivered.status, 422, "{name}: {delivered:?}");
                assert_eq!(delivered.end.text("rule"), "invalid_input", "{name}");
                assert!(delivered.said.is_none(), "{name}");
            }
        }
    }
}

#[test]
fn a_message_in_the_form_of_text_is_refused_where_bytes_were_declared() {
    for function in ["QNone", "QString"] {
        for (name, envelope) in recorded_events("queue", function, "item") {
            let text = envelope["Data"]["item"].as_str().unwrap();
            // Only the declared form tells text from bytes; quotes are no base64.
            assert!(text.starts_with('"'), "{name}: {text}");

            let delivered = deliver_event("QBinary", &envelope);

            assert_eq!(delivered.status, 422, "{name}: {delivered:?}");
            assert_eq!(delivered.end.text("rule"), "not_an_envelope", "{name}");
        }
    }
}

#[test]
fn made_messages_are_read_as_bytes_or_refused_by_name() {
    let cases = [
        ("queue", Some(1), ""),
        ("queue-spoofed-metadata", None, ""),
        ("queue-text", None, "invalid_input"),
        ("queue-poison", None, "invalid_input"),
    ];
    for (name, dequeue_count, rule) in cases {
        let mut envelope = fixtures::envelope(name);
        let as_text = deliver_event("queue-orders", &envelope);
        assert_eq!(as_text.end.text("rule"), "not_an_envelope", "{name}");

        let text = envelope["Data"]["item"].as_str().unwrap();
        let text: String = serde_json::from_str(text).unwrap();
        envelope["Data"]["item"] = STANDARD.encode(text).into();
        let as_bytes = deliver_event("queue-orders", &envelope);

        if rule.is_empty() {
            assert_eq!(as_bytes.status, 200, "{name}: {as_bytes:?}");
            let said = as_bytes.said.expect("the function ran");
            let counted = said.field("dequeue_count").as_u64();
            assert_eq!(counted, dequeue_count, "{name}");
        } else {
            assert_eq!(as_bytes.status, 422, "{name}: {as_bytes:?}");
            assert_eq!(as_bytes.end.text("rule"), rule, "{name}");
        }
    }

    let bytes = deliver_event("queue-orders", &fixtures::envelope("queue-binary"));
    assert_eq!(bytes.end.text("rule"), "invalid_input", "{bytes:?}");
}

#[test]
fn recorded_and_made_ticks_are_read_with_their_attempt() {
    let mut ticks = Vec::new();
    for function in ["tick", "retrytick", "nightly"] {
        let recorded = recorded_events("timer", function, "timer");
        assert!(!recorded.is_empty(), "{function}");
        ticks.extend(
            recorded
                .into_iter()
                .map(|(_, envelope)| (function, envelope)),
        );
    }
    for (name, function) in [
        ("timer", "nightly"),
        ("timer-past-due", "nightly"),
        ("timer-retry", "nightly"),
        ("timer-no-monitor", "fast"),
    ] {
        ticks.push((function, fixtures::envelope(name)));
    }

    let mut attempts = 0;
    for (function, envelope) in ticks {
        let timer = &envelope["Data"]["timer"];
        let retries = envelope["Metadata"]["RetryContext"]["RetryCount"].as_u64();
        let has_next = timer["ScheduleStatus"]["Next"].is_string();

        let delivered = deliver_event(function, &envelope);

        assert_eq!(delivered.status, 200, "{envelope}: {delivered:?}");
        let said = delivered.said.expect("the function ran");
        assert_eq!(
            said.field("attempt").as_u64(),
            Some(retries.unwrap_or(0)),
            "{envelope}"
        );
        assert_eq!(*said.field("past_due"), timer["IsPastDue"], "{envelope}");
        assert_eq!(said.field("next_unix").is_u64(), has_next, "{envelope}");
        attempts += retries.unwrap_or(0);
    }
    assert!(attempts > 0, "a later attempt was recorded");
}

#[test]
fn a_retry_context_that_no_policy_explains_is_not_believed() {
    let mut envelope = fixtures::envelope("timer-no-monitor");
    envelope["Metadata"]["RetryContext"] = json!({"RetryCount": 3, "MaxRetryCount": 4});

    let said = deliver_event("fast", &envelope)
        .said
        .expect("the function ran");

    assert_eq!(said.field("attempt").as_u64(), Some(0));
}

#[test]
fn an_envelope_that_is_not_the_hosts_is_refused() {
    let good = fixtures::envelope("timer-no-monitor");
    let cases = [
        (
            "another binding",
            json!({"Data": {"other": good["Data"]["timer"]}, "Metadata": {}}),
        ),
        ("no data", json!({"Metadata": {}})),
        (
            "another member",
            json!({"Data": good["Data"], "Metadata": {}, "More": 1}),
        ),
        (
            "another form",
            json!({"Data": {"timer": "text"}, "Metadata": {}}),
        ),
        ("an array", json!([good["Data"]])),
        ("null", Value::Null),
    ];
    for (name, envelope) in cases {
        let refused = deliver_event("fast", &envelope);

        assert_eq!(refused.status, 422, "{name}: {refused:?}");
        assert_eq!(refused.end.text("rule"), "not_an_envelope", "{name}");
    }
    assert_eq!(deliver_event("fast", &good).status, 200);
}
