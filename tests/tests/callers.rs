//! No caller takes what belongs to the others, through the real binaries.

use std::net::TcpStream;

use serde_json::{Value, json};
use stockade_tests::http::read_answer;
use stockade_tests::{Answer, App, Host, Mode, Request, Setup};

const AT_ONCE: &str = "STOCKADE__LIMITS__CALLER_CONCURRENT_INVOCATIONS";
const A_MINUTE: &str = "STOCKADE__LIMITS__CALLER_REQUESTS_PER_MINUTE";

const ADA: &str = "aaaaaaaa-1f0e-4d3c-8b2a-6c5d4e3f2a10";
const BOB: &str = "bbbbbbbb-1f0e-4d3c-8b2a-6c5d4e3f2a10";

fn members() -> Setup {
    Setup::of(App::Gallery("members"))
}

/// The token of a user of this object id, with `changes` to what is usual.
fn token(host: &Host, object: &str, changes: &Value) -> String {
    let mut wanted = json!({"scopes": ["Stay"], "object": object});
    for (name, value) in changes.as_object().into_iter().flatten() {
        wanted[name] = value.clone();
    }
    host.token(&wanted)
}

fn usual(host: &Host, object: &str) -> String {
    token(host, object, &json!({}))
}

fn who(host: &Host, token: &str) -> Answer {
    Request::get("/api/who").bearer(token).send(host.port)
}

/// Calls that have begun, for as long as the streams are open and 5 seconds at most.
fn stay(host: &Host, token: &str, count: usize) -> Vec<TcpStream> {
    let request = Request::get("/api/stay?milliseconds=5000").bearer(token);
    let begun: Vec<_> = (0..count).map(|_| request.open(host.port)).collect();
    host.wait_for_lines(count, "all to stay", |line| line.says("stay", "staying"));
    begun
}

/// It says when to come back, and nothing about tokens.
fn is_told_to_come_back(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.problem(), "too_many_requests");
    assert_eq!(answer.headers("www-authenticate"), [""; 0], "{answer:?}");
    let seconds = answer.header("retry-after").expect("it says when");
    seconds.parse().expect("in seconds")
}

#[test]
fn a_flood_of_one_caller_is_turned_away_and_another_is_served_in_every_mode() {
    for mode in Mode::ALL {
        let host = members().mode(mode).setting(AT_ONCE, "4").start();
        let (ada, bob) = (usual(&host, ADA), usual(&host, BOB));
        let under_way = stay(&host, &ada, 4);

        for _ in 0..20 {
            assert_eq!(is_told_to_come_back(&who(&host, &ada)), 1, "{mode:?}");
        }
        let served = who(&host, &bob);

        assert_eq!(served.status, 200, "{mode:?}: {served:?}");
        let line = host.wait_for_line("a refusal", |line| line.ends("who"));
        assert_eq!(line.outcome(), Some("denied"));
        assert_eq!(line.text("rule"), "caller_concurrency");
        assert!(line.text("principal.id").ends_with(ADA), "{line:?}");
        for stream in under_way {
            let answer = read_answer(stream, false);
            assert_eq!(answer.status, 200, "{mode:?}: {answer:?}");
        }
        assert_eq!(who(&host, &ada).status, 200, "{mode:?}");
    }
}

#[test]
fn a_caller_beyond_its_rate_is_told_when_to_come_back_in_every_mode() {
    for mode in Mode::ALL {
        // One request in 30 seconds, and no test takes so long.
        let host = members().mode(mode).setting(A_MINUTE, "2").start();
        let (ada, bob) = (usual(&host, ADA), usual(&host, BOB));

        assert_eq!(who(&host, &ada).status, 200, "{mode:?}");
        let seconds = is_told_to_come_back(&who(&host, &ada));

        assert!((1..=30).contains(&seconds), "{mode:?}: {seconds}");
        assert_eq!(who(&host, &bob).status, 200, "{mode:?}");
        host.wait_for_line("the refusal", |line| line.text("rule") == "caller_rate");
    }
}

#[test]
fn all_tokens_of_one_caller_count_together_and_its_namesake_elsewhere_does_not() {
    const HOME: &str = "7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384";
    const ELSEWHERE: &str = "3d9e5f60-84c1-4b27-a6f3-07d2c95e18ab";
    let host = members()
        .setting("STOCKADE__AUTH__TENANTS", &format!("{HOME},{ELSEWHERE}"))
        .setting(A_MINUTE, "2")
        .start();
    let ada = |changes| token(&host, ADA, &changes);
    let first = who(&host, &ada(json!({})));
    assert_eq!(first.json(), format!("{HOME}/{ADA}"));

    for (name, token) in [
        ("another token", ada(json!({}))),
        (
            "another client",
            ada(json!({"client": "5f0c7d21-9e4b-4a38-b6d1-8c2e3f7a9045"})),
        ),
        ("more scopes", ada(json!({"scopes": ["Stay", "Go"]}))),
        ("no permission", ada(json!({"scopes": ["Go"]}))),
    ] {
        let answer = who(&host, &token);
        assert_eq!(answer.status, 429, "{name}: {answer:?}");
    }

    let namesake = who(&host, &ada(json!({"tenant": ELSEWHERE})));
    assert_eq!(namesake.json(), format!("{ELSEWHERE}/{ADA}"));
}

#[test]
fn a_caller_who_breaks_off_gives_its_room_back() {
    let host = members().setting(AT_ONCE, "2").start();
    let ada = usual(&host, ADA);
    let under_way = stay(&host, &ada, 2);
    assert_eq!(who(&host, &ada).status, 429);

    drop(under_way);

    host.wait_for_lines(2, "both to end", |line| line.ends("stay"));
    assert_eq!(who(&host, &ada).status, 200);
}
