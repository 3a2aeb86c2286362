use proptest::prelude::*;

use super::*;
use crate::testing::received;

#[test]
fn every_kind_of_value_has_its_form_on_the_wire() {
    let date = Date::parse("2026-03-14T09:26:51.123Z").unwrap();
    let cases = [
        (Value::Bytes(vec![0, 1, 2]), r#""AAEC""#),
        (Value::from("hello"), r#""\"hello\"""#),
        (Value::from(r#"{"a":1}"#), r#""\"{\\\"a\\\":1}\"""#),
        (Value::from(4), r#""4""#),
        (Value::Json(Token::Bool(true)), r#""true""#),
        (
            Value::Json(Token::parse("[\"x\",\"y\"]").unwrap()),
            r#""[\"x\",\"y\"]""#,
        ),
        (Value::Json(Token::Null), r#""null""#),
        (Value::DateTime(date), r#""2026-03-14T09:26:51""#),
        (
            Value::DateTimeOffset(date),
            r#""2026-03-14T09:26:51+00:00""#,
        ),
        (
            Value::Object(Token::parse(r#"{"a":1}"#).unwrap()),
            r#"{"a":1}"#,
        ),
    ];
    for (value, wire) in cases {
        assert_eq!(value.wire().to_compact(), wire);
    }
}

fn merged(text: &str) -> String {
    let mut metadata = Metadata::from_iter([("DequeueCount", Value::from(5)), ("sys", sys("f"))]);
    merge_payload(text, &mut metadata);
    metadata.wire().to_compact()
}

#[test]
fn a_payload_overwrites_what_is_there_and_keeps_the_first_spelling() {
    let wire = merged(
        r#"{"dequeuecount":"9","SYS":{"RandGuid":"x"},"when":"2026-03-14T09:26:50Z","n":null,"a":[1],"t":true}"#,
    );

    assert_eq!(
        wire,
        r#"{"DequeueCount":"\"9\"","sys":{"RandGuid":"x"},"when":"\"03/14/2026 09:26:50\"","t":"\"True\""}"#
    );
}

#[test]
fn a_payload_that_is_no_object_changes_nothing() {
    let untouched = |text: &str| {
        let mut metadata = Metadata::from_iter([("Id", Value::from("x"))]);
        merge_payload(text, &mut metadata);
        metadata.wire().to_compact()
    };
    for text in [
        "",
        "x",
        "[{\"Id\":1}]",
        "{\"Id\":1",
        "{\"Id\":1} x",
        "{not json}",
        "\"{}\"",
    ] {
        assert_eq!(untouched(text), r#"{"Id":"\"x\""}"#, "{text}");
    }
}

#[test]
fn names_that_end_in_trigger_and_nulls_are_not_sent() {
    let metadata = Metadata::from_iter([
        ("QueueTrigger", Value::from("x")),
        ("mytrigger", Value::from("x")),
        ("Partition", Value::Json(Token::Null)),
        ("triggers", Value::from("x")),
    ]);

    assert_eq!(metadata.wire().to_compact(), r#"{"triggers":"\"x\""}"#);
}

#[test]
fn the_retry_context_of_a_first_attempt_is_as_recorded() {
    let theirs = &received("timer", "retrytick-3")["Metadata"]["RetryContext"];

    let ours = retry_context(0, 2, None).wire().to_compact();

    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&ours).unwrap(),
        *theirs
    );
}

#[test]
fn the_exception_of_a_failed_attempt_is_as_recorded_but_for_its_stack_traces() {
    let body = received("timer", "retrytick-4");
    let failed = Failed {
        function: "retrytick",
        invocation_id: "192fb9db-0f82-42a8-bc7e-739c493ca7f4",
        cause: Cause::Status {
            code: 500,
            reason: "Internal Server Error",
        },
    };

    let ours = retry_context(1, 2, Some(&failed)).wire().to_compact();

    let mut ours: serde_json::Value = serde_json::from_str(&ours).unwrap();
    let mut theirs = body["Metadata"]["RetryContext"].clone();
    for context in [&mut ours, &mut theirs] {
        let exception = &mut context["Exception"];
        assert!(
            exception["StackTraceString"]
                .take()
                .as_str()
                .unwrap()
                .starts_with("   at ")
        );
        assert!(
            exception["InnerException"]["StackTrace"]
                .take()
                .as_str()
                .unwrap()
                .starts_with("   at ")
        );
    }
    assert_eq!(ours, theirs);
}

proptest! {
    #[test]
    fn text_is_read_back_from_the_wire_by_parsing_it_once_more(text in any::<String>()) {
        let Token::String(wire) = Value::from(text.as_str()).wire() else { panic!("text is a string") };
        prop_assert_eq!(serde_json::from_str::<String>(&wire).unwrap(), text);
    }

    #[test]
    fn no_payload_makes_merging_panic(text in r#"[\[\]{},:"'\\a-cA-C0-9T. -]{0,40}"#) {
        merged(&text);
    }
}
