//! Receivers that are down, slow or wrong, and the end of the process.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use stockade_tests::process::poll;
use stockade_tests::{App, Host, Line, Request, Setup};

use crate::metrics;
use crate::world::{Caller, INSIGHTS, OTLP, SOURCES, World, hex, observed};

/// What lines and metrics call the way to a receiver.
fn exporter(source: &str) -> &'static str {
    match source {
        INSIGHTS => "application insights",
        _ => "otlp",
    }
}

fn other(source: &str) -> &'static str {
    if source == OTLP { INSIGHTS } else { OTLP }
}

fn is_loss(line: &Line) -> bool {
    line.message() == "telemetry was lost" && line.text("level") == "WARN"
}

/// How much of a signal was lost on the way to a receiver, by the log.
fn lost(log: &[Line], source: &str, signal: &str) -> u64 {
    let told = log.iter().filter(|line| {
        is_loss(line) && line.text("exporter") == exporter(source) && line.text("signal") == signal
    });
    let number = |line: &Line, name| line.field(name).as_u64().unwrap_or_default();
    told.map(|line| number(line, "dropped") + number(line, "failed"))
        .sum()
}

/// Whether standard error has said so, too.
fn is_warned_of(output: &[String], source: &str, signal: &str) -> bool {
    let warning = format!(
        "warning: telemetry was lost: {}, {signal}: ",
        exporter(source)
    );
    output.iter().any(|line| line.contains(&warning))
}

fn deny(host: &Host) {
    assert_eq!(Request::post("/api/take/end").send(host.port).status, 401);
}

/// Calls while a receiver has a fault: the app answers, the other receiver gets everything, and what
/// was lost is told at the end.
fn survives(source: &str, fault: &Value) -> Survived {
    let world = World::start(&observed());
    let before = Caller::new();
    assert_eq!(world.get("/api/plain", &before), 200);
    world.span(&before, "plain");
    world.fault(source, fault);

    let callers: Vec<_> = (0..8).map(|_| Caller::new()).collect();
    for caller in &callers {
        assert_eq!(world.get("/api/span", caller), 200, "{source} {fault}");
    }
    deny(&world.host);

    // The invocation, its stages and the span that it opens.
    const SPANS: usize = 4;
    for caller in &callers {
        world.wait_for_trace("the other one to have all", &caller.trace, |trace| {
            (trace.spans_of(other(source)) == SPANS).then_some(())
        });
    }
    poll("the other one to have the audit event", || {
        let logs = world.logs();
        let mut events = logs["audit"].as_array().into_iter().flatten();
        let is_denial = |said: &Value| {
            said["source"] == other(source) && said["said"].to_string().contains("auth.denied")
        };
        events
            .any(|event| event.as_array().into_iter().flatten().any(is_denial))
            .then_some(())
    });
    world.host.restart();
    let survived = Survived {
        source: source.to_owned(),
        fault: fault.clone(),
        world,
    };
    for signal in ["logs", "audit", "metrics"] {
        let lost = lost(&survived.world.host.log(), other(source), signal);
        assert_eq!(lost, 0, "{source} {fault}: {signal}");
    }
    survived
}

/// What was told of a fault.
struct Survived {
    source: String,
    fault: Value,
    world: World,
}

impl Survived {
    /// In the log, and on standard error.
    fn tells_of_losses(&self) {
        let (source, host) = (&self.source, &self.world.host);
        // The next handler may be heard before the last words of the one before it.
        poll(&format!("losses of {source} at {}", self.fault), || {
            let is_told = lost(&host.log(), source, "spans") > 0
                && is_warned_of(&host.output(), source, "spans");
            is_told.then_some(())
        });
    }
}

fn faults() -> Vec<Value> {
    vec![
        json!({"kind": "down"}),
        json!({"kind": "status", "status": 500}),
        json!({"kind": "status", "status": 400}),
        json!({"kind": "throttled", "seconds": 3600}),
        json!({"kind": "slow", "seconds": 60}),
        json!({"kind": "garbage"}),
        // A part of what is sent is refused.
        json!({"kind": "partial"}),
    ]
}

#[test]
fn whatever_application_insights_does_the_app_answers_and_losses_are_told() {
    for fault in faults() {
        survives(INSIGHTS, &fault).tells_of_losses();
    }
}

#[test]
fn whatever_a_collector_does_the_app_answers_and_losses_are_told() {
    for fault in faults() {
        survives(OTLP, &fault).tells_of_losses();
    }
}

#[test]
fn a_receiver_that_is_back_is_told_what_it_missed() {
    let world = World::start(&observed());
    for source in SOURCES {
        world.fault(source, &json!({"kind": "status", "status": 400}));
        assert_eq!(world.get("/api/span", &Caller::new()), 200);
        poll("a request to be refused", || {
            let refused = &world.report()["sources"][source]["statuses"]["400"];
            (refused.as_u64() > Some(3)).then_some(())
        });

        world.fault(source, &json!({}));

        // Both tell of it, also of what the other one lost.
        let lost = [
            ("exporter", exporter(source)),
            ("signal", "spans"),
            ("result", "failed"),
        ];
        for by in SOURCES {
            poll("the losses as a metric", || {
                (metrics::count(&world, by, "stockade.telemetry.lost", &lost) > 0).then_some(())
            });
        }
        let after = Caller::new();
        assert_eq!(world.get("/api/plain", &after), 200);
        world.span(&after, "plain");
    }
}

#[test]
fn a_flood_of_lines_takes_no_room_from_the_audit_trail() {
    let world = World::start(
        &observed()
            .setting("OTEL_BLRP_MAX_QUEUE_SIZE", "64")
            .setting("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "16"),
    );
    let flooding = Caller::new();
    assert_eq!(world.get("/api/flood?lines=20000", &flooding), 200);

    deny(&world.host);
    assert_eq!(world.get("/api/flood?lines=20000", &flooding), 200);

    world.audit("auth.denied", |told| told["rule"] == "missing_token");
    world.host.restart();
    world.audit("app.stopped", |_| true);
    let log = world.host.log();
    for source in SOURCES {
        assert!(lost(&log, source, "logs") > 10_000, "{source}");
        assert_eq!(lost(&log, source, "audit"), 0, "{source}");
        assert!(is_warned_of(&world.host.output(), source, "logs"));
    }
}

#[test]
fn what_was_called_before_the_end_is_received() {
    const CALLS: usize = 40;
    // Nothing leaves before the end by itself.
    let world = World::start(
        &observed()
            .setting("OTEL_BSP_SCHEDULE_DELAY", "60000")
            .setting("OTEL_BLRP_SCHEDULE_DELAY", "60000")
            .setting("OTEL_METRIC_EXPORT_INTERVAL", "3600000"),
    );
    let callers: Vec<_> = (0..CALLS).map(|_| Caller::new()).collect();
    for caller in &callers {
        assert_eq!(world.get("/api/span", caller), 200);
    }

    world.host.restart();

    for caller in &callers {
        let own = world.span(caller, "span");
        assert_eq!(world.span(caller, "work").parent(), own.id());
        world.wait_for_trace("its lines", &caller.trace, |trace| {
            (trace.lines().len() == 3).then_some(())
        });
    }
    world.audit("app.stopped", |_| true);
    for source in SOURCES {
        let plain = [("faas.name", "span")];
        let count = metrics::count(&world, source, "faas.invoke_duration", &plain);
        assert_eq!(count, CALLS as u64, "{source}");
    }
    let log = world.host.log();
    for source in SOURCES {
        assert_eq!(lost(&log, source, "logs"), 0, "{source}");
        assert_eq!(lost(&log, source, "audit"), 0, "{source}");
        // The call for the token that all this needs ends when there is nowhere left to tell of it.
        assert!(lost(&log, source, "spans") <= 1, "{source}: {log:?}");
    }
}

#[test]
fn receivers_that_never_answer_do_not_hold_up_the_end() {
    // Connections are taken by the system, and nobody ever reads from them.
    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    let port = dead.local_addr().expect("it is bound").port();
    let key = hex(16);
    let parts = [
        &key[..8],
        &key[8..12],
        &key[12..16],
        &key[16..20],
        &key[20..],
    ];
    let connection = format!(
        "InstrumentationKey={};IngestionEndpoint=https://dead.ingestion.localhost:{port}/",
        parts.join("-")
    );
    let mut handler = Setup::of(App::Gallery("all"))
        .setting("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        .setting("APPLICATIONINSIGHTS_CONNECTION_STRING", &connection)
        .setting("STOCKADE__TELEMETRY__INSECURE_INGESTION", "true")
        .setting(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &format!("http://127.0.0.1:{port}"),
        )
        .setting("OTEL_TRACES_SAMPLER", "always_on")
        .start_handler();
    for _ in 0..20 {
        let request = handler.direct(Request::get("/api/look"));
        assert_eq!(request.send(handler.port).status, 200);
    }

    handler.signal(Signal::TERM);

    let status = handler.wait_for_end(Duration::from_secs(10));
    assert_eq!(status.code(), Some(200));
    for source in SOURCES {
        // Each invocation, and its stages.
        assert!(lost(&handler.log(), source, "spans") >= 20, "{source}");
        assert!(is_warned_of(&handler.output(), source, "spans"), "{source}");
        assert!(lost(&handler.log(), source, "audit") > 0, "{source}");
    }
}
