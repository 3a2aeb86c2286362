use serde_json::Value;

use super::*;
use crate::testing::{bytes_of, recorded};

fn collector(case: &Value) -> Collector {
    match case["binding"].as_str().unwrap().chars().next() {
        Some('q') => Collector::Bytes,
        _ => Collector::Stream,
    }
}

/// What is stored, as the recording tells it.
fn stored(case: &Value) -> Vec<Vec<u8>> {
    let written = case["written"].as_array().unwrap();
    written
        .iter()
        .map(|item| bytes_of(item.get("decoded").unwrap_or(item)))
        .collect()
}

#[test]
fn every_recorded_output_is_written_as_the_host_wrote_it() {
    let cases = recorded("outputs");
    for case in &cases {
        let body = serde_json::json!({"Outputs": {"o": case["value"]}}).to_string();
        let answered =
            super::super::answer(200, Some("application/json"), body.as_bytes()).unwrap();
        let binding = Binding {
            name: "o".to_owned(),
            collector: collector(case),
            data_type: case["dataType"]
                .as_str()
                .map_or(DataType::Undefined, |w| DataType::parse(w).unwrap()),
        };

        let writes = plan(&[binding], &answered);

        let failed = writes.iter().any(|w| w.failure.is_some());
        let contents: Vec<Vec<u8>> = writes
            .into_iter()
            .filter_map(|write| write.content)
            .flat_map(|content| match content {
                Content::Messages(messages) => messages,
                Content::Blob(bytes) => vec![bytes],
                Content::Documents(_) => panic!("neither a queue nor a blob takes documents"),
            })
            .collect();
        assert_eq!(contents, stored(case), "{}", case["case"]);
        assert_eq!(failed, case["status"] == 500, "{}", case["case"]);
    }
    assert_eq!(cases.len(), 126);
}

fn answered(body: &str) -> Answered {
    super::super::answer(200, Some("application/json"), body.as_bytes()).unwrap()
}

fn binding(name: &str, collector: Collector) -> Binding {
    Binding {
        name: name.to_owned(),
        collector,
        data_type: DataType::Undefined,
    }
}

fn messages(bindings: &[Binding], body: &str) -> Vec<(String, Vec<Vec<u8>>)> {
    let writes = plan(bindings, &answered(body)).into_iter();
    writes
        .map(|write| match write.content {
            Some(Content::Messages(messages)) => (write.binding, messages),
            other => panic!("{other:?} is no list of messages"),
        })
        .collect()
}

#[test]
fn a_returned_object_overwrites_outputs_and_skips_the_base64_step() {
    let bindings = [binding("q", Collector::Bytes)];

    let written = messages(
        &bindings,
        r#"{"Outputs":{"q":"x"},"ReturnValue":{"q":"test"}}"#,
    );

    assert_eq!(written, [("q".to_owned(), vec![b"test".to_vec()])]);
}

#[test]
fn a_return_binding_takes_the_whole_return_value() {
    let bindings = [
        binding("$return", Collector::Bytes),
        binding("q", Collector::Bytes),
    ];

    let written = messages(
        &bindings,
        r#"{"Outputs":{"q":"x"},"ReturnValue":{"q":"y"}}"#,
    );

    let object = b"{\n  \"q\": \"y\"\n}".to_vec();
    assert_eq!(
        written,
        [
            ("$return".to_owned(), vec![object]),
            ("q".to_owned(), vec![b"x".to_vec()])
        ]
    );
}

#[test]
fn output_names_are_compared_exactly_and_unknown_ones_are_ignored() {
    let bindings = [binding("q", Collector::Bytes)];

    assert!(plan(&bindings, &answered(r#"{"Outputs":{"Q":"x","nosuch":1}}"#)).is_empty());
}

#[test]
fn text_outputs_send_the_name_of_a_byte_array() {
    let written = messages(
        &[binding("t", Collector::of("serviceBus"))],
        r#"{"Outputs":{"t":"test"}}"#,
    );

    assert_eq!(written, [("t".to_owned(), vec![b"System.Byte[]".to_vec()])]);
}

#[test]
fn documents_are_objects_and_anything_else_is_nothing() {
    let writes = plan(
        &[binding("d", Collector::of("cosmosDB"))],
        &answered(r#"{"Outputs":{"d":[{"id":"1"},"x"]}}"#),
    );

    let id = Token::object([("id", Token::text("1"))]);
    assert_eq!(
        writes[0].content,
        Some(Content::Documents(vec![Some(id), None]))
    );
}

#[test]
fn an_output_that_fails_leaves_the_others_written() {
    let writes = plan(
        &[
            binding("b", Collector::Stream),
            binding("q", Collector::Bytes),
        ],
        &answered(r#"{"Outputs":{"b":"2026-03-14T09:26:51Z","q":"x y"}}"#),
    );

    assert_eq!(writes[0].content, Some(Content::Blob(vec![])));
    assert_eq!(writes[0].failure, Some(OutputError::NotBytes));
    assert_eq!(
        writes[1].content,
        Some(Content::Messages(vec![b"x y".to_vec()]))
    );
    assert_eq!(writes[1].failure, None);
}

#[test]
fn whole_numbers_are_cut_to_32_bits_in_a_blob_and_big_ones_fail() {
    let blob = |value: &str| {
        write(
            Collector::Stream,
            &Bound::Token(Token::parse(value).unwrap()),
        )
    };

    assert_eq!(blob("4294967338").0, Some(Content::Blob(vec![42, 0, 0, 0])));
    assert_eq!(
        blob("12345678901234567890123").1,
        Some(OutputError::NotBytes)
    );
}

#[test]
fn base64_is_what_dotnet_takes_for_it() {
    for (text, bytes) in [
        ("", ""),
        ("dGVz dA==\r\n", "test"),
        ("QR==", "A"),
        (" ", ""),
    ] {
        assert_eq!(from_base64(text), Some(bytes.into()), "{text:?}");
    }
    for text in [
        "a",
        "abc",
        "a===",
        "ab=c",
        "hello world",
        "dGVzdA",
        "_-__",
        "héll",
    ] {
        assert_eq!(from_base64(text), None, "{text:?}");
    }
}
