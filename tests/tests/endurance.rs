//! What callers can do to a running app, it survives: the next good request is served.

#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use stockade_tests::http::{connect, read_answer};
use stockade_tests::machine::{allow_files, peak_bytes, resident_bytes};
use stockade_tests::running::ID;
use stockade_tests::{Answer, App, Handler, Host, Mode, Request, Setup};

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
fn large_envelopes_that_come_at_once_wait_for_each_other() {
    const CALLERS: usize = 64;
    let _alone = alone();
    let handler = gallery().mode(Mode::Envelope).start_handler();
    let head = format!(
        "POST /nightly HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX-Azure-Functions-InvocationId: {ID}\r\n\
         Content-Length: 16000000\r\n\r\n",
        handler.port
    );
    let part = vec![b' '; 8_000_000];
    let before = resident_bytes(handler.pid());

    let held: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut stream = connect(handler.port);
                    let patience = Some(Duration::from_millis(500));
                    stream.set_write_timeout(patience).expect("a time-out");
                    stream.write_all(head.as_bytes()).expect("a head fits");
                    // Whoever has no place is not read to the end.
                    let _ = stream.write_all(&part);
                    stream
                })
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().expect("no panic"))
            .collect()
    });

    let grown = resident_bytes(handler.pid()).saturating_sub(before);
    println!(
        "{} of 8 MB at once: {} MiB more",
        held.len(),
        grown / MEBIBYTE
    );
    assert!(grown < 300 * MEBIBYTE, "{grown} bytes");
    let small = Request::post("/nightly")
        .header("X-Azure-Functions-InvocationId", ID)
        .json(&json!({"Data": {"timer": {"IsPastDue": false}}, "Metadata": {}}));
    assert_eq!(small.send(handler.port).status, 200);
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
    let hold = Request::get("/api/hold?number=2000");
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
