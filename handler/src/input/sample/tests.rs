use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::json;
use validator::Validate;

use super::*;
use crate::input::json::JsonLimits;
use crate::input::{Input, Lenient, checks, read_json};

#[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[validate(length(min = 10, max = 12))]
    order_id: String,
    #[validate(length(equal = 2))]
    country: String,
    #[validate(email)]
    contact: Option<String>,
    #[validate(custom(function = checks::https_url))]
    #[schemars(url)]
    callback: String,
    #[validate(length(min = 2, max = 3), nested)]
    items: Vec<Item>,
    kind: Kind,
    payment: Payment,
    tags: BTreeMap<String, String>,
    pair: (u8, String),
    parent: Option<Box<Order>>,
    #[schemars(example = "AB-1")]
    #[validate(length(min = 4))]
    reference: String,
    extra: Lenient<Extra>,
}

#[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
struct Item {
    #[validate(range(min = 5, max = 9))]
    quantity: u32,
    #[validate(range(min = 0.25, max = 0.5))]
    discount: f64,
    #[validate(range(max = -3))]
    offset: i64,
    #[serde(default = "seven")]
    priority: u8,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Extra {
    letter: char,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
enum Kind {
    Plain,
    Gift,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "by", rename_all = "lowercase")]
enum Payment {
    Invoice { days: u16 },
    Card,
}

fn seven() -> u8 {
    7
}

#[track_caller]
fn assert_is_valid<T: Input>() -> Value {
    let sample = sample(&schema_for!(T));
    if let Err(errors) = read_json::<T>(sample.to_string().as_bytes(), &JsonLimits::default()) {
        panic!("{errors:?}: {sample:#}");
    }
    sample
}

#[test]
fn a_sample_is_read_and_keeps_the_rules() {
    let sample = assert_is_valid::<Order>();

    assert_eq!(sample["country"], "sa");
    assert_eq!(sample["orderId"], "samplesamp");
    assert_eq!(sample["contact"], "ada@example.com");
    assert_eq!(sample["reference"], "AB-1");
    assert_eq!(sample["kind"], "Plain");
    assert_eq!(sample["payment"], json!({"by": "invoice", "days": 1}));
    assert_eq!(sample["items"].as_array().unwrap().len(), 2);
    assert_eq!(sample["items"][0]["priority"], 7);
}

#[test]
fn a_type_that_holds_itself_has_an_end() {
    let sample = assert_is_valid::<Order>();

    assert!(sample["parent"]["parent"].is_object());
    assert!(sample.to_string().len() < 10_000);
}

#[test]
fn a_schema_that_requires_itself_has_an_end() {
    let endless = json!({
        "$defs": {"A": {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/A"}}}},
        "$ref": "#/$defs/A",
    });

    let schema = Schema::try_from(endless).expect("a schema");

    assert!(sample(&schema).is_object());
}

#[test]
fn a_schema_that_says_nothing_gives_null() {
    for schema in [json!(true), json!({}), json!({"$ref": "#/$defs/Missing"})] {
        assert_eq!(
            sample(&Schema::try_from(schema).expect("a schema")),
            Value::Null
        );
    }
}
