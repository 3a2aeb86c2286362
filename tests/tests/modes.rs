//! A function cannot tell in which way the host hands its requests over, except for what a way
//! cannot carry; and each such loss has its named refusal.

use std::sync::OnceLock;

use serde_json::{Value, json};
use stockade_tests::running::free_port;
use stockade_tests::{Answer, App, Host, Mode, Request, Setup};

/// A running gallery for each mode.
fn host(mode: Mode) -> &'static Host {
    static HOSTS: [OnceLock<Host>; 3] = [const { OnceLock::new() }; 3];
    let index = Mode::ALL.iter().position(|known| *known == mode);
    HOSTS[index.expect("all modes are in the list")]
        .get_or_init(|| Setup::of(App::Gallery("all")).mode(mode).start())
}

fn send(mode: Mode, request: &Request) -> Answer {
    request.send(host(mode).port)
}

/// What has to be the same in every mode.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    content_type: Option<String>,
    etag: Option<String>,
    cache_control: Option<String>,
    retry_after: Option<String>,
    body: String,
}

fn seen(answer: &Answer) -> Seen {
    let header = |name| answer.header(name).map(str::to_owned);
    let mut body = answer.text();
    if header("content-type").is_some_and(|it| it.starts_with("application/problem+json")) {
        let mut problem = answer.json();
        problem["instance"] = Value::from("the invocation");
        body = problem.to_string();
    }
    Seen {
        status: answer.status,
        content_type: header("content-type"),
        etag: header("etag"),
        cache_control: header("cache-control"),
        retry_after: header("retry-after"),
        body,
    }
}

/// Sends each request in each mode and compares.
fn the_same_in_every_mode(cases: &[(&str, u16, Request)]) {
    for (name, status, request) in cases {
        let [first, others @ ..] = Mode::ALL.map(|mode| seen(&send(mode, request)));
        assert_eq!(first.status, *status, "{name}: {first:?}");
        for (other, mode) in others.iter().zip(&Mode::ALL[1..]) {
            assert_eq!(*other, first, "{name} by {mode:?}");
        }
    }
}

fn echo(document: &Value) -> Request {
    Request::post("/api/echo/word").json(document)
}

fn post_text(text: &str) -> Request {
    Request::post("/api/echo/word").body("application/json", text)
}

#[test]
fn methods_and_paths_are_the_same_in_every_mode() {
    let document = json!({"flag": true});
    the_same_in_every_mode(&[
        ("get", 200, Request::get("/api/look")),
        ("get with a word", 200, Request::get("/api/look/word")),
        (
            "a word in escapes",
            200,
            Request::get("/api/look/%C3%A9%20%21"),
        ),
        (
            "another case of the route",
            200,
            Request::get("/API/Look/Word"),
        ),
        ("delete", 200, Request::new("DELETE", "/api/look/word")),
        ("head", 200, Request::new("HEAD", "/api/look/word")),
        ("options", 200, Request::new("OPTIONS", "/api/look/word")),
        ("post", 200, echo(&document)),
        (
            "put",
            200,
            Request::new("PUT", "/api/echo/word").json(&document),
        ),
        (
            "patch",
            200,
            Request::new("PATCH", "/api/echo/word").json(&document),
        ),
        ("a method of another route", 404, Request::post("/api/look")),
        ("no such path", 404, Request::get("/api/nowhere")),
        ("a path below", 404, Request::get("/api/look/word/more")),
        (
            "a word that is too long",
            400,
            Request::get(&format!("/api/look/{}", "x".repeat(65))),
        ),
    ]);
}

#[test]
fn queries_are_the_same_in_every_mode() {
    let look = |query: &str| Request::get(&format!("/api/look?{query}"));
    the_same_in_every_mode(&[
        ("text", 200, look("text=plain")),
        ("escapes", 200, look("text=%C3%A9%2F%26%3D%2B%25")),
        ("a space as plus", 200, look("text=a+b")),
        ("a space as an escape", 200, look("text=a%20b")),
        ("empty", 200, look("text=")),
        ("a number and a flag", 200, look("number=7&flag=true")),
        ("a word that looks like a number", 200, look("text=0012")),
        ("no query", 200, look("")),
        ("no number", 400, look("number=seven")),
        ("a number out of bounds", 400, look("number=5001")),
        ("unknown", 400, look("unknown=1")),
        ("a control character", 400, look("text=%07")),
    ]);
}

#[test]
fn json_of_every_kind_is_the_same_in_every_mode() {
    let document = json!({
        "text": "plain é 日本 \u{1f600} \" \\ / \n\t",
        "whole": i64::MIN,
        "large": u64::MAX,
        "real": 1.5e-7,
        "flag": false,
        "list": [1.0, null, -0.5],
        "inner": {"inner": {"text": ""}},
        "any": {"deep": [[[{"x": null}]]], "date": "2026-03-14T09:26:50.100Z"},
    });
    the_same_in_every_mode(&[
        ("everything", 200, echo(&document)),
        ("nothing", 200, echo(&json!({}))),
        ("white space", 200, post_text(" \r\n\t{ \"whole\" : 1 } \n")),
        (
            "escapes",
            200,
            post_text(r#"{"text":"\u00e9\ud83d\ude00\/"}"#),
        ),
        (
            "a date",
            200,
            echo(&json!({"text": "2026-03-14T09:26:50Z"})),
        ),
        (
            "a date of .NET",
            200,
            echo(&json!({"text": "/Date(1700000000000)/"})),
        ),
        ("base64", 200, echo(&json!({"text": "dGVzdA=="}))),
        ("text that is JSON", 200, echo(&json!({"text": "[1,2]"}))),
        ("zeros at the end", 200, post_text(r#"{"real":1.500}"#)),
        ("a large real", 200, post_text(r#"{"real":1e300}"#)),
        (
            "nearly too large",
            200,
            echo(&json!({"text": "é".repeat(500_000)})),
        ),
    ]);
}

#[test]
fn answers_are_the_same_in_every_mode() {
    let text = |query: &str| Request::get(&format!("/api/text?text={query}"));
    the_same_in_every_mode(&[
        ("text", 200, text("hello")),
        ("text that is base64", 200, text("dGVzdA==")),
        ("text that is JSON", 200, text("%7B%22a%22%3A1.0%7D")),
        ("text that is a number", 200, text("1.0")),
        ("no text", 200, text("")),
        ("a date without a time", 200, text("2026-03-14")),
        (
            "a date in a sentence",
            200,
            text("at%202026-03-14T09:26:50Z"),
        ),
        (
            "an empty body",
            202,
            Request::post("/api/nothing").bytes(""),
        ),
        ("no body", 202, Request::post("/api/nothing")),
        (
            "a router's text",
            200,
            Request::get("/api/files/headers").header("x-many", "1"),
        ),
        (
            "a router's sum",
            200,
            Request::post("/api/files/count").bytes("12345"),
        ),
        (
            "bytes to a router",
            200,
            Request::post("/api/files/count")
                .body("application/octet-stream", b"\xff\xfe\x00".as_slice()),
        ),
    ]);
}

#[test]
fn an_answer_without_a_content_type_gets_the_hosts_in_the_envelope() {
    for (name, request) in [
        ("404", Request::get("/api/files/nowhere")),
        ("405", Request::get("/api/files/count")),
    ] {
        let [enveloped, others @ ..] = Mode::ALL.map(|mode| send(mode, &request));
        for direct in others {
            assert_eq!(direct.status, enveloped.status, "{name}");
            assert_eq!(direct.body, enveloped.body, "{name}");
            assert_eq!(direct.header("content-type"), None, "{name}");
        }
        let default = Some("text/plain; charset=utf-8");
        assert_eq!(enveloped.header("content-type"), default, "{name}");
    }
}

#[test]
fn problems_are_the_same_in_every_mode() {
    let error = |kind: &str| Request::get(&format!("/api/error/{kind}"));
    the_same_in_every_mode(&[
        ("forbidden", 403, error("forbidden")),
        ("not found", 404, error("not-found")),
        ("conflict", 409, error("conflict")),
        ("gone", 410, error("gone")),
        ("unprocessable", 422, error("unprocessable")),
        ("reject", 422, error("reject")),
        ("retry", 503, error("retry")),
        ("fatal", 500, error("fatal")),
        ("any error", 500, error("other")),
        ("panic", 500, Request::get("/api/panic?text=boom")),
        ("deadline", 504, Request::get("/api/hang-briefly")),
        (
            "no body",
            400,
            Request::post("/api/echo/word").header("Content-Type", "application/json"),
        ),
        ("an empty body", 400, post_text("")),
        ("cut off", 400, post_text(r#"{"whole":1"#)),
        ("not JSON", 400, post_text("{whole:1}")),
        (
            "twice the same name",
            400,
            post_text(r#"{"whole":1,"whole":2}"#),
        ),
        ("unknown", 400, post_text(r#"{"unknown":1}"#)),
        ("another type", 400, post_text(r#"{"whole":"1"}"#)),
        ("an array", 400, post_text("[]")),
        (
            "a number too large",
            400,
            post_text(r#"{"large":18446744073709551616}"#),
        ),
        ("half a pair", 400, post_text(r#"{"text":"\ud83d"}"#)),
        (
            "another content type",
            415,
            Request::post("/api/echo/word").body("text/plain", "{}"),
        ),
        (
            "no content type",
            415,
            Request::post("/api/echo/word").bytes("{}"),
        ),
        (
            "too large",
            413,
            echo(&json!({"text": "x".repeat(1024 * 1024)})),
        ),
    ]);
}

#[test]
fn repeated_headers_do_not_change_what_is_read() {
    let twice = |request: Request| request.header("X-Twice", "1").header("X-Twice", "2");
    the_same_in_every_mode(&[
        ("any header", 200, twice(Request::get("/api/look"))),
        ("with a body", 200, twice(echo(&json!({"flag": true})))),
        (
            "two tokens",
            200,
            Request::get("/api/look").bearer("a").bearer("b"),
        ),
    ]);
}

#[test]
fn of_two_content_types_neither_counts() {
    let request = echo(&json!({})).header("Content-Type", "application/json");

    for mode in [Mode::Envelope, Mode::Proxying] {
        let answer = send(mode, &request);
        assert_eq!(answer.status, 415, "{mode:?}: {answer:?}");
    }
}

#[test]
fn a_chunked_upload_needs_proxying() {
    let upload = |chunks: [&str; 2]| {
        Request::post("/api/echo/word")
            .header("Content-Type", "application/json")
            .chunked(chunks)
    };
    let upload = upload(["{\"whole\"", ":1}"]);

    let proxied = send(Mode::Proxying, &upload);
    let enveloped = send(Mode::Envelope, &upload);
    let forwarded = send(Mode::Forwarding, &upload);

    assert_eq!(proxied.status, 200, "{proxied:?}");
    assert_eq!(proxied.json()["document"]["whole"], 1);
    assert_eq!(enveloped.status, 411, "{enveloped:?}");
    assert_eq!(enveloped.problem(), "length_required");
    assert_eq!(forwarded.status, 500, "the host's own: {forwarded:?}");
}

#[test]
fn text_that_is_not_utf_8_or_has_a_mark_is_told_apart_from_what_the_envelope_damages() {
    let cases = [
        ("a byte order mark", b"\xef\xbb\xbf{\"whole\":1}".to_vec()),
        ("latin-1", b"{\"text\":\"\xe9\"}".to_vec()),
        (
            "utf-16",
            "\u{feff}{}"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
        ),
    ];
    for (name, bytes) in cases {
        let request = Request::post("/api/echo/word").body("application/json", bytes);

        let enveloped = send(Mode::Envelope, &request);
        assert_eq!(enveloped.status, 415, "{name}: {enveloped:?}");
        assert_eq!(enveloped.problem(), "body_damaged", "{name}");
        for mode in [Mode::Forwarding, Mode::Proxying] {
            let direct = send(mode, &request);
            assert_eq!(direct.status, 400, "{name} by {mode:?}: {direct:?}");
            assert_eq!(direct.problem(), "invalid_input", "{name} by {mode:?}");
        }
    }
}

#[test]
fn a_compressed_body_is_never_read_as_if_it_were_plain() {
    let request = |encoding: &str| echo(&json!({"whole": 1})).header("Content-Encoding", encoding);

    for mode in [Mode::Envelope, Mode::Proxying] {
        let answer = send(mode, &request("gzip"));
        assert_eq!(answer.status, 415, "{mode:?}: {answer:?}");
        assert_eq!(answer.problem(), "unsupported_media_type", "{mode:?}");
    }
    // The host drops this header when it forwards, so only the bytes can tell.
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".as_slice();
    let compressed = Request::post("/api/echo/word")
        .header("Content-Encoding", "gzip")
        .body("application/json", gzip);
    let answer = send(Mode::Forwarding, &compressed);
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(answer.problem(), "invalid_input");
    assert_eq!(send(Mode::Forwarding, &request("identity")).status, 200);
}

#[test]
fn an_answer_of_bytes_keeps_the_app_from_starting_in_the_envelope() {
    let setup = Setup::of(App::Gallery("bytes"));

    let ended = setup
        .clone()
        .mode(Mode::Envelope)
        .run_to_its_end(free_port());
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let names_it = |line: &String| line.contains("`picture`") && line.contains("bytes");
    assert!(ended.lines.iter().any(names_it), "{ended:?}");

    for mode in [Mode::Forwarding, Mode::Proxying] {
        let picture = Request::get("/api/picture").send(setup.clone().mode(mode).start().port);
        assert_eq!(picture.body, b"\x89PNG\xff\x00", "{mode:?}");
        assert_eq!(
            picture.header("content-type"),
            Some("image/png"),
            "{mode:?}"
        );
    }
}

#[test]
fn a_header_that_an_answer_repeats_fails_in_the_envelope() {
    for mode in [Mode::Forwarding, Mode::Proxying] {
        let answer = send(mode, &Request::get("/api/twice"));
        assert_eq!(answer.headers("set-cookie"), ["a=1", "b=2"], "{mode:?}");
    }

    is_unsendable_in_the_envelope("twice", &Request::get("/api/twice"));
}

#[test]
fn text_that_is_wholly_a_date_fails_in_the_envelope() {
    for text in [
        "2026-03-14T09:26:50Z",
        "2026-03-14T09:26:50.100",
        "/Date(1700000000000)/",
    ] {
        let request = Request::get(&format!("/api/text?text={text}"));
        for mode in [Mode::Forwarding, Mode::Proxying] {
            assert_eq!(send(mode, &request).text(), text, "{mode:?}");
        }

        is_unsendable_in_the_envelope("text", &request);
    }
}

#[test]
fn a_routers_bytes_fail_in_the_envelope() {
    let request = Request::get("/api/files/bytes");
    for mode in [Mode::Forwarding, Mode::Proxying] {
        assert_eq!(send(mode, &request).body, b"\xff\xfe\x00", "{mode:?}");
    }

    is_unsendable_in_the_envelope("files", &request);
}

/// The caller learns that the function failed, the log says why.
fn is_unsendable_in_the_envelope(function: &str, request: &Request) {
    let host = host(Mode::Envelope);
    let answer = request.send(host.port);

    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(answer.problem(), "unsendable");
    let id = answer.invocation_id();
    let line = host.wait_for_line(function, |line| {
        line.ends(function) && line.invocation_id() == id
    });
    assert_eq!(line.text("rule"), "unsendable");
}

#[test]
fn proxying_streams_a_chunked_upload_back_while_it_comes() {
    use std::io::{Read, Write};

    let head = Request::post("/api/files/back")
        .header("Transfer-Encoding", "chunked")
        .head(host(Mode::Proxying).port);
    let mut stream = stockade_tests::http::connect(host(Mode::Proxying).port);
    stream.write_all(head.as_bytes()).unwrap();
    let mut got = Vec::new();
    for piece in ["first", "second"] {
        let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
        stream.write_all(chunk.as_bytes()).unwrap();
        // Nothing more is sent until this piece has come back.
        while !String::from_utf8_lossy(&got).contains(piece) {
            let mut some = [0; 1024];
            let count = stream.read(&mut some).expect("the piece comes back");
            assert_ne!(count, 0, "{:?}", String::from_utf8_lossy(&got));
            got.extend_from_slice(&some[..count]);
        }
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    stream.read_to_end(&mut got).unwrap();
    assert!(
        got.ends_with(b"0\r\n\r\n"),
        "{:?}",
        String::from_utf8_lossy(&got)
    );
}
