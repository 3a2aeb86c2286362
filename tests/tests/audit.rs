//! The audit trail, through the real binary.

use rustix::process::Signal;
use serde_json::{Value, json};
use stockade_tests::{App, Host, Line, Mode, Request, Setup};

const TRUSTED: &str = "STOCKADE__TELEMETRY__TRUSTED_PROXIES";
const ADA: &str = "aaaaaaaa-1f0e-4d3c-8b2a-6c5d4e3f2a10";
const CALL: &str = "/api/quote?sku=SKU-00001&quantity=1";

fn is_event(line: &Line) -> bool {
    !line.text("audit.id").is_empty()
}

/// An event of the trail, once it is there.
fn event(host: &Host, name: &str) -> Line {
    host.wait_for_line(name, |line| is_event(line) && line.message() == name)
}

fn token(host: &Host, changes: &Value) -> String {
    let mut wanted = json!({"scopes": ["Orders.Read"], "object": ADA});
    for (name, value) in changes.as_object().into_iter().flatten() {
        wanted[name] = value.clone();
    }
    host.token(&wanted)
}

fn quote(host: &Host, changes: &Value) -> u16 {
    let request = Request::get(CALL).bearer(&token(host, changes));
    request.send(host.port).status
}

#[test]
fn callers_are_told_as_they_are_let_in_refused_or_rejected() {
    let host = Setup::of(App::Reference).start();

    assert_eq!(quote(&host, &json!({})), 200);
    assert_eq!(quote(&host, &json!({"scopes": ["Other"]})), 403);
    assert_eq!(Request::get(CALL).send(host.port).status, 401);
    let bad = Request::get("/api/quote?sku=SKU-00001&quantity=none");
    let bad = bad.bearer(&token(&host, &json!({}))).send(host.port);
    assert_eq!(bad.status, 400);

    for (name, level, rule) in [
        ("auth.succeeded", "INFO", ""),
        ("access.refused", "WARN", "missing_permission"),
        ("auth.denied", "WARN", "missing_token"),
        ("input.rejected", "WARN", "invalid_input"),
    ] {
        let event = event(&host, name);
        assert_eq!(event.text("level"), level, "{event:?}");
        assert_eq!(event.text("rule"), rule, "{event:?}");
        assert_eq!(event.field("count"), 1, "{event:?}");
        assert_eq!(event.field("audit.version"), 1, "{event:?}");
        assert_eq!(event.function(), "quote", "{event:?}");
        assert_eq!(event.invocation_id().len(), 36, "{event:?}");
        let object = if name == "auth.denied" { "" } else { ADA };
        assert_eq!(event.text("principal.object_id"), object, "{event:?}");
        assert_eq!(event.field("client.address"), &Value::Null, "{event:?}");
    }
}

#[test]
fn an_event_in_quarantine_is_told_with_its_rule() {
    let host = Setup::of(App::Gallery("all")).start();

    let jobs = json!({"strict": [{"neither": "known"}]});
    Request::post("/api/send").json(&jobs).send(host.port);

    let kept = event(&host, "event.quarantined");
    assert_eq!(kept.text("rule"), "invalid_input");
    let rejected = event(&host, "input.rejected");
    assert_eq!(rejected.function(), kept.function());
    assert_eq!(rejected.invocation_id(), kept.invocation_id());
}

#[test]
fn the_start_its_weaknesses_keys_secrets_and_the_stop_are_told() {
    let host = Setup::of(App::Reference)
        .setting("FUNCTIONS_EXTENSION_VERSION", "~4")
        .start();
    assert_eq!(quote(&host, &json!({})), 200);

    let started = event(&host, "app.started");
    assert!(!started.text("app").is_empty(), "{started:?}");
    assert!(!started.text("stockade.version").is_empty(), "{started:?}");
    assert_eq!(started.text("host.version"), "~4");
    assert_eq!(started.text("http"), "proxying");
    let weak = |line: &Line| {
        line.message() == "configuration.weak"
            && line.text("setting") == "STOCKADE__AUTH__INSECURE_AUTHORITY"
    };
    host.wait_for_line("the stand-in tenant", weak);
    assert!(!event(&host, "keys.changed").text("key.ids").is_empty());
    let read = event(&host, "secret.read");
    assert_eq!(read.text("reason"), "first");
    assert_eq!(read.text("version").len(), 32, "{read:?}");
    host.restart();
    assert_eq!(event(&host, "app.stopped").text("reason"), "a signal");
}

#[test]
fn a_forged_address_is_not_believed() {
    let forged = "6.6.6.6, 203.0.113.7:50123";
    let address = |mode, settings: &[(&str, &str)], header: &str| {
        let mut setup = Setup::of(App::Reference).mode(mode);
        for (name, value) in settings {
            setup = setup.setting(name, value);
        }
        let host = setup.start();
        let request = Request::get(CALL).header("X-Forwarded-For", header);
        assert_eq!(request.send(host.port).status, 401);
        event(&host, "auth.denied")
            .text("client.address")
            .to_owned()
    };

    for (mode, settings, header, expected) in [
        // Nobody is known to append anything.
        (Mode::Envelope, &[][..], forged, ""),
        (Mode::Envelope, &[(TRUSTED, "0")], forged, "203.0.113.7"),
        (Mode::Forwarding, &[(TRUSTED, "0")], forged, "203.0.113.7"),
        (
            Mode::Envelope,
            &[(TRUSTED, "1")],
            "6.6.6.6, [2001:db8::1]:9, 10.0.0.1",
            "2001:db8::1",
        ),
        (Mode::Envelope, &[(TRUSTED, "0")], "203.0.113.7, evil", ""),
        // The host writes its own peer over it.
        (Mode::Proxying, &[(TRUSTED, "0")], forged, ""),
    ] {
        assert_eq!(
            address(mode, settings, header),
            expected,
            "{mode:?} {header}"
        );
    }
}

#[test]
fn a_flood_of_refusals_is_joined_and_told_whole_at_the_stop() {
    const FLOOD: u64 = 200;
    let mut handler = Setup::of(App::Gallery("members"))
        .setting("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        .setting(
            "STOCKADE__AUTH__TENANTS",
            "7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384",
        )
        .setting(
            "STOCKADE__AUTH__AUDIENCES",
            "5f0c7d21-9e4b-4a38-b6d1-8c2e3f7a9045",
        )
        .setting("STOCKADE__AUTH__INSECURE_AUTHORITY", "http://127.0.0.1:9")
        .start_handler();

    for _ in 0..FLOOD {
        let request = handler.direct(Request::get("/api/who"));
        let host = format!("127.0.0.1:{}", handler.port);
        let answer = request.header("Host", &host).send(handler.port);
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    handler.signal(Signal::TERM);
    handler.wait_for_end(std::time::Duration::from_secs(20));

    let log = handler.log();
    let denied: Vec<_> = log
        .iter()
        .filter(|line| is_event(line) && line.message() == "auth.denied")
        .collect();
    let told: u64 = denied
        .iter()
        .filter_map(|line| line.field("count").as_u64())
        .sum();
    assert_eq!(told, FLOOD);
    assert_eq!(denied.len(), 2, "{denied:?}");
    let failed = |line: &Line| is_event(line) && line.message() == "keys.failed";
    assert!(log.iter().any(failed), "the tenant is not there");
}

#[test]
fn what_a_token_says_of_itself_is_in_no_event() {
    let host = Setup::of(App::Reference).start();
    let odd = [
        "Ada Lovelace",
        "ada@contoso.example",
        "\nazfuncjsonlog:{}",
        "\u{1b}[2J\u{1b}[31mred",
    ];
    for text in odd {
        for changes in [
            json!({"overrides": {"name": text, "preferred_username": text, "upn": text}}),
            json!({"object": text}),
            json!({"header_overrides": {"kid": text}}),
            json!({"overrides": {"iss": text}}),
            json!({"scopes": [text]}),
        ] {
            assert!(quote(&host, &changes) < 500, "{changes}");
        }
    }

    event(&host, "access.refused");
    event(&host, "auth.denied");
    let lines = host.stop();
    let events: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("\"audit.id\""))
        .collect();
    assert!(events.len() > 3, "{events:?}");
    for line in events {
        assert!(Line::read(line).is_some(), "{line:?}");
        for part in ["Ada", "Lovelace", "contoso", "azfunc", "[2J", "red\""] {
            assert!(!line.contains(part), "{part}: {line}");
        }
    }
}
