//! Replays what a real Functions host did, through the real devhost binary, and compares what the
//! handler received and what the client got.
//!
//! The handler is a recorder inside the test: devhost starts a program that only sleeps, and the
//! app fixes the handler's port to the recorder's.

mod case;
mod client;
mod devhost;
mod events;
mod process;
mod recorder;

use case::{Case, cases};
use devhost::{Devhost, Mode};
use recorder::Recorder;
use std::time::{Duration, Instant};

/// Cases that are told in prose only, or that a test of their own has.
const TOLD_ELSEWHERE: [&str; 3] = [
    "x-upload-30mb-content-length",
    "x-upload-30mb-chunked",
    "x-hang",
];

async fn replay(file: &str, mode: Mode) {
    let recorder = Recorder::start().await;
    let devhost = Devhost::start(mode, recorder.port()).await;
    let mut differences = Vec::new();
    for case in cases(file, &devhost).filter(|case| !TOLD_ELSEWHERE.contains(&case.name.as_str())) {
        if let Err(difference) = replay_one(&case, &recorder, &devhost).await {
            differences.push(format!("{}: {difference}", case.name));
        }
    }
    assert!(
        differences.is_empty(),
        "{file}:\n{}",
        differences.join("\n")
    );
}

async fn replay_one(case: &Case, recorder: &Recorder, devhost: &Devhost) -> Result<(), String> {
    recorder.expect(case);
    if let Some(down) = case.down {
        recorder.go_down_for(down).await;
    }
    let started = Instant::now();
    let mut got = client::send(devhost.port(), case).await;
    if !case.tells_fields {
        got.fields.clear();
    }
    let took = started.elapsed();
    recorder.settled().await;

    let received = recorder.take();
    let expected = case.received_count.unwrap_or(case.received.len());
    if received.len() != expected {
        return Err(format!(
            "the handler received it {} times, not {expected}",
            received.len()
        ));
    }
    for (recorded, now) in case.received.iter().zip(&received) {
        if recorded != now {
            return Err(format!(
                "the handler received\n  {now:?}\nand not\n  {recorded:?}"
            ));
        }
    }
    if case.got != got {
        return Err(format!(
            "the client got\n  {got:?}\nand not\n  {:?}",
            case.got
        ));
    }
    match case.seconds {
        Some(seconds) if took.as_secs_f64() + 0.1 < seconds => {
            Err(format!("it took {took:?}, not {seconds} s"))
        }
        _ => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_envelope_is_as_recorded() {
    replay("http-envelope", Mode::Envelope).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_the_envelope_are_as_recorded() {
    replay("answers-envelope", Mode::Envelope).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarding_is_as_recorded() {
    replay("http-forwarding", Mode::Forwarding).await;
    replay("http-forwarding-more", Mode::Forwarding).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proxying_is_as_recorded() {
    replay("http-proxying", Mode::Proxying).await;
    replay("http-proxying-more", Mode::Proxying).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catch_all_route_gets_what_an_outsider_sends_as_recorded() {
    let recorder = Recorder::start().await;
    let devhost = Devhost::start(Mode::CatchAll, recorder.port()).await;
    let mut differences = Vec::new();
    // The second half is of a host that left the client's X-Forwarded headers alone.
    let newer = cases("outside-proxying", &devhost).take(13);
    for case in newer.filter(|case| case.name != "genuine") {
        if let Err(difference) = replay_one(&case, &recorder, &devhost).await {
            differences.push(format!("{}: {difference}", case.name));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_by_hand_reaches_the_handler_as_the_genuine_invocation_was_recorded() {
    let recorder = Recorder::start().await;
    let devhost = Devhost::start(Mode::CatchAll, recorder.port()).await;
    let case = cases("outside-proxying", &devhost)
        .find(|case| case.name == "genuine")
        .expect("the recording has it");

    let got = client::send(devhost.port(), &case).await;
    let received = recorder.next().await;

    assert_eq!(got.status, Some(202));
    assert_eq!(
        (received.method.as_str(), received.target.as_str()),
        ("POST", "/nightly")
    );
    assert_eq!(received.fields, case.received[0].fields);
    let [now, recorded] = [&received, &case.received[0]].map(|one| {
        let mut json: serde_json::Value = serde_json::from_slice(&one.body).expect("an envelope");
        json["Metadata"]["sys"]["UtcNow"] = "now".into();
        json["Metadata"]["sys"]["RandGuid"] = "random".into();
        json["Data"]["timer"]["ScheduleStatus"]["Next"] = "next".into();
        json["Data"]["timer"]["ScheduleStatus"]["LastUpdated"] = "updated".into();
        json
    });
    assert_eq!(now, recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_functions_and_show_up_as_identities_as_recorded() {
    let recorder = Recorder::start().await;
    let devhost = Devhost::start(Mode::Envelope, recorder.port()).await;
    for (line, case) in case::lines("keys").enumerate() {
        let recorded: serde_json::Value = serde_json::from_str(
            case["handlerReceived"]["text"]
                .as_str()
                .expect("an envelope"),
        )
        .expect("JSON");
        let request = &recorded["Data"]["req"];
        let key = match case["case"].as_str() {
            Some("key-adm") => devhost.master_key().to_owned(),
            _ => devhost.function_key("keyed").await,
        };
        let url = request["Url"]
            .as_str()
            .expect("a URL")
            .replace("EXAMPLE-KEY", &key);
        let target = url
            .split_once("7071")
            .expect("the recorded port")
            .1
            .to_owned();
        let has_header = request["Headers"].get("x-functions-key").is_some();
        let fields = if has_header {
            vec![("x-functions-key".to_owned(), key)]
        } else {
            Vec::new()
        };

        let got = client::get(devhost.port(), &target, fields).await;
        let received = recorder.next().await;

        assert_eq!(got.status, Some(200), "line {line}");
        let now: serde_json::Value = serde_json::from_slice(&received.body).expect("an envelope");
        assert_eq!(
            now["Data"]["req"]["Identities"], request["Identities"],
            "line {line}"
        );
        assert_eq!(
            now["Data"]["req"]["Params"], request["Params"],
            "line {line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outsider_reaches_only_the_catch_all_function_as_recorded() {
    let mut differences = Vec::new();
    for (mode, name) in [
        (Mode::CatchAllEnvelope, "envelope"),
        (Mode::CatchAllForwarding, "forwarding"),
    ] {
        let recorder = Recorder::start().await;
        let devhost = Devhost::start(mode, recorder.port()).await;
        for line in case::lines("outside").filter(|line| line["mode"] == name) {
            let recorded = case::Received::read(&line["handlerReceived"]);
            client::send_bytes(devhost.port(), &outside_request(&line)).await;
            let received = recorder.next().await;

            let same = match mode {
                Mode::CatchAllEnvelope => params(&received) == params(&recorded),
                _ => received == recorded,
            };
            if !same {
                differences.push(format!(
                    "{}: {received:?}\nand not {recorded:?}",
                    line["case"]
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The request that made the handler receive this.
fn outside_request(line: &serde_json::Value) -> Vec<u8> {
    let received = case::Received::read(&line["handlerReceived"]);
    let body = received.body.clone();
    let (method, target, body) = match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(json) if json["Data"]["req"].is_object() => {
            let request = json["Data"]["req"].clone();
            let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
            let url = text("Url");
            let (_, target) = url.split_once("7071").expect("the recorded port");
            (text("Method"), target.to_owned(), text("Body").into_bytes())
        }
        _ => (received.method, received.target, body),
    };
    let forged = line.to_string().contains("evil");
    let forged = if forged {
        "X-Azure-Functions-InvocationId: evil\r\n"
    } else {
        ""
    };
    let framing = match body.len() {
        0 => String::new(),
        length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
    };
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:7071\r\n{forged}{framing}Connection: close\r\n\r\n"
    );
    [head.as_bytes(), &body].concat()
}

/// Which function an envelope is for, and what the route caught.
fn params(received: &case::Received) -> (String, serde_json::Value) {
    let json: serde_json::Value = serde_json::from_slice(&received.body).expect("an envelope");
    (
        received.target.clone(),
        json["Data"]["req"]["Params"].clone(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_a_key_of_another_function_open_nothing() {
    let recorder = Recorder::start().await;
    let devhost = Devhost::start(Mode::Envelope, recorder.port()).await;
    let other = devhost.function_key("orders").await;
    let own = devhost.function_key("keyed").await;

    for (name, target, key, status) in [
        ("another function's key", "/api/keyed", &other, 401),
        (
            "no key that anybody has",
            "/api/keyed",
            &"nonsense".to_owned(),
            401,
        ),
        ("a function key on an admin function", "/api/adm", &own, 401),
        (
            "a function key on the host's API",
            "/admin/host/status",
            &own,
            401,
        ),
        ("its own key", "/api/keyed", &own, 200),
        (
            "the master key",
            "/api/adm",
            &devhost.master_key().to_owned(),
            200,
        ),
    ] {
        let got = client::get(
            devhost.port(),
            target,
            vec![("X-Functions-Key".into(), key.clone())],
        )
        .await;

        assert_eq!(got.status, Some(status), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_arrives_whole() {
    const SIZE: usize = 30 * 1024 * 1024;
    for (mode, chunked, status) in [
        (Mode::Proxying, false, 200),
        (Mode::Proxying, true, 200),
        (Mode::Forwarding, false, 200),
        (Mode::Forwarding, true, 500),
    ] {
        let recorder = Recorder::start().await;
        let devhost = Devhost::start(mode, recorder.port()).await;

        let got = client::upload(devhost.port(), SIZE, chunked).await;

        assert_eq!(got.status, Some(status), "{mode:?}, chunked: {chunked}");
        if status == 200 {
            let received = recorder.next().await;
            assert_eq!(received.body.len(), SIZE, "{mode:?}, chunked: {chunked}");
            assert!(
                received
                    .body
                    .iter()
                    .enumerate()
                    .all(|(index, byte)| *byte == client::pattern(index))
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_stream_through_a_proxy_as_they_are_sent() {
    let recorder = Recorder::start().await;
    for (mode, is_streamed) in [(Mode::Proxying, true), (Mode::Forwarding, false)] {
        let devhost = Devhost::start(mode, recorder.port()).await;
        let started = Instant::now();

        let first = client::first_piece(devhost.port(), "/api/orders?r=sse").await;

        assert!(first.starts_with("HTTP/1.1 200"), "{first}");
        assert_eq!(
            started.elapsed() < Duration::from_secs(1),
            is_streamed,
            "{mode:?}"
        );
    }
}
