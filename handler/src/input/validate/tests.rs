use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError};

use crate::input::json::JsonLimits;
use crate::input::{Lenient, checks, read_json};

#[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[validate(schema(function = express_has_a_note))]
struct Order {
    #[validate(length(min = 3))]
    order_id: String,
    #[validate(nested)]
    #[serde(default)]
    line_items: Vec<Item>,
    #[validate(nested)]
    ship_to: Option<Address>,
    #[validate(required)]
    note: Option<String>,
    #[validate(custom(function = checks::https_url))]
    #[serde(rename = "notify-at")]
    callback: Option<String>,
    #[validate(length(min = 2))]
    r#type: Option<String>,
    #[serde(default)]
    express: bool,
}

#[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
struct Item {
    #[validate(length(max = 4), custom(function = checks::no_control))]
    sku: String,
    #[validate(range(min = 1))]
    #[serde(rename = "n", alias = "count")]
    quantity: i32,
}

#[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
struct Address {
    #[validate(email(code = "mail"))]
    #[serde(rename = "MAIL")]
    mail: String,
    #[validate(custom(function = checks::email))]
    second: Option<String>,
}

fn express_has_a_note(order: &Order) -> Result<(), ValidationError> {
    if order.express && order.note.as_deref() == Some("") {
        return Err(ValidationError::new("express_without_note"));
    }
    Ok(())
}

fn broken<T: crate::input::Input>(text: &str) -> Vec<(String, &'static str)> {
    let Err(errors) = read_json::<T>(text.as_bytes(), &JsonLimits::default()) else {
        return Vec::new();
    };
    let pointer = |error: &crate::FieldError| error.pointer().map(str::to_owned);
    let errors = errors.iter();
    errors
        .map(|error| (pointer(error).expect("a place in the body"), error.code()))
        .collect()
}

#[track_caller]
fn assert_broken(text: &str, expected: &[(&str, &str)]) {
    let found = broken::<Order>(text);
    let found: Vec<_> = found
        .iter()
        .map(|(pointer, code)| (pointer.as_str(), *code))
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn what_keeps_the_rules_passes() {
    assert_broken(
        r#"{"orderId":"abc","lineItems":[{"sku":"a","n":1}],"note":"x","type":"ab",
            "shipTo":{"MAIL":"a@b.example"},"notify-at":"https://example.com"}"#,
        &[],
    );
}

#[test]
fn broken_rules_have_the_names_that_the_sender_wrote() {
    assert_broken(
        r#" {"orderId":"a", "lineItems":[{"sku":"a","n":1}, {"sku":"abcde","n": 0}],
            "shipTo":{"MAIL":"x","second":"a@b"}, "notify-at":"http://example.com","type":"t"}"#,
        &[
            ("/lineItems/1/n", "range"),
            ("/lineItems/1/sku", "length"),
            ("/note", "required"),
            ("/notify-at", "https_url"),
            ("/orderId", "length"),
            ("/shipTo/MAIL", "mail"),
            ("/shipTo/second", "email"),
            ("/type", "length"),
        ],
    );
}

#[test]
fn an_alias_is_named_as_it_was_written() {
    assert_broken(
        r#"{"orderId":"abc","note":"","lineItems":[{"sku":"a","count":0}]}"#,
        &[("/lineItems/0/count", "range")],
    );
}

#[test]
fn a_rule_for_the_whole_type_has_the_place_of_the_whole() {
    assert_broken(
        r#"{"orderId":"abc","note":"","express":true}"#,
        &[("", "express_without_note")],
    );
}

#[test]
fn a_place_in_doubt_is_the_object_around_it() {
    #[derive(Debug, Deserialize, Validate, JsonSchema)]
    struct Pair {
        #[validate(range(min = 1))]
        #[serde(rename = "a")]
        first: i32,
        #[serde(rename = "b")]
        _second: i32,
    }

    assert_eq!(
        broken::<Pair>(r#"{"a":0,"b":5}"#),
        [("/a".to_owned(), "range")]
    );
    assert_eq!(
        broken::<Pair>(r#"{"a":0,"b":0}"#),
        [(String::new(), "range")]
    );
}

#[test]
fn places_inside_maps_end_at_the_map() {
    #[derive(Debug, Deserialize, Validate, JsonSchema)]
    struct Prices {
        #[validate(nested)]
        by_name: HashMap<String, Item>,
    }

    assert_eq!(
        broken::<Prices>(r#"{"by_name":{"secret":{"sku":"a","n":0}}}"#),
        [("/by_name".to_owned(), "range")]
    );
}

#[test]
fn places_are_found_through_lenient() {
    #[derive(Debug, Deserialize, Validate, JsonSchema)]
    struct Event {
        #[validate(nested)]
        data: Lenient<Item>,
    }

    assert_eq!(
        broken::<Event>(r#"{"data":{"x":1,"sku":"abcde","n":1}}"#),
        [("/data/sku".to_owned(), "length")]
    );
}

#[test]
fn values_and_messages_are_never_repeated() {
    #[derive(Debug, Deserialize, Validate, JsonSchema)]
    struct Talks {
        #[validate(custom(function = repeats))]
        text: String,
        #[validate(length(max = 1, message = "the-message"))]
        other: String,
    }
    fn repeats(text: &str) -> Result<(), ValidationError> {
        let mut error = ValidationError::new("x");
        error.code = text.to_owned().into();
        Err(error)
    }

    let errors = read_json::<Talks>(
        br#"{"text":"the-value","other":"the-value"}"#,
        &JsonLimits::default(),
    )
    .unwrap_err();

    let told = format!("{errors:?}");
    assert!(
        !told.contains("the-value") && !told.contains("the-message"),
        "{told}"
    );
    let codes: Vec<_> = errors.iter().map(crate::FieldError::code).collect();
    assert_eq!(codes, ["length", "custom"]);
}

#[test]
fn an_answer_has_a_bounded_number_of_places() {
    let items = vec![r#"{"sku":"abcde","n":0}"#; 500].join(",");

    let found = broken::<Order>(&format!(
        r#"{{"orderId":"abc","note":"","lineItems":[{items}]}}"#
    ));

    assert_eq!(found.len(), super::MOST);
}
