//! Traces, lines and audit events, as both receivers see them.

use serde_json::{Value, json};
use stockade_tests::process::poll;
use stockade_tests::running::ID;
use stockade_tests::{App, Host, Request, Setup};

use crate::world::{Caller, INSIGHTS, OTLP, Span, World, hex, observed, watched};

fn order() -> Value {
    json!({
        "orderId": "o-1",
        "email": "ada@example.org",
        "currency": "EUR",
        "items": [{"sku": "SKU-00001", "quantity": 2, "unitPriceCents": 1999}],
    })
}

fn place(host: &Host, caller: &Caller) -> u16 {
    Request::post("/api/orders")
        .bearer(&host.token_with(&["Orders.Write"]))
        .header("traceparent", &caller.traceparent())
        .json(&order())
        .send(host.port)
        .status
}

/// The names of the stages below a span.
fn below(spans: &[Span], parent: &Span) -> Vec<String> {
    let below = spans.iter().filter(|span| span.parent() == parent.id());
    let mut names: Vec<_> = below
        .filter(|span| span.otlp["kind"] == "SPAN_KIND_INTERNAL")
        .map(|span| span.name().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn one_trace_goes_from_the_caller_through_the_queue_in_both_forms() {
    let world = World::start(&watched(Setup::of(App::Reference)));
    let caller = Caller::new();

    assert_eq!(place(&world.host, &caller), 202);

    let worker = world.span(&caller, "order-worker");
    let order = world.span(&caller, "create-order");
    assert_eq!(order.parent(), caller.span);
    assert_eq!(worker.parent(), order.id());
    let spans = world.wait_for_trace("the stages of both", &caller.trace, |trace| {
        let spans = trace.spans_of_both();
        let is_whole = below(&spans, &order) == ["authentication", "outputs", "validation"]
            && below(&spans, &worker) == ["outputs", "validation"];
        is_whole.then_some(spans)
    });
    for span in &spans {
        assert_eq!(span.otlp["traceId"], *caller.trace);
        span.is_told_alike();
    }
    for (span, kind, trigger) in [
        (&order, "SPAN_KIND_SERVER", "http"),
        (&worker, "SPAN_KIND_CONSUMER", "pubsub"),
    ] {
        assert_eq!(span.otlp["kind"], kind, "{span:?}");
        assert_eq!(span.attribute("faas.name"), span.name(), "{span:?}");
        assert_eq!(span.attribute("faas.trigger"), trigger, "{span:?}");
        assert_eq!(span.attribute("stockade.outcome"), "succeeded", "{span:?}");
        let (envelope, data) = (&span.insights, &span.insights["data"]);
        assert_eq!(data["baseType"], "RequestData", "{span:?}");
        assert_eq!(data["baseData"]["success"], true, "{span:?}");
        assert_eq!(envelope["tags"]["ai.operation.name"], span.name());
        assert_eq!(envelope["sampleRate"], 100.0, "{span:?}");
        assert_eq!(
            data["baseData"]["properties"]["faas.invocation_id"],
            *span.attribute("faas.invocation_id"),
            "{span:?}"
        );
    }
    assert_eq!(order.attribute("http.response.status_code"), 202);
    assert_eq!(order.insights["data"]["baseData"]["responseCode"], "202");
    assert_eq!(order.attribute("http.route"), "/api/orders");
    assert!(order.attribute("user.id").is_string(), "{order:?}");
}

#[test]
fn whatever_ends_badly_is_recorded_with_what_decided() {
    let world = World::start(&observed());
    let good = json!({"name": "Ada", "email": "ada@example.org"});
    let token = world.host.token_with(&["Things.Write"]);
    let call = |how: &str, token: Option<&str>, body: &Value| {
        let caller = Caller::new();
        let request = Request::post(&format!("/api/take/{how}"));
        let request = match token {
            Some(token) => request.bearer(token),
            None => request,
        };
        let request = request.header("traceparent", &caller.traceparent());
        let answer = request.json(body).send(world.host.port);
        (world.span(&caller, "take"), answer.status)
    };

    for (name, how, token, body, expected) in [
        ("denied", "end", None, &good, (401, "missing_token")),
        (
            "rejected",
            "end",
            Some(&*token),
            &json!({"name": "Ada"}),
            (400, "invalid_input"),
        ),
        (
            "refused",
            "reject",
            Some(&*token),
            &good,
            (422, "no_such_thing"),
        ),
        ("failed", "fail", Some(&*token), &good, (500, "fatal")),
        ("failed", "panic", Some(&*token), &good, (500, "panic")),
    ] {
        let (span, status) = call(how, token, body);

        assert_eq!(status, expected.0, "{name}");
        span.is_told_alike();
        assert_eq!(span.attribute("stockade.outcome"), name, "{span:?}");
        assert_eq!(span.attribute("error.type"), expected.1, "{span:?}");
        assert_eq!(span.attribute("http.response.status_code"), status);
        let data = &span.insights["data"]["baseData"];
        assert_eq!(data["success"], false, "{span:?}");
        assert_eq!(data["responseCode"], status.to_string(), "{span:?}");
        assert_eq!(data["properties"]["error.type"], expected.1, "{span:?}");
        // Of a server's answers, only those from 500 are its errors.
        let is_error = span.otlp["status"]["code"] == "STATUS_CODE_ERROR";
        assert_eq!(is_error, status >= 500, "{span:?}");
    }
}

#[test]
fn an_invocation_that_its_caller_leaves_is_recorded_as_abandoned() {
    let world = World::start(&observed());
    let caller = Caller::new();
    let request = Request::get("/api/hang")
        .header("traceparent", &caller.traceparent())
        .header("X-Azure-Functions-InvocationId", ID)
        .header("x-ms-invocation-id", ID);
    let stream = request.open(world.host.handler_port);
    world
        .host
        .wait_for_line("it to run", |line| line.says("hang", "hanging"));

    drop(stream);

    let span = world.span(&caller, "hang");
    span.is_told_alike();
    assert_eq!(span.attribute("stockade.outcome"), "abandoned", "{span:?}");
    assert_eq!(span.attribute("faas.invocation_id"), ID, "{span:?}");
    assert_eq!(span.insights["data"]["baseData"]["success"], false);
}

#[test]
fn spans_and_lines_of_a_function_stand_below_its_invocation() {
    let world = World::start(&observed());
    let caller = Caller::new();

    assert_eq!(world.get("/api/span", &caller), 200);

    let (own, work) = (world.span(&caller, "span"), world.span(&caller, "work"));
    assert_eq!(work.parent(), own.id());
    work.is_told_alike();
    assert_eq!(work.attribute("step"), "price");
    assert_eq!(work.attribute("secretly"), &Value::Null);
    for (message, span, severity) in [
        ("inside", &work, 1),
        ("inside, and odd", &work, 2),
        ("outside", &own, 1),
    ] {
        let [insights, otlp] = world.wait_for_trace(message, &caller.trace, |trace| {
            let mut lines = trace.lines().into_iter();
            lines.find(|[_, otlp]| otlp["body"] == message)
        });
        assert_eq!(otlp["traceId"], *caller.trace);
        assert_eq!(otlp["spanId"], span.id(), "{otlp}");
        assert_eq!(insights["tags"]["ai.operation.id"], *caller.trace);
        assert_eq!(insights["tags"]["ai.operation.parentId"], span.id());
        assert_eq!(insights["tags"]["ai.operation.name"], "span");
        let data = &insights["data"]["baseData"];
        assert_eq!(data["message"], message);
        // 1 is Information, 2 is Warning.
        let level = &data["severityLevel"];
        let words = ["", "Information", "Warning"];
        assert!(level == severity || level == words[severity], "{insights}");
        let id = own.attribute("faas.invocation_id");
        assert_eq!(&otlp["attributes"]["invocation.id"], id, "{otlp}");
        assert_eq!(&data["properties"]["invocation.id"], id, "{insights}");
    }
    let line = world.trace(&caller.trace).lines();
    let inside = line.iter().find(|[_, otlp]| otlp["body"] == "inside");
    let [insights, otlp] = inside.expect("it was there");
    assert_eq!(otlp["attributes"]["number"], 7);
    for told in [
        &otlp["attributes"]["secretly"],
        &insights["data"]["baseData"]["properties"]["secretly"],
    ] {
        assert_eq!(told, "[withheld]");
    }
}

#[test]
fn calls_to_the_vault_are_spans_of_client_kind_without_their_path() {
    let world = World::start(&watched(Setup::of(App::Reference)));

    let call = poll("a call to the vault", || {
        let calls = world.envelopes("RemoteDependencyData");
        calls.into_iter().find(|call| {
            let data = &call["data"]["baseData"];
            data.to_string().contains(".vault.localhost") && data["resultCode"] == "200"
        })
    });

    let trace = call["tags"]["ai.operation.id"].as_str().expect("an id");
    let id = &call["data"]["baseData"]["id"];
    let span = world.wait_for_trace("the same by OTLP", trace, |trace| {
        let mut spans = trace.spans_of_both().into_iter();
        spans.find(|span| span.otlp["spanId"] == *id)
    });
    assert_eq!(span.name(), "GET", "{span:?}");
    assert_eq!(span.otlp["kind"], "SPAN_KIND_CLIENT", "{span:?}");
    assert_eq!(span.attribute("http.response.status_code"), 200);
    let host = span.attribute("server.address").as_str();
    assert!(host.is_some_and(|host| host.ends_with(".vault.localhost")));
    // The vault's own name is no secret, what is asked of it is nobody's business.
    for told in [&span.insights, &span.otlp] {
        assert!(!told.to_string().contains("erp-key"), "{told}");
    }
}

#[test]
fn audit_events_come_in_both_forms_with_the_same_id() {
    let world = World::start(&observed());
    let body = json!({"name": "Ada", "email": "ada@example.org"});
    let request = || Request::post("/api/take/end").json(&body);
    assert_eq!(request().send(world.host.port).status, 401);
    let token = world.host.token_with(&["Things.Write"]);
    assert_eq!(request().bearer(&token).send(world.host.port).status, 200);

    for (name, function) in [
        ("app.started", None),
        ("configuration.weak", None),
        ("keys.changed", None),
        ("auth.denied", Some("take")),
        ("auth.succeeded", Some("take")),
    ] {
        let [insights, otlp] = world.audit(name, |_| true);

        let told = &otlp["attributes"];
        let properties = &insights["data"]["baseData"]["properties"];
        assert_eq!(insights["data"]["baseData"]["message"], name);
        assert_eq!(told["audit.id"].as_str().map(str::len), Some(36), "{otlp}");
        assert_eq!(properties["audit.id"], told["audit.id"], "{insights}");
        assert_eq!(told["function.name"].as_str(), function, "{otlp}");
        let printed = world.host.wait_for_line("the same line", |line| {
            line.field("audit.id") == &told["audit.id"]
        });
        assert_eq!(printed.message(), name);
    }
}

#[test]
fn a_caller_that_names_no_trace_gets_one_of_its_own() {
    let world = World::start(&observed());
    let malformed = format!("00-{}-{}-01", "0".repeat(32), hex(8));

    for header in [None, Some(malformed.as_str()), Some("not a traceparent")] {
        let mut request = Request::get("/api/plain");
        if let Some(header) = header {
            request = request.header("traceparent", header);
        }
        let before = requests(&world).len();
        assert_eq!(request.send(world.host.port).status, 200);

        let own = poll("its span", || requests(&world).into_iter().nth(before));
        let trace = own["tags"]["ai.operation.id"].as_str().expect("an id");
        assert_ne!(trace, "0".repeat(32));
        let span = world.wait_for_trace("its span in both forms", trace, |trace| {
            trace
                .spans_of_both()
                .into_iter()
                .find(|s| s.name() == "plain")
        });
        assert_eq!(span.otlp["parentSpanId"], Value::Null, "{span:?}");
        assert_eq!(
            world.trace(trace).spans_of(INSIGHTS),
            world.trace(trace).spans_of(OTLP)
        );
    }
}

fn requests(world: &World) -> Vec<Value> {
    world.envelopes("RequestData")
}
