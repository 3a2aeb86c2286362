use serde_json::Value;

use super::super::{AnswerError, DataType, answer as read};
use super::*;
use crate::testing::{bytes_of, recorded};

fn http(name: &str) -> Vec<Binding> {
    vec![Binding {
        name: name.to_owned(),
        collector: Collector::Http,
        data_type: DataType::Undefined,
    }]
}

/// What the client gets in the end: a failed invocation is a 500 without anything, and so is one
/// that never completes, once the time is up.
fn client_gets(bindings: &[Binding], answered: &Value) -> HttpAnswer {
    let status = u16::try_from(answered["status"].as_u64().unwrap()).unwrap();
    let body = answered["body"].as_str().unwrap().as_bytes();
    read(status, answered["contentType"].as_str(), body)
        .ok()
        .and_then(|answered| answer(bindings, &answered).ok())
        .unwrap_or_else(|| HttpAnswer::empty(500))
}

/// Headers without those that the connection adds, in lower case and in order.
fn comparable(headers: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let ours = [
        "date",
        "server",
        "connection",
        "transfer-encoding",
        "content-length",
    ];
    let mut headers: Vec<_> = headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| !ours.contains(&name.as_str()))
        .collect();
    headers.sort();
    headers
}

fn assert_as_recorded(bindings: &[Binding], case: &Value) {
    let (name, got) = (&case["case"], &case["clientGot"]);

    let answer = client_gets(bindings, &case["handlerAnswered"]);

    assert_eq!(answer.is_broken(), got.get("error").is_some(), "{name}");
    if got.get("error").is_some() {
        return;
    }
    let headers = got["headers"].as_array().unwrap().iter();
    let pair = |h: &Value| {
        (
            h[0].as_str().unwrap().to_owned(),
            h[1].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(
        u64::from(answer.status),
        got["status"].as_u64().unwrap(),
        "{name}"
    );
    assert_eq!(
        comparable(answer.headers.into_iter()),
        comparable(headers.map(pair)),
        "{name}"
    );
    assert_eq!(answer.body, bytes_of(got), "{name}");
}

#[test]
fn every_recorded_answer_reaches_the_client_as_the_host_sent_it() {
    let cases = recorded("answers-envelope");
    assert_eq!(cases.len(), 68);

    let mut compared = 0;
    for case in &cases {
        // Without an answer the connection was dropped; a redirect is followed before it is read.
        if !case["handlerAnswered"].is_null() && case["case"] != "rawnull" {
            assert_as_recorded(&http("res"), case);
            compared += 1;
        }
    }
    assert_eq!(compared, 66);
}

#[test]
fn answers_by_return_and_without_an_output_are_as_recorded() {
    let cases = recorded("http-envelope");
    for (name, bindings) in [
        ("ret", http("$return")),
        ("ret2", http("$return")),
        ("noout", vec![]),
        ("noout2", vec![]),
    ] {
        assert_as_recorded(
            &bindings,
            cases.iter().find(|case| case["case"] == name).unwrap(),
        );
    }
}

#[test]
fn a_null_answer_never_completes() {
    let cases = recorded("answers-envelope");
    let case = cases.iter().find(|case| case["case"] == "rawnull").unwrap();

    let body = case["handlerAnswered"]["body"].as_str().unwrap().as_bytes();

    assert_eq!(
        read(200, Some("application/json"), body),
        Err(AnswerError::NeverCompletes)
    );
}

fn of(json: &str) -> Result<HttpAnswer, OutputError> {
    response(Some(&Token::parse(json).unwrap()))
}

#[test]
fn a_status_is_a_whole_number_or_200() {
    let cases = [
        ("201", 201),
        ("\"201\"", 201),
        ("\" 201 \"", 201),
        ("\"+201\"", 201),
        ("2e2", 200),
        ("201.0", 200),
        ("true", 200),
        ("null", 200),
        ("\"\"", 200),
        ("\"2026-03-14T09:26:51Z\"", 200),
        ("99", 99),
        ("-1", 0),
        ("70000", 0),
    ];
    for (status, sent) in cases {
        assert_eq!(
            of(&format!("{{\"statusCode\":{status}}}")).unwrap().status,
            sent,
            "{status}"
        );
    }
    assert!(of("{\"statusCode\":[]}").is_err());
    assert!(of("{\"status\":{}}").is_err());
}

#[test]
fn a_status_outside_http_breaks_the_answer() {
    for (status, broken) in [
        (99, true),
        (100, true),
        (101, false),
        (999, false),
        (1000, true),
        (-1, true),
    ] {
        assert_eq!(
            of(&format!("{{\"statusCode\":{status}}}"))
                .unwrap()
                .is_broken(),
            broken,
            "{status}"
        );
    }
}

#[test]
fn header_values_are_what_dotnet_prints() {
    let answer =
        of(r#"{"headers":{"a":1.50,"b":true,"c":"2026-03-14T09:26:51Z","d":[],"e":{},"f":""}}"#)
            .unwrap();

    let values: Vec<_> = ["a", "b", "c", "d", "e", "f"]
        .map(|n| answer.header(n).unwrap())
        .into();
    assert_eq!(
        values,
        ["1.5", "True", "03/14/2026 09:26:51", "[]", "{}", ""]
    );
}

#[test]
fn headers_that_cannot_be_sent_fail_the_function() {
    for headers in [
        r#"{"a":null}"#,
        r#"{"a":[1]}"#,
        r#"{"a":"x\ny"}"#,
        r#"{"a":"é"}"#,
        r#"{"a":"\u007f"}"#,
        r#"{"a b":"x"}"#,
        r#"{"":"x"}"#,
        r#"{"é":"x"}"#,
        r#"{"content-type":null}"#,
        r#"{"content-length":"x"}"#,
        r#"[]"#,
        r#""x""#,
        r#"1"#,
    ] {
        assert!(
            of(&format!("{{\"headers\":{headers},\"body\":\"xy\"}}")).is_err(),
            "{headers}"
        );
    }
    for headers in [
        r#"{"a":"x\ty"}"#,
        r#"{"content-length":"2"}"#,
        "null",
        "\"\"",
        "{}",
    ] {
        assert!(
            !of(&format!("{{\"headers\":{headers},\"body\":\"xy\"}}"))
                .unwrap()
                .is_broken(),
            "{headers}"
        );
    }
    assert!(
        of(r#"{"headers":{"content-length":"3"},"body":"xy"}"#)
            .unwrap()
            .is_broken()
    );
}

#[test]
fn a_status_without_a_body_drops_it() {
    for status in [204, 205, 304] {
        assert!(
            of(&format!("{{\"statusCode\":{status},\"body\":\"x\"}}"))
                .unwrap()
                .body
                .is_empty()
        );
    }
}

#[test]
fn what_is_no_response_object_fails_the_function() {
    for output in [
        "null",
        "5",
        "true",
        "[]",
        "\"plain\"",
        "\"\"",
        "\"null\"",
        "\"[]\"",
        "\"2026-03-14T09:26:51Z\"",
    ] {
        assert!(of(output).is_err(), "{output}");
    }
    assert_eq!(of("{}").unwrap().body, b"");
    assert_eq!(response(None).unwrap().body, b"{}");
}

fn by_return(json: &str) -> HttpAnswer {
    let answered = read(
        200,
        Some("text/json"),
        format!("{{\"ReturnValue\":{json}}}").as_bytes(),
    );
    answer(&http("$return"), &answered.unwrap()).unwrap()
}

#[test]
fn a_returned_response_knows_status_and_prints_dotnet_types() {
    let answer = by_return(r#"{"status":202,"body":{"a":1.0},"headers":{"x":[1],"y":{}}}"#);

    assert_eq!((answer.status, answer.body), (202, b"{\"a\":1.0}".to_vec()));
    assert_eq!(
        by_return(r#"{"body":[1]}"#).body,
        b"System.Collections.Generic.List`1[System.Object]"
    );
    assert_eq!(
        by_return(r#"{"status":202,"statusCode":null,"body":""}"#).status,
        200
    );
    assert_eq!(
        by_return(r#"{"status":202,"x":1}"#).body,
        b"{\n  \"status\": 202,\n  \"x\": 1\n}"
    );
}

#[test]
fn a_response_nested_more_than_64_deep_fails_the_function() {
    let output = |depth: usize| {
        let body = "[".repeat(depth) + &"]".repeat(depth);
        Token::parse_response(&format!("{{\"body\":{body}}}")).unwrap()
    };

    for (depth, fits) in [(63, true), (64, false)] {
        assert_eq!(response(Some(&output(depth))).is_ok(), fits, "{depth}");
        assert_eq!(
            returned(&Bound::Token(output(depth))).is_ok(),
            fits,
            "{depth}"
        );
    }
}

#[test]
fn returned_text_is_decoded_or_read_as_json_when_it_can_be() {
    assert_eq!(by_return("\"aGVsbG8=\"").body, b"hello");
    assert_eq!(by_return("\"aGVsbG8=\"").header("content-type"), None);
    assert_eq!(
        by_return(r#""{\"statusCode\":203,\"body\":\"x\"}""#).status,
        203
    );
    assert_eq!(by_return(r#""\"x\"""#).body, b"x");
    assert_eq!(by_return("\"plain text\"").body, b"plain text");
    assert_eq!(by_return("null").status, 204);
}
