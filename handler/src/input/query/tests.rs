use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use super::*;
use crate::input::{FreeText, Lenient};

#[derive(Debug, Default, PartialEq, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Search {
    #[validate(length(min = 2, max = 10))]
    #[serde(deserialize_with = "required_text")]
    sku: String,
    #[validate(range(min = 1, max = 100))]
    page_size: Option<u32>,
    #[validate(length(max = 3))]
    tags: Vec<String>,
    numbers: Vec<i8>,
    exact: bool,
    ratio: f64,
    sort: Option<Sort>,
    wide: Option<u128>,
    letter: Option<char>,
    comment: Option<FreeText>,
}

/// An own function, so that a field with one is among those that are read.
fn required_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer)
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Sort {
    ByName,
    ByDate,
}

#[derive(Debug, PartialEq, Deserialize, Validate, JsonSchema)]
struct Needs {
    sku: String,
    quantity: u32,
}

#[derive(Debug, PartialEq, Deserialize, Validate, JsonSchema)]
struct Nothing {}

#[track_caller]
fn assert_refused<T: Input + std::fmt::Debug>(raw: &str, name: Option<&str>, code: &str) {
    let errors = read::<T>(raw).expect_err(raw);
    let found: Vec<_> = errors
        .iter()
        .map(|error| (error.parameter(), error.code()))
        .collect();
    assert_eq!(found, [(name, code)], "{raw}");
}

#[test]
fn parameters_become_the_type() {
    let search: Search = read(
        "sku=a%C3%A9+b&pageSize=20&tags=x&tags=y%2Cz&numbers=1,-2&exact=true&ratio=1.5e1\
         &sort=by-date&wide=340282366920938463463374607431768211455&letter=%C3%A9&comment=a%0Ab",
    )
    .unwrap();

    assert_eq!(
        search,
        Search {
            sku: "aé b".to_owned(),
            page_size: Some(20),
            tags: vec!["x".to_owned(), "y,z".to_owned()],
            numbers: vec![1, -2],
            exact: true,
            ratio: 15.0,
            sort: Some(Sort::ByDate),
            wide: Some(u128::MAX),
            letter: Some('é'),
            comment: Some(FreeText("a\nb".to_owned())),
        }
    );
}

#[test]
fn a_refusal_names_the_parameter() {
    for (raw, name, code) in [
        ("sku=abc&sku=abc", Some("sku"), "repeated_parameter"),
        (
            "sku=abc&exact=true&exact=true",
            Some("exact"),
            "repeated_parameter",
        ),
        ("sku=abc&other=1", None, "unknown_parameter"),
        ("sku=abc&Exact=true", None, "unknown_parameter"),
        ("sku=abc&=d", None, "unknown_parameter"),
        ("sku=abc&", None, "unknown_parameter"),
        ("sku=%00b", Some("sku"), "control_character"),
        ("sku=a%0Ab", Some("sku"), "control_character"),
        ("sku=%zz", Some("sku"), "syntax"),
        ("sku=%FF", Some("sku"), "invalid_utf8"),
        ("%FF=abc", None, "invalid_utf8"),
        ("sku=abc&pageSize=", Some("pageSize"), "type"),
        ("sku=abc&pageSize=+1", Some("pageSize"), "type"),
        ("sku=abc&pageSize=007", Some("pageSize"), "type"),
        ("sku=abc&pageSize=1.0", Some("pageSize"), "type"),
        ("sku=abc&pageSize=-1", Some("pageSize"), "value"),
        ("sku=abc&exact=1", Some("exact"), "type"),
        ("sku=abc&exact", Some("exact"), "type"),
        ("sku=abc&ratio=NaN", Some("ratio"), "type"),
        ("sku=abc&ratio=inf", Some("ratio"), "type"),
        ("sku=abc&ratio=1e999", Some("ratio"), "number_out_of_range"),
        ("sku=abc&sort=other", Some("sort"), "value"),
        ("sku=abc&numbers=1,x", Some("numbers"), "type"),
        ("sku=a", Some("sku"), "length"),
        ("sku=abc&pageSize=101", Some("pageSize"), "range"),
        ("sku=abc&tags=a,b,c,d", Some("tags"), "length"),
    ] {
        assert_refused::<Search>(raw, name, code);
    }
}

#[test]
fn a_missing_parameter_is_named() {
    assert_refused::<Needs>("sku=a", Some("quantity"), "missing_parameter");
    assert_refused::<Needs>("", Some("sku"), "missing_parameter");
}

#[test]
fn the_forms_that_forwarding_writes_read_the_same() {
    let proxied: Search = read("sku=a+b&tags=x&tags=y&numbers=1").unwrap();
    let forwarded: Search = read("sku=a%20b&tags=x,y&numbers=1").unwrap();

    assert_eq!(proxied, forwarded);
}

#[test]
fn a_function_key_may_stand_in_the_query() {
    let expected = Needs {
        sku: "a".to_owned(),
        quantity: 1,
    };

    assert_eq!(read::<Needs>("sku=a&code=x%3D%3D&quantity=1"), Ok(expected));
    assert!(read::<Nothing>("code=x").is_ok());
    assert_refused::<Nothing>("sku=a", None, "unknown_parameter");
}

#[test]
fn lenient_takes_any_further_parameters() {
    let needs: Lenient<Needs> = read("sku=a&quantity=1&utm=x").unwrap();

    assert_eq!(needs.quantity, 1);
    assert_refused::<Lenient<Needs>>("sku=a&quantity=x&utm=x", Some("quantity"), "type");
}

#[test]
fn too_many_parameters_are_refused() {
    let raw = vec!["tags=a"; MOST + 1].join("&");

    assert_refused::<Search>(&raw, None, "too_many_parameters");
}

#[test]
fn a_map_takes_any_names_and_no_repetition() {
    #[derive(Debug, Deserialize, Validate, JsonSchema)]
    #[serde(transparent)]
    struct Any {
        all: HashMap<String, String>,
    }

    let any: Any = read("a=1&b=x+y").unwrap();

    assert_eq!(any.all["b"], "x y");
    assert_refused::<Any>("a=1&a=2", None, "repeated_parameter");
}

proptest::proptest! {
    #[test]
    fn no_query_panics(raw in "(sku|tags|pageSize|=|&|%|[0-9a-f+,]|é){0,16}") {
        let _ = read::<Search>(&raw);
    }
}
