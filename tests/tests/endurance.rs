//! What callers, hosts and operators can do to a running app, it survives: the next good request is
//! served.

#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid,
};
use serde_json::json;
use stockade_tests::http::{connect, read_answer};
use stockade_tests::machine::{allow_files, descendant, peak_bytes, resident_bytes};
use stockade_tests::process::Process;
use stockade_tests::setup::{ID, free_port};
use stockade_tests::{Answer, App, Handler, Host, Mode, Request, Setup};
use tempfile::TempDir;

const MEBIBYTE: u64 = 1024 * 1024;

fn gallery() -> Setup {
    Setup::of(App::Gallery("all"))
}

fn serves(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// The next good request is served.
fn host_serves(host: &Host) {
    serves(&Request::get("/api/look?number=1").send(host.port));
}

fn handler_serves(handler: &Handler) {
    serves(
        &handler
            .direct(Request::get("/api/look?number=1"))
            .send(handler.port),
    );
}

/// Tests that fill memory or connections run one after the other, so that each measures itself.
fn alone() -> MutexGuard<'static, ()> {
    static HEAVY: Mutex<()> = Mutex::new(());
    HEAVY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_caller_who_breaks_off_its_upload_costs_one_refusal() {
    let host = gallery().start();
    let handler = gallery().start_handler();
    let upload = || Request::post("/api/echo/word").header("Content-Type", "application/json");
    let through = upload().header("Transfer-Encoding", "chunked");
    let direct = handler.direct(upload().header("Content-Length", "1000"));

    for (head, port, piece) in [
        (through.head(host.port), host.port, "5\r\n{\"who"),
        (direct.head(handler.port), handler.port, "{\"who"),
    ] {
        let mut stream = connect(port);
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(piece.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    }

    for end in [
        host.wait_for_line("the refusal", |line| line.ends("echo")),
        handler.wait_for_line("the refusal", |line| line.ends("echo")),
    ] {
        assert_eq!(end.text("rule"), "broken_off", "{end:?}");
    }
    host_serves(&host);
    handler_serves(&handler);
}

#[test]
fn an_answer_that_nobody_reads_any_more_is_dropped() {
    let host = gallery().start();
    let mut stream = Request::get("/api/files/endless").open(host.port);
    let mut some = [0; 4096];
    stream.read_exact(&mut some).unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200 OK\r\n"));

    drop(stream);

    host.wait_for_line("the drop", |line| {
        line.message() == "the answer was dropped"
    });
    host_serves(&host);
}

#[test]
fn ten_thousand_idle_connections_are_held_and_cost_little() {
    const COUNT: usize = 10_000;
    let _alone = alone();
    allow_files(COUNT as u64 + 1000);
    let handler = gallery().start_handler();
    handler_serves(&handler);
    let before = resident_bytes(handler.pid());

    let mut connections = Vec::with_capacity(COUNT);
    while connections.len() < COUNT {
        connections.extend((0..100).map(|_| connect(handler.port)));
        // Connections are taken in their order: with this answer, all before it were taken, and
        // the queue of those that wait never overflows.
        handler_serves(&handler);
    }

    let grown = resident_bytes(handler.pid()).saturating_sub(before);
    println!("{COUNT} connections: {} KiB more", grown / 1024);
    assert!(grown < 150 * MEBIBYTE, "{grown} bytes");
    let open = std::fs::read_dir(format!("/proc/{}/fd", handler.pid())).unwrap();
    assert!(open.count() > COUNT, "each connection is still open");

    // Half a head on each: a buffer has to be kept for it.
    for connection in &mut connections {
        connection.write_all(b"GET /api/look HTTP/1.1\r\n").unwrap();
    }
    handler_serves(&handler);
    let grown = resident_bytes(handler.pid()).saturating_sub(before);
    println!("with half a request on each: {} KiB more", grown / 1024);
    assert!(
        grown < 230 * MEBIBYTE,
        "{grown} bytes: more than 8 KiB for each"
    );
    drop(connections);
    handler_serves(&handler);
}

#[test]
fn a_body_of_a_hundred_megabytes_is_refused_without_being_held() {
    const LENGTH: usize = 100_000_000;
    let _alone = alone();
    let host = gallery().start();
    let pid = host.handler_pid();
    host_serves(&host);
    let before = resident_bytes(pid);
    let upload = || Request::post("/api/echo/word").header("Content-Type", "application/json");
    let id = |request: Request| {
        request
            .header("X-Azure-Functions-InvocationId", ID)
            .header("x-ms-invocation-id", ID)
    };
    let chunks = || (0..100).map(|_| vec![b' '; LENGTH / 100]);

    for (name, answer) in [
        (
            "with its length through the host",
            upload().bytes(vec![b' '; LENGTH]).send(host.port),
        ),
        (
            "in chunks through the host",
            upload().chunked(chunks()).send(host.port),
        ),
        (
            "with its length to the port",
            id(upload())
                .bytes(vec![b' '; LENGTH])
                .send(host.handler_port),
        ),
        (
            "in chunks to the port",
            id(upload()).chunked(chunks()).send(host.handler_port),
        ),
    ] {
        assert_eq!(answer.status, 413, "{name}: {answer:?}");
        assert_eq!(answer.problem(), "too_large", "{name}");
        host_serves(&host);
    }
    let peak = peak_bytes(pid).saturating_sub(before);
    println!("4 x 100 MB: at most {} KiB more", peak / 1024);
    assert!(peak < 20 * MEBIBYTE, "{peak} bytes");
}

#[test]
fn an_envelope_over_its_limit_is_refused() {
    let handler = gallery()
        .mode(Mode::Envelope)
        .setting("STOCKADE__LIMITS__MAX_ENVELOPE_BYTES", "65536")
        .start_handler();
    let invoke = |bytes: usize| {
        Request::post("/nightly")
            .header("X-Azure-Functions-InvocationId", ID)
            .json(&json!({"Data": {"timer": {"IsPastDue": false}}, "Metadata": {"x": "x".repeat(bytes)}}))
            .send(handler.port)
    };

    assert_eq!(invoke(65_536).status, 422);
    let end = handler.wait_for_line("the refusal", |line| line.ends("nightly"));
    assert_eq!(end.text("rule"), "too_large");
    assert_eq!(invoke(60_000).status, 200);
}

#[test]
fn json_that_is_deep_or_wide_is_refused_at_once() {
    let host = gallery().start();
    let send = |any: &str| {
        Request::post("/api/echo/word")
            .body("application/json", format!(r#"{{"any":{any}}}"#))
            .send(host.port)
    };
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let members = |count: usize| {
        let members: Vec<_> = (0..count).map(|at| format!(r#""m{at}":1"#)).collect();
        format!("{{{}}}", members.join(","))
    };

    for (name, any, code) in [
        ("10,000 deep", nested(10_000), "too_deep"),
        ("10,000 open", "[".repeat(10_000), "too_deep"),
        ("50,000 members", members(50_000), "too_many_members"),
    ] {
        let started = Instant::now();
        let answer = send(&any);
        assert_eq!(answer.status, 400, "{name}: {answer:?}");
        assert_eq!(
            answer.json()["errors"][0]["code"],
            code,
            "{name}: {answer:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(2), "{name}");
        host_serves(&host);
    }
    serves(&send(&nested(20)));
    serves(&send(&members(5000)));
}

#[test]
fn more_invocations_than_the_limit_are_told_to_come_back() {
    let host = gallery()
        .setting("STOCKADE__LIMITS__MAX_CONCURRENT_INVOCATIONS", "2")
        .start();
    let hold = Request::get("/api/hold?number=1000");
    let holding = || [hold.open(host.port), hold.open(host.port)];
    let streams = holding();
    host.wait_for_lines(2, "both to run", |line| line.says("hold", "holding"));

    let refused = Request::get("/api/look").send(host.port);

    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.problem(), "unavailable");
    let seconds = refused.header("retry-after").expect("it says when");
    assert!(
        seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0),
        "{seconds}"
    );
    for stream in streams {
        serves(&read_answer(stream, false));
    }
    host_serves(&host);
}

#[test]
fn an_event_waits_for_its_turn_where_a_caller_is_sent_away() {
    let host = gallery()
        .setting("STOCKADE__LIMITS__MAX_CONCURRENT_INVOCATIONS", "1")
        .start();
    let stream = Request::get("/api/hold?number=500").open(host.port);
    host.wait_for_line("the caller to run", |line| line.says("hold", "holding"));

    host.run("nightly", "");

    let end = host.wait_for_line("the event", |line| line.ends("nightly"));
    assert_eq!(end.outcome(), Some("succeeded"));
    serves(&read_answer(stream, false));
}

#[test]
fn a_signal_lets_running_invocations_end_and_asks_for_a_restart() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut handler = gallery().start_handler();
        let hold = handler.direct(Request::get("/api/hold?number=300"));
        let stream = hold.open(handler.port);
        handler.wait_for_line("the invocation to run", |line| line.says("hold", "holding"));

        handler.signal(signal);

        serves(&read_answer(stream, false));
        let status = handler.wait_for_end(Duration::from_secs(5));
        assert_eq!(status.code(), Some(200), "{signal:?}");
    }
}

/// A shell in the place of the host, with the handler under it.
struct Stand {
    shell: Process,
    port: u16,
    _folder: TempDir,
}

impl Stand {
    fn of(setup: &Setup) -> Self {
        // Orphans become ours, so that their exit codes can be read.
        set_child_subreaper(Some(getpid())).expect("any process may be one");
        let (folder, port) = (setup.assemble(), free_port());
        let handler = setup.handler_command(port, &folder);
        let mut shell = Command::new("sh");
        // The second command keeps the shell from becoming the handler.
        shell
            .args(["-c", "\"$0\"; true"])
            .arg(handler.get_program());
        for (name, value) in handler.get_envs() {
            shell.env(name, value.expect("it sets and never removes"));
        }
        Self {
            shell: Process::start(&mut shell),
            port,
            _folder: folder,
        }
    }

    /// Kills the host and gives the handler's exit code, and how long it lived on.
    fn kill(self) -> (Option<i32>, Duration) {
        let orphan = descendant(self.shell.pid(), "handler")
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
            .expect("the shell runs the handler");
        let killed = Instant::now();
        self.shell.signal(Signal::KILL);
        // The handler writes where the shell did, so its end is the end of the output.
        if !self.shell.is_silent_within(Duration::from_secs(15)) {
            kill_process(orphan, Signal::KILL).expect("it runs");
            panic!("the handler lives on: {:?}", self.shell.lines());
        }
        let ended = waitpid(Some(orphan), WaitOptions::empty());
        let (_, status) = ended.expect("it is our child now").expect("it ended");
        (status.exit_status(), killed.elapsed())
    }
}

#[test]
fn a_handler_whose_host_is_gone_ends_with_0_within_3_seconds() {
    let host = Stand::of(&gallery());
    host.shell.wait_for("the handler to serve", |lines| {
        let mut lines = lines.iter();
        lines.any(|line| line.contains("\"serving\"")).then_some(())
    });
    assert_eq!(Request::get("/").send(host.port).status, 200);

    let (code, lived_on) = host.kill();

    assert_eq!(code, Some(0));
    assert!(lived_on < Duration::from_secs(3), "{lived_on:?}");
}

#[test]
fn a_handler_whose_host_goes_while_it_prepares_ends_as_well() {
    // A tenant that takes connections and never answers.
    let tenant = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let origin = format!("http://{}", tenant.local_addr().unwrap());
    let host = Stand::of(
        &Setup::of(App::Reference)
            .setting("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
            .setting("STOCKADE__AUTH__INSECURE_AUTHORITY", &origin)
            .setting(
                "STOCKADE__AUTH__TENANTS",
                "7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384",
            )
            .setting(
                "STOCKADE__AUTH__AUDIENCES",
                "e2a5d1b0-6f47-4c39-8a1e-5b7d90c3f612",
            ),
    );
    let _unanswered = tenant.accept().unwrap();

    let (code, lived_on) = host.kill();

    assert_eq!(code, Some(0));
    assert!(lived_on < Duration::from_secs(10), "{lived_on:?}");
}

#[test]
fn a_panic_fails_one_invocation_and_no_other() {
    let host = gallery().start();
    let stream = Request::get("/api/hold?number=300").open(host.port);
    host.wait_for_line("the other to run", |line| line.says("hold", "holding"));

    let answer = Request::get("/api/panic?text=the+inner+words").send(host.port);
    Request::post("/api/send")
        .json(&json!({"work": [{"id": 1, "do": "panic"}]}))
        .send(host.port);

    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("inner"), "{answer:?}");
    host.wait_for_lines(5, "each attempt", |line| {
        line.ends("work") && line.text("rule") == "panic"
    });
    host.wait_for_line("the message to be kept", |line| line.ends("poisoned"));
    serves(&read_answer(stream, false));
    let starts = host
        .log()
        .iter()
        .filter(|line| line.message() == "serving")
        .count();
    assert_eq!(starts, 1, "the process lives");
}

#[test]
fn a_function_that_hangs_is_given_up_before_the_host_gives_up_the_process() {
    let host = gallery()
        .host_json(&json!({"functionTimeout": "00:00:04"}))
        .start();
    let timed = |target: &str| {
        let started = Instant::now();
        (Request::get(target).send(host.port), started.elapsed())
    };

    let (own, own_time) = timed("/api/hang-briefly");
    let (hosts, hosts_time) = timed("/api/hang");

    for answer in [own, hosts] {
        assert_eq!(answer.status, 504, "{answer:?}");
        assert_eq!(answer.problem(), "deadline");
    }
    assert!(own_time < Duration::from_secs(2), "{own_time:?}");
    assert!(hosts_time < Duration::from_secs(4), "{hosts_time:?}");
    let starts = host
        .log()
        .iter()
        .filter(|line| line.message() == "serving")
        .count();
    assert_eq!(starts, 1, "the process lives");
    host_serves(&host);
}

#[test]
fn everything_that_is_wrong_with_the_settings_is_told_at_once_and_nothing_is_bound() {
    // The listener has the port, so a handler that bound it would fail with another code.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let secret = "xyzzy";
    let wrong = [
        ("STOCKADE__AUTH__TENANTS", secret),
        ("STOCKADE__AUTH__CLOUD", secret),
        ("STOCKADE__AUTH__CLOCK_SKEW_SECONDS", "301"),
        ("STOCKADE__AUTH__ACCEPT_V1", secret),
        ("STOCKADE__AUTH__INSECURE_AUTHORITY", "http://example.org"),
        ("STOCKADE__LIMITS__MAX_BODY_BYTES", secret),
        ("STOCKADE__LIMITS__DEADLINE_SECONDS", "0"),
        ("STOCKADE__AUHT__AUDIENCES", secret),
    ];
    let setup = wrong
        .iter()
        .fold(Setup::of(App::Reference), |setup, (name, value)| {
            setup.setting(name, value)
        });
    let setup = setup.host_json(&json!({"functionTimeout": "five minutes"}));

    let ended = setup.run_to_its_end(port);

    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let text = ended.lines.join("\n");
    for (name, _) in wrong {
        assert!(text.contains(name), "{name} is not in:\n{text}");
    }
    assert!(text.contains("STOCKADE__AUTH__AUDIENCES"), "{text}");
    assert!(text.contains("functionTimeout"), "{text}");
    assert!(!text.contains(secret), "{text}");
    assert!(!text.contains("serving"), "{text}");
}

#[test]
fn a_port_that_is_taken_ends_the_start_with_1() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();

    let ended = gallery().run_to_its_end(listener.local_addr().unwrap().port());

    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
}
