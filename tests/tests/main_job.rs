//! The reference app does its job: from a caller with a token to the worker behind the queue.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::{Value, json};
use stockade_tests::log::PREFIX;
use stockade_tests::process::poll;
use stockade_tests::{Answer, App, Host, Request, Setup};

/// One host for all tests that do not look at the whole log.
fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Setup::of(App::Reference).start())
}

fn order() -> Value {
    json!({
        "orderId": "o-1",
        "email": "ada@example.org",
        "currency": "EUR",
        "items": [{"sku": "SKU-00001", "quantity": 2, "unitPriceCents": 1999}],
    })
}

/// The order with one member put in another's place.
fn order_with(pointer: &str, value: Value) -> Value {
    let mut order = order();
    *order
        .pointer_mut(pointer)
        .expect("the order has this member") = value;
    order
}

fn place(host: &Host, order: &Value) -> Answer {
    let token = host.token_with(&["Orders.Write"]);
    Request::post("/api/orders")
        .bearer(&token)
        .json(order)
        .send(host.port)
}

#[test]
fn anyone_may_ask_for_its_health() {
    let answer = Request::get("/api/health").send(host().port);

    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"status": "up"}));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn an_order_is_accepted_and_its_worker_runs() {
    let host = Setup::of(App::Reference).start();

    let answer = place(&host, &order());

    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.json(), json!({"orderId": "o-1", "totalCents": 3998}));
    let worked = host.wait_for_line("the worker", |line| line.ends("order-worker"));
    assert_eq!(worked.outcome(), Some("succeeded"));
    assert_eq!(worked.text("trigger"), "queue");
}

#[test]
fn a_call_without_a_token_is_told_how_to_bring_one() {
    let answer = Request::post("/api/orders")
        .json(&order())
        .send(host().port);

    assert_eq!(answer.status, 401);
    assert_eq!(answer.problem(), "unauthorized");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn a_token_without_the_scope_is_forbidden() {
    let token = host().token_with(&["Orders.Read"]);

    let answer = Request::post("/api/orders")
        .bearer(&token)
        .json(&order())
        .send(host().port);

    assert_eq!(answer.status, 403);
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(
        challenge.contains(r#"error="insufficient_scope""#),
        "{challenge}"
    );
}

#[test]
fn tokens_that_are_not_for_this_app_or_this_hour_are_refused() {
    let write = json!(["Orders.Write"]);
    let an_hour_ago = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() - 3600;
    let cases = [
        (
            "expired",
            json!({"scopes": write, "overrides": {"exp": an_hour_ago}}),
        ),
        (
            "not yet valid",
            json!({"scopes": write, "overrides": {"nbf": an_hour_ago + 7200}}),
        ),
        (
            "another audience",
            json!({"scopes": write, "audience": "another"}),
        ),
        (
            "another tenant",
            json!({"scopes": write, "tenant": "3d9e5f60-84c1-4b27-a6f3-07d2c95e18ab"}),
        ),
        (
            "a foreign key",
            json!({"scopes": write, "signed_by": "foreign"}),
        ),
        (
            "unsigned",
            json!({"scopes": write, "header_overrides": {"alg": "none"}}),
        ),
        (
            "an unknown key",
            json!({"scopes": write, "header_overrides": {"kid": "another"}}),
        ),
    ];
    for (name, wanted) in cases {
        let answer = Request::post("/api/orders")
            .bearer(&host().token(&wanted))
            .json(&order())
            .send(host().port);

        assert_eq!(answer.status, 401, "{name}: {answer:?}");
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(
            challenge.contains(r#"error="invalid_token""#),
            "{name}: {challenge}"
        );
        assert_eq!(answer.problem(), "unauthorized", "{name}");
    }
}

#[test]
fn a_member_that_breaks_its_rule_is_named_and_its_value_is_not() {
    let cases = [
        ("/orderId", json!("")),
        ("/email", json!("not-an-address-xyzzy")),
        ("/currency", json!("XYZZY")),
        ("/items", json!([])),
        ("/items/0/quantity", json!(471_104_711)),
        ("/items/0/sku", json!("xyzzy".repeat(20))),
    ];
    for (pointer, value) in cases {
        let answer = place(host(), &order_with(pointer, value));

        assert_eq!(answer.status, 400, "{pointer}: {answer:?}");
        assert_eq!(answer.problem(), "invalid_input", "{pointer}");
        assert_eq!(
            answer.json()["errors"][0]["pointer"],
            *pointer,
            "{answer:?}"
        );
        let text = answer.text().to_lowercase();
        assert!(
            !text.contains("xyzzy") && !text.contains("471104711"),
            "{text}"
        );
    }
}

#[test]
fn a_member_that_the_order_does_not_know_is_refused_without_being_repeated() {
    let mut with_more = order();
    with_more["xyzzy"] = json!(true);

    let answer = place(host(), &with_more);

    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(
        answer.json()["errors"][0]["code"],
        "unknown_member",
        "{answer:?}"
    );
    assert!(!answer.text().contains("xyzzy"), "{answer:?}");
}

#[test]
fn only_json_is_read() {
    let token = host().token_with(&["Orders.Write"]);
    let text = order().to_string();
    for (content_type, status) in [
        ("application/json", 202),
        ("application/json; charset=utf-8", 202),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=utf-16", 415),
    ] {
        let answer = Request::post("/api/orders")
            .bearer(&token)
            .body(content_type, text.clone())
            .send(host().port);

        assert_eq!(answer.status, status, "{content_type}: {answer:?}");
    }
}

#[test]
fn a_body_over_the_limit_is_too_large() {
    let filler = |bytes: usize| order_with("/orderId", json!("x".repeat(bytes)));

    let over = place(host(), &filler(1024 * 1024));
    let under = place(host(), &filler(1000 * 1024));

    assert_eq!((over.status, over.problem().as_str()), (413, "too_large"));
    assert_eq!(
        (under.status, under.problem().as_str()),
        (400, "invalid_input")
    );
}

#[test]
fn a_quote_is_computed_from_a_valid_query_alone() {
    let token = host().token_with(&["Orders.Read"]);
    let ask = |query: &str| {
        Request::get(&format!("/api/quote?{query}"))
            .bearer(&token)
            .send(host().port)
    };

    let quote = ask("sku=SKU-00003&quantity=3");
    assert_eq!(
        quote.json(),
        json!({"unitPriceCents": 495, "totalCents": 1485})
    );

    assert_eq!(ask("sku=SKU-99999&quantity=3").status, 404);
    for (query, name) in [
        ("quantity=3", "sku"),
        ("sku=SKU-00003", "quantity"),
        ("sku=SKU-00003&quantity=0", "quantity"),
        ("sku=SKU-00003&quantity=many", "quantity"),
        ("sku=SKU-00003&sku=SKU-00001&quantity=1", "sku"),
    ] {
        let answer = ask(query);
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert_eq!(
            answer.json()["errors"][0]["name"],
            name,
            "{query}: {answer:?}"
        );
    }
}

#[test]
fn an_application_may_read_by_its_role() {
    let ask = |role: &str| {
        let token = host().token(&json!({"kind": "app", "roles": [role]}));
        Request::get("/api/quote?sku=SKU-00001&quantity=1")
            .bearer(&token)
            .send(host().port)
            .status
    };

    assert_eq!(ask("Orders.Read.All"), 200);
    assert_eq!(ask("Orders.Write.All"), 403);
}

#[test]
fn the_timer_runs_by_the_admin_api_and_for_nobody_without_the_key() {
    let host = Setup::of(App::Reference).start();

    let without = Request::post("/admin/functions/nightly")
        .json(&json!({}))
        .send(host.port);
    host.run("nightly", "");

    assert_eq!(without.status, 401);
    let ran = host.wait_for_line("the timer", |line| line.ends("nightly"));
    assert_eq!(ran.outcome(), Some("succeeded"));
    let runs = host
        .log()
        .iter()
        .filter(|line| line.ends("nightly"))
        .count();
    assert_eq!(runs, 1);
}

#[test]
fn a_message_that_the_worker_cannot_read_fails() {
    let host = Setup::of(App::Reference).start();

    host.run("order-worker", r#"{"orderId": cut off"#);

    let failed = host.wait_for_line("the worker", |line| line.ends("order-worker"));
    assert_eq!(failed.outcome(), Some("rejected"));
    assert_eq!(failed.text("rule"), "invalid_input");
}

#[test]
fn what_the_worker_cannot_read_is_on_its_poison_queue_to_the_letter() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let host = Setup::of(App::Reference).start();
    let message = r#"{"orderId": cut off"#;

    host.storage(Request::post("/admin/devhost/queues/orders-queue").bytes(message));

    host.wait_for_lines(5, "every attempt", |line| line.ends("order-worker"));
    let poison = Request::get("/admin/devhost/queues/orders-queue-poison");
    let kept = poll("the message on the poison queue", || {
        let kept = host.storage(poison.clone()).json();
        (kept.as_array().map(Vec::len) == Some(1)).then_some(kept)
    });
    let text = kept[0]["text"].as_str().expect("a message has a text");
    assert_eq!(
        STANDARD.decode(text).expect("it is base64"),
        message.as_bytes()
    );
    let left = host.storage(Request::get("/admin/devhost/queues/orders-queue"));
    assert_eq!(left.json(), json!([]));
}

#[test]
fn a_message_that_always_fails_ends_on_the_poison_queue_after_five_attempts() {
    let host = Setup::of(App::Gallery("all")).start();
    let unreadable = json!({"neither": "known", "nor": "wanted"});
    let jobs = json!({"work": [{"id": 1, "do": "succeed"}, unreadable, {"id": 2, "do": "retry"}]});

    let answer = Request::post("/api/send").json(&jobs).send(host.port);

    assert_eq!(answer.status, 202, "{answer:?}");
    host.wait_for_lines(2, "both broken messages", |line| line.ends("poisoned"));
    let log = host.log();
    let attempts = |outcome| {
        let ends = log.iter().filter(|line| line.ends("work"));
        ends.filter(|line| line.outcome() == Some(outcome)).count()
    };
    assert_eq!(attempts("succeeded"), 1);
    assert_eq!(attempts("rejected"), 5, "the unreadable one");
    assert_eq!(
        attempts("failed"),
        5,
        "the one that asks for another attempt"
    );
}

#[test]
fn a_quarantined_message_is_kept_whole_after_one_attempt() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let host = Setup::of(App::Gallery("all")).start();
    let unreadable = json!({"neither": "known"});
    let jobs = json!({"strict": [unreadable, {"id": 7, "do": "reject"}]});

    Request::post("/api/send").json(&jobs).send(host.port);

    host.wait_for_lines(2, "both messages", |line| {
        line.says("rejected", "quarantine arrived")
    });
    let log = host.log();
    let kept: BTreeSet<_> = log
        .iter()
        .filter(|line| line.says("rejected", "quarantine arrived"))
        .map(|line| {
            let payload = STANDARD.decode(line.text("payload_base64")).unwrap();
            (line.text("rule"), String::from_utf8(payload).unwrap())
        })
        .collect();
    let expected = BTreeSet::from([
        ("invalid_input", unreadable.to_string()),
        ("no_such_job", json!({"id": 7, "do": "reject"}).to_string()),
    ]);
    assert_eq!(kept, expected);
    assert_eq!(log.iter().filter(|line| line.ends("strict")).count(), 2);
}

#[test]
fn a_failed_tick_is_tried_again_under_its_id() {
    let host = Setup::of(App::Gallery("all")).start();

    host.run("tick", "");

    let last = host.wait_for_lines(2, "the second attempt", |line| line.ends("tick"));
    assert_eq!(last.outcome(), Some("succeeded"));
    let log = host.log();
    let seen: Vec<_> = log
        .iter()
        .filter(|line| line.says("tick", "tick"))
        .map(|line| (line.invocation_id(), line.field("attempt").as_u64()))
        .collect();
    let id = last.invocation_id();
    assert_eq!(seen, [(id, Some(0)), (id, Some(1))]);
}

#[test]
fn each_invocation_is_one_line_and_no_secret_is_in_any() {
    let host = Setup::of(App::Reference).start();
    let token = host.token_with(&["Orders.Write", "Orders.Read"]);
    let foreign = host.token(&json!({"scopes": ["Orders.Write"], "signed_by": "foreign"}));
    let key = host.master_key().to_owned();
    let secret = order_with("/email", json!("xyzzy@example.org"));
    let odd = order_with("/email", json!("xyzzy-is-no-address"));
    let calls = [
        Request::get("/api/health"),
        Request::post("/api/orders").bearer(&token).json(&secret),
        Request::post("/api/orders").bearer(&token).json(&odd),
        Request::post("/api/orders").bearer(&foreign).json(&secret),
        Request::post("/api/orders").json(&secret),
        Request::post("/api/orders")
            .bearer(&token)
            .body("text/xyzzy", "xyzzy"),
        Request::get("/api/quote?sku=xyzzy&quantity=1").bearer(&token),
        Request::get("/api/quote?sku=SKU-00001&quantity=1").bearer(&token),
        Request::get("/api/quote?sku=SKU-00001&xyzzy=1").bearer(&token),
        Request::get("/api/quote?sku=SKU-00001&quantity=1")
            .bearer(&token)
            .header("Cookie", "session=xyzzy")
            .header("x-functions-key", &key),
    ];

    for call in &calls {
        let answer = call.send(host.port);
        assert!(answer.status < 500, "{answer:?}");
    }
    host.run("nightly", "xyzzy");
    host.wait_for_line("the worker", |line| line.ends("order-worker"));
    host.wait_for_line("the timer", |line| line.ends("nightly"));

    let ends: Vec<_> = host
        .log()
        .into_iter()
        .filter(|line| line.outcome().is_some())
        .collect();
    let ids: BTreeSet<_> = ends
        .iter()
        .map(|line| line.invocation_id().to_owned())
        .collect();
    assert_eq!(ends.len(), calls.len() + 2, "{ends:?}");
    assert_eq!(ids.len(), ends.len(), "{ends:?}");
    assert!(ids.iter().all(|id| id.len() == 36), "{ids:?}");
    let signature = |token: &str| token.rsplit('.').next().unwrap_or_default().to_owned();
    let secrets = [
        "xyzzy".to_owned(),
        key,
        signature(&token),
        signature(&foreign),
    ];
    for line in host.stop() {
        // devhost tells its own key on a line of its own.
        let Some(line) = line.strip_prefix(PREFIX) else {
            continue;
        };
        for secret in &secrets {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}
