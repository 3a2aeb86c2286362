use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::input::{FreeText, Lenient};

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    #[serde(default)]
    note: Option<String>,
    items: Vec<Item>,
    #[serde(default)]
    tags: HashMap<String, u32>,
    #[serde(default)]
    extra: Value,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Item {
    sku: String,
    quantity: u32,
    #[serde(default)]
    price: f64,
    #[serde(default)]
    kind: Kind,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Plain,
    Gift {
        wrap: String,
    },
    Box(Vec<u8>),
    Pair(u8, u8),
}

const LIMITS: JsonLimits = JsonLimits {
    bytes: 4096,
    depth: 8,
    members: 60,
};

fn read<T: DeserializeOwned>(text: &str) -> Result<T, (String, &'static str)> {
    parse(text.as_bytes(), &LIMITS).map_err(|fault| {
        let error = fault.into_body_error();
        (error.pointer().unwrap().to_owned(), error.code())
    })
}

#[track_caller]
fn assert_refused<T: DeserializeOwned + std::fmt::Debug>(text: &str, pointer: &str, code: &str) {
    let (found_pointer, found_code) = read::<T>(text).expect_err(text);
    assert_eq!(
        (found_pointer.as_str(), found_code),
        (pointer, code),
        "{text}"
    );
}

#[test]
fn a_document_becomes_the_type() {
    let order: Order = read(
        r#" {"orderId": "a\u00e9\ud83d\ude00\n\/", "note": null, "tags": {"x": 1, "\u0079": 2},
            "items": [{"sku": "s", "quantity": 3, "price": -1.5e2, "kind": {"gift": {"wrap": "w"}}},
                      {"quantity": 0, "sku": "", "kind": "plain"},
                      {"quantity": 1, "sku": "é", "kind": {"box": [1, 2]}},
                      {"quantity": 1, "sku": "é", "kind": {"pair": [1, 2]}}],
            "extra": {"deep": [true, false, null, 1, -1, 1.5]}} "#,
    )
    .unwrap();

    assert_eq!(order.order_id, "aé😀\n/");
    assert_eq!(order.note, None);
    assert_eq!(
        order.tags,
        HashMap::from([("x".to_owned(), 1), ("y".to_owned(), 2)])
    );
    assert_eq!(
        order.extra,
        json!({"deep": [true, false, null, 1, -1, 1.5]})
    );
    assert_eq!(order.items[0].price, -150.0);
    let kinds: Vec<_> = order.items.into_iter().map(|item| item.kind).collect();
    let wrap = "w".to_owned();
    assert_eq!(
        kinds,
        [
            Kind::Gift { wrap },
            Kind::Plain,
            Kind::Box(vec![1, 2]),
            Kind::Pair(1, 2)
        ]
    );
}

#[test]
fn a_refusal_names_the_place() {
    for (text, pointer, code) in [
        (r#"{"items":[]}"#, "/orderId", "missing_member"),
        (
            r#"{"orderId":"a","items":[{"sku":"s"}]}"#,
            "/items/0/quantity",
            "missing_member",
        ),
        (r#"{"orderId":1,"items":[]}"#, "/orderId", "type"),
        (r#"{"orderId":"a","items":{}}"#, "/items", "type"),
        (r#"{"orderId":"a","items":[1]}"#, "/items/0", "type"),
        (r#"{"orderId":"a","items":[],"x":1}"#, "", "unknown_member"),
        (
            r#"{"orderId":"a","items":[{"x":{"y":1}}]}"#,
            "/items/0",
            "unknown_member",
        ),
        (
            r#"{"orderId":"a","orderId":"a"}"#,
            "/orderId",
            "duplicate_member",
        ),
        (
            r#"{"orderId":"a","order\u0049d":"a"}"#,
            "/orderId",
            "duplicate_member",
        ),
        (
            r#"{"tags":{"a":1,"b":2,"a":1}}"#,
            "/tags",
            "duplicate_member",
        ),
        (r#"{"tags":{"a":"text"}}"#, "/tags", "type"),
        (
            r#"{"extra":{"a":[{"b":1,"b":2}]}}"#,
            "/extra",
            "duplicate_member",
        ),
        (
            r#"{"items":[{"sku":"a\u0000"}]}"#,
            "/items/0/sku",
            "control_character",
        ),
        (
            r#"{"items":[{"quantity":-1}]}"#,
            "/items/0/quantity",
            "value",
        ),
        (
            r#"{"items":[{"quantity":1.0}]}"#,
            "/items/0/quantity",
            "type",
        ),
        (
            r#"{"items":[{"quantity":99999999999}]}"#,
            "/items/0/quantity",
            "value",
        ),
        (
            r#"{"items":[{"quantity":"1"}]}"#,
            "/items/0/quantity",
            "type",
        ),
        (
            r#"{"items":[{"price":1e999}]}"#,
            "/items/0/price",
            "number_out_of_range",
        ),
        (r#"{"items":[{"kind":"other"}]}"#, "/items/0/kind", "value"),
        (
            r#"{"items":[{"kind":{"gift":{"wrap":1}}}]}"#,
            "/items/0/kind/gift/wrap",
            "type",
        ),
        (
            r#"{"items":[{"kind":{"gift":{"x":1}}}]}"#,
            "/items/0/kind/gift",
            "unknown_member",
        ),
        (
            r#"{"items":[{"kind":{"gift":["w"]}}]}"#,
            "/items/0/kind/gift",
            "type",
        ),
        (
            r#"{"items":[{"kind":{"gift":{"wrap":"w"},"x":1}}]}"#,
            "/items/0/kind",
            "type",
        ),
        (
            r#"{"items":[{"kind":{"plain":null}}]}"#,
            "/items/0/kind",
            "type",
        ),
        (r#"{"items":[{"kind":{}}]}"#, "/items/0/kind", "type"),
        (r#"{"items":[{"kind":"gift"}]}"#, "/items/0/kind", "type"),
        (
            r#"{"items":[{"kind":{"pair":[1,2,3]}}]}"#,
            "/items/0/kind/pair",
            "type",
        ),
        (
            r#"{"items":[{"kind":{"pair":[1]}}]}"#,
            "/items/0/kind/pair",
            "type",
        ),
        (r#"{"items":[["s",1]]}"#, "/items/0", "type"),
        (r#"["a",null,[]]"#, "", "type"),
        ("null", "", "type"),
    ] {
        assert_refused::<Order>(text, pointer, code);
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a" 1}"#,
        "{1:2}",
        "{'a':1}",
        r#"{"a":1"#,
        "'a'",
        r#"""#,
        r#""\"#,
        r#""\x""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\u+123""#,
        "01",
        "-01",
        "+1",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "-Infinity",
        "// 1\n1",
        "[1]/**/",
        "\u{feff}1",
        "\u{a0}1",
        "1\u{b}",
        r#""\ud800""#,
        r#""\ud800\ud800""#,
        r#""\ud800\u0041""#,
        r#""\udc00""#,
        r#""\udc00\ud800""#,
        r#""\ud800x""#,
        "tru",
        "[true,fals]",
    ] {
        let code = read::<Value>(text).expect_err(text).1;
        assert!(matches!(code, "syntax" | "trailing_data"), "{text}: {code}");
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
    }
}

#[test]
fn something_after_the_end_is_refused() {
    for text in ["1 1", "{} {}", "[]]", "null,", "\"a\"b", "{}\0"] {
        assert_refused::<Value>(text, "", "trailing_data");
    }
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    for bytes in [
        &b"\"\xff\""[..],
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"\xff\xfe1\0",
    ] {
        let fault = parse::<Value>(bytes, &LIMITS).unwrap_err();
        assert_eq!(fault.code(), Code::InvalidUtf8, "{bytes:?}");
    }
}

#[test]
fn the_limits_hold_to_the_last_unit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let list = |items: usize| format!("[{}]", vec!["1"; items].join(","));
    let long = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));

    assert!(read::<Value>(&nested(LIMITS.depth)).is_ok());
    assert_eq!(
        read::<Value>(&nested(LIMITS.depth + 1)).unwrap_err().1,
        "too_deep"
    );
    assert!(read::<Value>(&list(LIMITS.members)).is_ok());
    assert_eq!(
        read::<Value>(&list(LIMITS.members + 1)).unwrap_err().1,
        "too_many_members"
    );
    assert!(read::<Value>(&long(LIMITS.bytes)).is_ok());
    assert_eq!(
        read::<Value>(&long(LIMITS.bytes + 1)).unwrap_err().1,
        "too_large"
    );
}

#[test]
fn members_are_counted_all_together() {
    let text = format!(
        r#"{{"a":{{{}}},"b":[{}]}}"#,
        r#""x":1"#,
        vec!["1"; 57].join(",")
    );

    assert!(read::<Value>(&text).is_ok());
    assert_eq!(
        read::<Value>(&text.replace(r#""x":1"#, r#""x":1,"y":1"#))
            .unwrap_err()
            .1,
        "too_many_members"
    );
}

#[test]
fn by_default_fifty_thousand_members_are_refused() {
    let text = format!("[{}]", vec!["1"; 50_000].join(","));

    let fault = parse::<Value>(text.as_bytes(), &JsonLimits::default()).unwrap_err();

    assert_eq!(fault.code(), Code::TooManyMembers);
}

#[test]
fn a_repeated_name_is_found_among_many() {
    let names = |last: usize| {
        let names: Vec<_> = (0..50)
            .chain([last])
            .map(|n| format!("\"n{n}\":0"))
            .collect();
        format!("{{{}}}", names.join(","))
    };

    for repeated in [0, 10, 23, 24, 25, 49] {
        assert_refused::<Value>(&names(repeated), "", "duplicate_member");
    }
    assert!(read::<Value>(&names(50)).is_ok());
}

#[test]
fn the_same_name_in_two_objects_is_no_repetition() {
    assert!(read::<Value>(r#"{"a":{"a":{"a":1},"b":1},"b":{"a":1}}"#).is_ok());
    assert_refused::<Value>(
        r#"{"a":{"a":{"a":1},"b":1},"a":{"a":1}}"#,
        "",
        "duplicate_member",
    );
}

#[test]
fn characters_that_mislead_are_refused_in_names_and_texts() {
    for escaped in [
        "\\u0000", "\\b", "\\f", "\\u001b", "\\u007f", "\\u0085", "\\u202e", "\\u2066",
    ] {
        assert_refused::<Value>(&format!("[\"a{escaped}\"]"), "/0", "control_character");
        assert_refused::<Value>(&format!("{{\"a{escaped}\":1}}"), "", "control_character");
    }
    for raw in [
        "\0", "\n", "\u{1b}", "\u{7f}", "\u{85}", "\u{9b}", "\u{202a}", "\u{2069}",
    ] {
        assert_eq!(
            read::<Value>(&format!("\"a{raw}\"")).unwrap_err().1,
            "control_character",
            "{raw:?}"
        );
    }
    let layout = r#""tab\t line\r\n Grüße 世界 \u200f \u2028 😀""#;
    assert!(read::<String>(layout).is_ok());
}

#[test]
fn free_text_keeps_control_characters_and_nothing_beside_it_does() {
    #[derive(Debug, Deserialize)]
    struct Log {
        raw: FreeText,
        line: String,
    }

    let log: Log = read("{\"raw\":\"\\u0000\u{202e}\\u001b\u{7f}\",\"line\":\"x\"}").unwrap();

    assert_eq!(&*log.raw, "\0\u{202e}\u{1b}\u{7f}");
    assert_eq!(log.line, "x");
    assert_refused::<Log>(
        r#"{"raw":"\u0000","line":"\u0000"}"#,
        "/line",
        "control_character",
    );
    assert_refused::<Log>("{\"raw\":\"\n\"}", "/raw", "syntax");
}

#[test]
fn lenient_skips_what_it_does_not_know_and_nothing_beside_it_does() {
    #[derive(Debug, Deserialize)]
    struct Event {
        data: Lenient<Data>,
        #[serde(default)]
        strict: Option<Data>,
    }
    #[derive(Debug, Deserialize)]
    struct Data {
        url: String,
        #[serde(default)]
        inner: Option<Box<Data>>,
    }

    let event: Event =
        read(r#"{"data":{"x":[{"y":1}],"url":"u","inner":{"z":null,"url":"v"}}}"#).unwrap();

    assert_eq!(event.data.url, "u");
    assert_eq!(event.data.inner.as_ref().unwrap().url, "v");
    assert!(event.strict.is_none());
    assert_refused::<Event>(
        r#"{"data":{"url":"u"},"strict":{"url":"u","x":1}}"#,
        "/strict",
        "unknown_member",
    );
    assert_refused::<Event>(
        r#"{"data":{"url":"u","x":{"a":1,"a":2}}}"#,
        "/data",
        "duplicate_member",
    );
    assert_refused::<Event>(
        r#"{"data":{"url":"u","x":"\u0000"}}"#,
        "/data",
        "control_character",
    );
    assert_refused::<Event>(r#"{"data":["u"]}"#, "/data", "type");
}

#[test]
fn an_unknown_name_is_never_repeated() {
    let own_words = r#"{"orderId":"a","items":[],"<script>":1}"#;
    let denied = {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Strict {}
        parse::<Strict>(br#"{"<script>":1}"#, &LIMITS).unwrap_err()
    };

    for fault in [
        parse::<Order>(own_words.as_bytes(), &LIMITS).unwrap_err(),
        denied,
    ] {
        assert!(!format!("{fault} {fault:?}").contains("script"));
        let error = fault.into_body_error();
        assert_eq!(
            (error.pointer(), error.code()),
            (Some(""), "unknown_member")
        );
    }
}

#[test]
fn names_of_numbers_are_written_in_one_way() {
    assert_eq!(
        read::<BTreeMap<i32, u8>>(r#"{"-1":1,"20":2}"#).unwrap(),
        BTreeMap::from([(-1, 1), (20, 2)])
    );
    for name in ["01", "+1", " 1", "1 ", "0x1", "", "x", "1.0"] {
        assert_eq!(
            read::<BTreeMap<i32, u8>>(&format!("{{\"{name}\":1}}"))
                .unwrap_err()
                .1,
            "type",
            "{name}"
        );
    }
}

#[test]
fn numbers_keep_their_value() {
    assert_eq!(read::<u64>("18446744073709551615"), Ok(u64::MAX));
    assert_eq!(read::<i64>("-9223372036854775808"), Ok(i64::MIN));
    assert_eq!(
        read::<u128>("340282366920938463463374607431768211455"),
        Ok(u128::MAX)
    );
    assert_eq!(
        read::<i128>("-170141183460469231731687303715884105728"),
        Ok(i128::MIN)
    );
    assert_eq!(read::<f64>("5e-324"), Ok(5e-324));
    assert!(read::<f64>("-0").unwrap().is_sign_negative());
    assert_eq!(read::<u64>("18446744073709551616").unwrap_err().1, "type");
    assert_eq!(read::<u128>("-1").unwrap_err().1, "value");
    assert_eq!(read::<u128>("1.5").unwrap_err().1, "type");
    assert_eq!(read::<f64>("1e400").unwrap_err().1, "number_out_of_range");
}

#[test]
fn an_error_that_a_type_hides_still_refuses_the_document() {
    #[derive(Debug)]
    struct Hides;
    impl<'de> Deserialize<'de> for Hides {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Elements;
            impl<'de> serde::de::Visitor<'de> for Elements {
                type Value = Hides;
                fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    out.write_str("a list")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(
                    self,
                    mut seq: A,
                ) -> Result<Hides, A::Error> {
                    let _ = seq.next_element::<String>();
                    while let Ok(Some(_)) = seq.next_element::<u8>() {}
                    Ok(Hides)
                }
            }
            deserializer.deserialize_seq(Elements)
        }
    }

    assert!(read::<Hides>("[\"a\",1]").is_ok());
    assert!(read::<Hides>("[true,1]").is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        "[^\\p{C}]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[^\\p{C}]{0,5}", inner, 0..6)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_read_back(value in any_json()) {
        let limits = JsonLimits::default();

        for text in [value.to_string(), format!("{value:#}")] {
            prop_assert_eq!(&parse::<Value>(text.as_bytes(), &limits).unwrap(), &value);
        }
    }

    #[test]
    fn what_is_accepted_is_what_serde_json_makes_of_it(
        text in r#"([\[\]{}:,"\\0-9a-eu. \-]|true|null|"a":|"b":){0,24}"#,
    ) {
        if let Ok(value) = parse::<Value>(text.as_bytes(), &LIMITS) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = parse::<Value>(&bytes, &LIMITS);
        let _ = parse::<Order>(&bytes, &LIMITS);
    }

    #[test]
    fn a_changed_document_does_not_panic(at in 0_usize..70, byte in any::<u8>()) {
        let mut bytes = br#"{"orderId":"a","items":[{"sku":"s","quantity":1,"kind":{"gift":{"wrap":"w"}}}]}"#.to_vec();
        bytes[at] = byte;

        let _ = parse::<Order>(&bytes, &LIMITS);
    }
}
