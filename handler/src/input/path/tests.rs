use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use super::*;

#[derive(Debug, PartialEq, Deserialize, Validate, JsonSchema)]
struct Line {
    #[validate(length(max = 8))]
    order: String,
    line: Option<u16>,
}

#[derive(Debug, PartialEq, Deserialize, Validate, JsonSchema)]
struct File {
    path: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize, Validate, JsonSchema)]
struct Tail {
    path: String,
}

#[track_caller]
fn assert_refused<T: Input + std::fmt::Debug>(
    captured: &[(&'static str, &str)],
    name: &str,
    code: &str,
) {
    let errors = read::<T>(captured).expect_err(code);
    let found: Vec<_> = errors
        .iter()
        .map(|error| (error.parameter(), error.code()))
        .collect();
    assert_eq!(found, [(Some(name), code)], "{captured:?}");
}

#[test]
fn captured_values_become_the_type() {
    let order = "a b".to_owned();

    let with_line = read(&[("order", "a%20b"), ("line", "7")]);
    let without = read(&[("order", "a%20b")]);

    assert_eq!(
        with_line,
        Ok(Line {
            order: order.clone(),
            line: Some(7)
        })
    );
    assert_eq!(without, Ok(Line { order, line: None }));
}

#[test]
fn an_escaped_slash_stays_escaped_in_every_mode() {
    for raw in ["a%2Fb", "a%2fb", "a%252Fb"] {
        assert_eq!(
            read::<Line>(&[("order", raw)]).unwrap().order,
            "a%2Fb",
            "{raw}"
        );
    }
}

#[test]
fn a_catch_all_is_a_text_or_its_segments() {
    let file: File = read(&[("path", "a/b%20c/d")]).unwrap();
    let tail: Tail = read(&[("path", "a/b%20c/d")]).unwrap();

    assert_eq!(file.path, ["a", "b c", "d"]);
    assert_eq!(tail.path, "a/b c/d");
}

#[test]
fn a_refusal_names_the_parameter() {
    assert_refused::<Line>(&[("order", "a"), ("line", "x")], "line", "type");
    assert_refused::<Line>(&[("order", "a"), ("line", "65536")], "line", "value");
    assert_refused::<Line>(&[("order", "a%0A")], "order", "control_character");
    assert_refused::<Line>(&[("order", "123456789")], "order", "length");
    assert_refused::<Line>(&[], "order", "missing_parameter");
}

#[test]
fn dot_segments_are_refused() {
    for raw in ["..", ".", "%2E%2e", "a%2F..", "..%5Ca", "%252F.."] {
        assert_refused::<Line>(&[("order", raw)], "order", "value");
    }
    assert_refused::<Tail>(&[("path", "a/%2e%2e/b")], "path", "value");
    assert_refused::<File>(&[("path", "a/../b")], "path", "value");
    assert!(read::<Line>(&[("order", "a..b")]).is_ok());
    assert!(read::<Line>(&[("order", "...")]).is_ok());
}
