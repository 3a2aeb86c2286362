//! How the process starts, stays and ends.

#![cfg(target_os = "linux")]

use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid,
};
use serde_json::json;
use stockade_tests::http::{connect, read_answer};
use stockade_tests::machine::descendant;
use stockade_tests::process::Process;
use stockade_tests::running::free_port;
use stockade_tests::{App, Host, Request, Setup};
use tempfile::TempDir;

fn gallery() -> Setup {
    Setup::of(App::Gallery("all"))
}

/// How often the host had to start its handler.
fn starts(host: &Host) -> usize {
    let log = host.log();
    log.iter()
        .filter(|line| line.message() == "serving")
        .count()
}

#[test]
fn a_signal_lets_running_invocations_end_and_asks_for_a_restart() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut handler = gallery().start_handler();
        let hold = handler.direct(Request::get("/api/hold?number=300"));
        let stream = hold.open(handler.port);
        handler.wait_for_line("the invocation to run", |line| line.says("hold", "holding"));

        handler.signal(signal);

        assert_eq!(read_answer(stream, false).status, 200);
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
    assert_eq!(read_answer(stream, false).status, 200);
    assert_eq!(starts(&host), 1, "the process lives");
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
    assert_eq!(starts(&host), 1, "the process lives");
    assert_eq!(Request::get("/api/look").send(host.port).status, 200);
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
        (
            "STOCKADE__STORAGE__ACCOUNT_URI",
            "https://orders1.blob.core.windows.net.example",
        ),
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

#[test]
fn the_port_is_bound_on_127_0_0_1_and_nowhere_else() {
    let handler = gallery().start_handler();

    assert_eq!(Request::get("/").send(handler.port).status, 200);
    let elsewhere = TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), handler.port));
    assert_eq!(elsewhere.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn an_invocation_that_never_arrives_whole_is_given_up_at_the_deadline() {
    let handler = gallery()
        .setting("STOCKADE__LIMITS__DEADLINE_SECONDS", "1")
        .start_handler();
    let mut stream = connect(handler.port);
    write!(
        stream,
        "POST /work HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\
         X-Azure-Functions-InvocationId: 00000000-0000-4000-8000-000000000000\r\n\
         Content-Length: 100\r\n\r\n{{\"Data\":",
        handler.port
    )
    .expect("the handler reads");

    let answer = read_answer(stream, false);

    assert_eq!(answer.status, 422, "{}", answer.text());
    let line = handler.wait_for_line("its line", |line| line.ends("work"));
    assert_eq!(line.text("rule"), "broken_off");
}
