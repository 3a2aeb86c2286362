//! Nobody outside runs a function that is an event's.

use serde_json::{Value, json};
use stockade_tests::running::{ID, free_port};
use stockade_tests::{App, Handler, Host, Mode, Request, Setup, fixtures};

/// The event functions of the reference app.
const EVENTS: [&str; 2] = ["order-worker", "nightly"];

/// What a genuine invocation of each carries, for a caller to forge.
fn envelope(function: &str) -> Value {
    match function {
        "nightly" => json!({
            "Data": {"timer": {"Schedule": {"AdjustForDST": true}, "ScheduleStatus": null, "IsPastDue": false}},
            "Metadata": {"sys": {"MethodName": "nightly"}},
        }),
        // {"orderId":"o-1","totalCents":1,"placedBy":"x"}
        _ => json!({
            "Data": {"item": "eyJvcmRlcklkIjoiby0xIiwidG90YWxDZW50cyI6MSwicGxhY2VkQnkiOiJ4In0="},
            "Metadata": {"DequeueCount": "1"},
        }),
    }
}

/// Ways to spell the path of an invocation.
fn targets(function: &str, port: u16) -> Vec<String> {
    let escaped = format!("%{:02x}{}", function.as_bytes()[0], &function[1..]);
    let upper = function.to_uppercase();
    vec![
        format!("/{function}"),
        format!("/{upper}"),
        format!("/{function}/"),
        format!("//{function}"),
        format!("/./{function}"),
        format!("/../{function}"),
        format!("/api/../{function}"),
        format!("/api/..%2f{function}"),
        format!("/api/%2e%2e/{function}"),
        format!("/api/health/../../{function}"),
        format!("/api/{function}"),
        format!("/api/health/{function}"),
        format!("/{escaped}"),
        format!("/%2f{function}"),
        format!("/{function}%00"),
        format!("/{function}%20"),
        format!("/{function};x"),
        format!("/{function}?x=1"),
        format!("/{function}#x"),
        format!("\\{function}"),
        format!("http://127.0.0.1:{port}/{function}"),
        format!("http://example.org/{function}"),
        function.to_owned(),
        format!("/admin/functions/{function}"),
        format!("/admin/functions/{function}?code=guess"),
        format!("/ADMIN/functions/{function}"),
        format!("/admin/../{function}"),
        format!("/runtime/webhooks/{function}"),
        "*".to_owned(),
    ]
}

/// Headers by which a caller poses as the host.
fn disguises(port: u16) -> Vec<Vec<(&'static str, String)>> {
    let id = || ID.to_owned();
    let own = format!("127.0.0.1:{port}");
    vec![
        vec![],
        vec![("X-Azure-Functions-InvocationId", id())],
        vec![("x-ms-invocation-id", id())],
        vec![
            ("X-Azure-Functions-InvocationId", id()),
            ("x-ms-invocation-id", id()),
            ("User-Agent", "Azure-Functions-Host/4.1037.0.0".to_owned()),
            ("X-Azure-Functions-HostVersion", "4.1037.0.0".to_owned()),
        ],
        vec![
            ("Host", own.clone()),
            ("X-Azure-Functions-InvocationId", id()),
        ],
        vec![("Host", "example.org".to_owned())],
        vec![("Origin", "https://example.org".to_owned())],
        vec![
            ("X-Forwarded-Host", own),
            ("X-Original-URL", "/nightly".to_owned()),
        ],
        vec![("x-functions-key", "guess".to_owned())],
        vec![("Connection", "x-ms-invocation-id".to_owned())],
    ]
}

fn attacks(host: &Host) -> Vec<Request> {
    let mut attacks = Vec::new();
    for function in EVENTS {
        let forged = envelope(function).to_string();
        for target in targets(function, host.port) {
            for disguise in disguises(host.handler_port) {
                let dressed = disguise
                    .iter()
                    .fold(Request::post(&target), |request, (name, value)| {
                        request.header(name, value)
                    });
                let typed = dressed.clone().header("Content-Type", "application/json");
                attacks.push(typed.chunked([forged.clone()]));
                attacks.push(dressed.body("application/json", forged.clone()));
            }
            for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"] {
                let request = Request::new(method, &target);
                attacks.push(request.body("application/json", forged.clone()));
            }
        }
    }
    attacks
}

fn nobody_outside_runs_an_event_function(mode: Mode) {
    // Without a prefix nothing but the routes keeps the paths apart.
    for prefix in ["api", ""] {
        let extensions = json!({"extensions": {"http": {"routePrefix": prefix}}});
        let setup = Setup::of(App::Reference).mode(mode).host_json(&extensions);
        only_the_host_runs_event_functions(&setup.start());
    }
}

fn only_the_host_runs_event_functions(host: &Host) {
    let attacks = attacks(host);
    for attack in &attacks {
        let answer = attack.send(host.port);
        assert!(
            (400..500).contains(&answer.status),
            "{}: {answer:?}",
            attack.head(host.port)
        );
    }

    // The genuine runs come last, so whatever ran before them is in the log by now.
    host.run("nightly", "");
    host.run(
        "order-worker",
        r#"{"specversion":"1.0","id":"1","source":"/tests","type":"order.placed","data":{"orderId":"o-1","totalCents":1,"placedBy":"x"}}"#,
    );
    for function in EVENTS {
        host.wait_for_line(function, |line| line.ends(function));
        let log = host.log();
        let runs = log.iter().filter(|line| line.function() == function);
        let ends: Vec<_> = runs.filter(|line| line.outcome().is_some()).collect();
        assert_eq!(ends.len(), 1, "{ends:?}");
        assert_eq!(ends[0].outcome(), Some("succeeded"));
    }
}

#[test]
fn nobody_outside_runs_an_event_function_in_the_envelope() {
    nobody_outside_runs_an_event_function(Mode::Envelope);
}

#[test]
fn nobody_outside_runs_an_event_function_by_forwarding() {
    nobody_outside_runs_an_event_function(Mode::Forwarding);
}

#[test]
fn nobody_outside_runs_an_event_function_by_proxying() {
    nobody_outside_runs_an_event_function(Mode::Proxying);
}

/// A handler whose functions need no token, in the place of the host.
fn handler(mode: Mode) -> Handler {
    Setup::of(App::Gallery("all")).mode(mode).start_handler()
}

/// A genuine invocation of `nightly`, but for what a test changes.
fn invocation() -> Request {
    Request::post("/nightly")
        .header("Content-Type", "application/json; charset=utf-8")
        .chunked([envelope("nightly").to_string()])
}

fn with_id(request: Request) -> Request {
    request.header("X-Azure-Functions-InvocationId", ID)
}

fn runs(handler: &Handler, function: &str) -> usize {
    let log = handler.log();
    log.iter().filter(|line| line.ends(function)).count()
}

#[test]
fn an_invocation_that_is_not_quite_the_hosts_is_turned_away_at_the_port() {
    let handler = handler(Mode::Proxying);
    let port = handler.port;
    let name = format!("localhost:{port}");
    let cases: [(&str, Request, u16, &str); 10] = [
        (
            "a foreign Host",
            with_id(invocation()).header("Host", "example.org"),
            421,
            "foreign_host",
        ),
        (
            "a Host by name",
            with_id(invocation()).header("Host", &name),
            421,
            "foreign_host",
        ),
        (
            "a Host without its port",
            with_id(invocation()).header("Host", "127.0.0.1"),
            421,
            "foreign_host",
        ),
        (
            "a page's Origin",
            with_id(invocation()).header("Origin", "null"),
            403,
            "foreign_origin",
        ),
        ("no id", invocation(), 400, "no_invocation_id"),
        (
            "an id that is none",
            invocation().header("X-Azure-Functions-InvocationId", "1"),
            400,
            "no_invocation_id",
        ),
        (
            "two ids",
            with_id(with_id(invocation())),
            400,
            "no_invocation_id",
        ),
        (
            "a proxied id",
            with_id(invocation()).header("x-ms-invocation-id", ID),
            403,
            "outside_request",
        ),
        (
            "any proxied id",
            with_id(invocation()).header("x-ms-invocation-id", ""),
            403,
            "outside_request",
        ),
        (
            "another method",
            with_id(Request::new("PUT", "/nightly")).json(&envelope("nightly")),
            404,
            "no_function",
        ),
    ];

    for (name, request, status, rule) in &cases {
        let before = handler.log().len();
        let answer = request.send(port);

        assert_eq!(answer.status, *status, "{name}: {answer:?}");
        assert_eq!(answer.text(), "", "{name}");
        handler.wait_for_lines(before + 1, name, |_| true);
        let last = handler
            .log()
            .into_iter()
            .nth(before)
            .expect("it was waited for");
        assert_eq!(last.text("rule"), *rule, "{name}");
    }
    assert_eq!(runs(&handler, "nightly"), 0);

    let genuine = with_id(invocation()).send(port);

    assert_eq!(genuine.status, 200, "{genuine:?}");
    handler.wait_for_line("the genuine run", |line| line.ends("nightly"));
    assert_eq!(runs(&handler, "nightly"), 1);
}

#[test]
fn a_direct_request_has_to_come_from_the_host() {
    let handler = handler(Mode::Proxying);
    let ask = |request: Request| request.send(handler.port).status;
    let look = || Request::get("/api/look");

    assert_eq!(ask(handler.direct(look())), 200);
    assert_eq!(ask(look()), 400, "without an id");
    assert_eq!(
        ask(handler.direct(look()).header("Host", "example.org")),
        421
    );
    // A forwarded request carries its caller's own Host, and no proxied id.
    assert_eq!(ask(with_id(look()).header("Host", "example.org")), 200);
}

#[test]
fn the_readiness_probe_needs_nothing_and_tells_nothing() {
    let handler = handler(Mode::Proxying);

    let probe = Request::get("/")
        .header("Host", "example.org")
        .send(handler.port);

    assert_eq!((probe.status, probe.text().as_str()), (200, ""));
    assert!(handler.log().iter().all(|line| line.outcome().is_none()));
}

#[test]
fn recorded_callers_from_outside_run_nothing_and_the_recorded_host_does() {
    let setup = Setup::of(App::Gallery("recorded"))
        .setting(
            "STOCKADE__AUTH__TENANTS",
            "7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384",
        )
        .setting(
            "STOCKADE__AUTH__AUDIENCES",
            "e2a5d1b0-6f47-4c39-8a1e-5b7d90c3f612",
        )
        .setting("STOCKADE__AUTH__INSECURE_AUTHORITY", "http://127.0.0.1:9")
        .setting("AZURE_FUNCTIONS_ENVIRONMENT", "Development");
    let events = ["nightly", "tick"];
    for (recording, mode) in [
        ("outside", Mode::Forwarding),
        ("outside-proxying", Mode::Proxying),
    ] {
        let handler = setup.clone().mode(mode).start_handler();
        let mut genuine = 0;
        for row in fixtures::recording(recording) {
            let received = match &row["handlerReceived"] {
                Value::Array(requests) => requests.clone(),
                request => vec![request.clone()],
            };
            for request in &received {
                let answer = fixtures::received(request, handler.port).send(handler.port);
                if row["case"] == "genuine" {
                    genuine += 1;
                    assert_eq!(answer.status, 200, "{answer:?}");
                } else {
                    assert!((400..500).contains(&answer.status), "{row}: {answer:?}");
                }
            }
        }

        let ran: usize = events.iter().map(|name| runs(&handler, name)).sum();
        assert_eq!(ran, genuine, "{recording}");
    }
}

#[test]
fn a_catch_all_over_the_paths_of_events_does_not_start() {
    let setup = Setup::of(App::Gallery("catch-all"));
    let prefix = |prefix: &str| {
        let extensions = json!({"extensions": {"http": {"routePrefix": prefix}}});
        setup.clone().host_json(&extensions)
    };

    let ended = prefix("").run_to_its_end(free_port());

    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    for event in ["work", "poisoned", "strict", "rejected", "tick", "nightly"] {
        let names_both =
            |line: &String| line.contains("`everything`") && line.contains(&format!("`{event}`"));
        assert!(
            ended.lines.iter().any(names_both),
            "{event}: {:?}",
            ended.lines
        );
    }
    prefix("api").start_handler();
}
