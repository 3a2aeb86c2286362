use std::path::PathBuf;

use serde_json::Value;

use super::*;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

/// The cases of a recording, one JSON object a line.
fn recorded(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(fixtures().join("recorded").join(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What the handler received in a case: one request, or a list of them.
fn received(case: &Value) -> Vec<&Value> {
    match &case["handlerReceived"] {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    }
}

fn http() -> Shape {
    shape("req", TriggerKind::Http, false)
}

fn shape(binding: &str, kind: TriggerKind, binary: bool) -> Shape {
    Shape {
        binding: binding.to_owned(),
        kind,
        binary,
        retried: false,
    }
}

fn http_data<'a>(case: &str, text: &'a str) -> HttpData<'a> {
    match decode(&http(), text.as_bytes())
        .unwrap_or_else(|why| panic!("{case}: {why}"))
        .data
    {
        Data::Http(data) => data,
        other => panic!("{case}: {other:?}"),
    }
}

fn message(case: &str, shape: &Shape, text: &str) -> Vec<u8> {
    match decode(shape, text.as_bytes())
        .unwrap_or_else(|why| panic!("{case}: {why}"))
        .data
    {
        Data::Message(payload) => payload,
        other => panic!("{case}: {other:?}"),
    }
}

#[test]
fn every_recorded_request_is_understood() {
    let mut understood = 0;
    for file in [
        "http-envelope.jsonl",
        "answers-envelope.jsonl",
        "keys.jsonl",
        "outside.jsonl",
    ] {
        for case in recorded(file) {
            for request in received(&case) {
                let text = request["text"].as_str().unwrap();
                if !text.starts_with(r#"{"Data":{"req""#) {
                    continue;
                }
                let data = http_data(case["case"].as_str().unwrap(), text);
                assert!(path_and_query(&data.url).is_some() && method(&data.method).is_some());
                understood += 1;
            }
        }
    }
    assert!(understood > 100, "{understood}");
}

#[test]
fn a_body_is_what_the_client_sent_or_named_as_lost() {
    let lost = |case: &Value| {
        let text = received(case).first()?["text"].as_str()?;
        let data = http_data(case["case"].as_str()?, text);
        match body(&data.headers, data.body) {
            input::Body::Full(bytes) => {
                let sent = match case["client"]["base64"].as_str() {
                    Some(base64) => STANDARD.decode(base64).unwrap(),
                    None => case["client"]["text"].as_str().unwrap_or_default().into(),
                };
                assert_eq!(bytes, sent, "{}", case["case"]);
                None
            }
            input::Body::Lost(rejection) => Some((case["case"].clone(), rejection.code())),
            input::Body::Stream(_) => panic!("an envelope holds its body"),
        }
    };
    let cases = recorded("http-envelope.jsonl");

    let lost: Vec<_> = cases.iter().filter_map(lost).collect();

    assert_eq!(
        lost,
        [
            ("textlatin".into(), "body_damaged"),
            ("bomjson".into(), "body_damaged"),
            ("utf16json".into(), "body_damaged"),
            ("chunked".into(), "length_required"),
            ("cl-te".into(), "length_required"),
        ]
    );
}

#[test]
fn every_recorded_message_is_understood() {
    for file in ["queue.jsonl", "queue-encoding-none.jsonl"] {
        for case in recorded(file) {
            let name = case["case"].as_str().unwrap();
            let binding = &case["bindings"][0];
            let binary = binding["dataType"] == "binary";
            let shape = shape(
                binding["name"].as_str().unwrap(),
                TriggerKind::Queue,
                binary,
            );
            let text = received(&case)[0]["text"].as_str().unwrap();
            let envelope: Value = serde_json::from_str(text).unwrap();
            let wire = envelope["Data"][&shape.binding].as_str().unwrap();

            let payload = message(name, &shape, text);

            let expected = if binary {
                STANDARD.decode(wire).unwrap()
            } else {
                serde_json::from_str::<String>(wire).unwrap().into_bytes()
            };
            assert_eq!(payload, expected, "{file} {name}");
        }
    }
}

#[test]
fn every_recorded_tick_is_understood_with_its_attempt() {
    let mut attempts = Vec::new();
    for case in recorded("timer.jsonl") {
        let mut shape = shape("timer", TriggerKind::Timer, false);
        shape.retried = case.get("retry").is_some();
        let text = received(&case)[0]["text"].as_str().unwrap();

        let decoded = decode(&shape, text.as_bytes()).unwrap();

        if shape.retried {
            attempts.push(attempt(decoded.metadata));
        }
        assert!(matches!(decoded.data, Data::Timer(_)), "{}", case["case"]);
    }
    attempts.sort_unstable();
    assert!(
        attempts.starts_with(&[0]) && attempts.contains(&1),
        "{attempts:?}"
    );
}

#[test]
fn every_fixture_is_understood() {
    let queue = shape("item", TriggerKind::Queue, false);
    let binary = shape("item", TriggerKind::Queue, true);
    let timer = shape("timer", TriggerKind::Timer, false);
    let mut understood = 0;
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let shape = match name.split('-').next() {
            Some("http") => &http(),
            Some("queue") if name == "queue-binary" => &binary,
            Some("queue") => &queue,
            Some("timer") => &timer,
            _ => continue,
        };
        let text = std::fs::read_to_string(&path).unwrap();
        decode(shape, text.as_bytes()).unwrap_or_else(|why| panic!("{name}: {why}"));
        understood += 1;
    }
    assert_eq!(understood, 18);
}

#[test]
fn a_forged_retry_context_counts_only_where_a_policy_is_set() {
    let text = std::fs::read_to_string(fixtures().join("timer-retry.json")).unwrap();
    let delivered = |retried| {
        let mut shape = shape("timer", TriggerKind::Timer, false);
        shape.retried = retried;
        decode(&shape, text.as_bytes()).unwrap()
    };

    assert_eq!(attempt(delivered(true).metadata), 1);
    // Without a policy nothing looks at it.
    assert!(!delivered(false).retried);
}

#[test]
fn what_the_host_never_sends_is_no_envelope() {
    let good = r#"{"Data":{"timer":{"IsPastDue":false}},"Metadata":{}}"#;
    let timer = shape("timer", TriggerKind::Timer, false);
    assert!(decode(&timer, good.as_bytes()).is_ok());

    for (name, text) in [
        ("nothing", String::new()),
        ("an array", format!("[{good}]")),
        ("a third member", good.replacen('{', r#"{"More":1,"#, 1)),
        (
            "Data twice",
            good.replacen('{', r#"{"Data":{"timer":{}},"#, 1),
        ),
        (
            "the binding twice",
            good.replacen(r#""timer""#, r#""timer":{},"timer""#, 1),
        ),
        ("no binding", good.replace("timer", "other")),
        ("no Data", r#"{"Metadata":{}}"#.to_owned()),
        ("another value", good.replace(r#"{"IsPastDue":false}"#, "7")),
        ("something behind it", format!("{good} {good}")),
        ("half of it", good[..good.len() / 2].to_owned()),
    ] {
        assert!(decode(&timer, text.as_bytes()).is_err(), "{name}");
    }
    let metadata = good.replace("{}}", "{\"A\":\"?\"}}").into_bytes();
    assert!(decode(&timer, &metadata).is_ok());
    let not_utf8: Vec<u8> = metadata
        .iter()
        .map(|byte| if *byte == b'?' { 0xff } else { *byte })
        .collect();
    assert!(decode(&timer, &not_utf8).is_err(), "not UTF-8");
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        for kind in [TriggerKind::Http, TriggerKind::Queue, TriggerKind::Timer] {
            let _ = decode(&shape("req", kind, true), &bytes);
        }
    }
}
