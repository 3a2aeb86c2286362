use proptest::prelude::*;

use super::*;

fn compact(text: &str) -> String {
    Token::parse(text).unwrap().to_compact()
}

#[test]
fn numbers_are_printed_as_dotnet_prints_them() {
    let cases = [
        ("1.50", "1.5", "1.5"),
        ("1.0", "1.0", "1"),
        ("1e3", "1000.0", "1000"),
        ("-0", "0", "0"),
        ("-0.0", "-0.0", "-0"),
        (
            "12345678901234567890123",
            "12345678901234567890123",
            "12345678901234567890123",
        ),
        ("9007199254740993", "9007199254740993", "9007199254740993"),
        (
            "12345678901234567890.5",
            "1.2345678901234567E+19",
            "1.2345678901234567E+19",
        ),
        ("1e14", "100000000000000.0", "100000000000000"),
        ("1e15", "1E+15", "1E+15"),
        (
            "1234567890123456.0",
            "1234567890123456.0",
            "1234567890123456",
        ),
        ("0.0001", "0.0001", "0.0001"),
        ("0.00001", "1E-05", "1E-05"),
        ("1e400", "\"Infinity\"", "Infinity"),
        (".5", "0.5", "0.5"),
        ("0x1F", "31", "31"),
        ("017", "15", "15"),
    ];
    for (text, json, dotnet) in cases {
        let token = Token::parse(text).unwrap();
        assert_eq!(token.to_compact(), json, "{text}");
        assert_eq!(token.to_dotnet_string(), dotnet, "{text}");
    }
}

#[test]
fn what_is_not_a_number_is_refused() {
    for text in [
        "-",
        "1e",
        "1-2",
        "+1",
        "08",
        "0xg",
        "1a",
        "--1",
        "1.2.3",
        "0x-1",
        &"9".repeat(381),
    ] {
        assert!(Token::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_string_that_is_a_date_becomes_one() {
    let cases = [
        (
            "2026-03-14T09:26:51Z",
            "2026-03-14T09:26:51Z",
            "03/14/2026 09:26:51",
        ),
        (
            "2026-03-14T09:26:51",
            "2026-03-14T09:26:51",
            "03/14/2026 09:26:51",
        ),
        (
            "2026-03-14T09:26:51.100+02:00",
            "2026-03-14T07:26:51.1+00:00",
            "03/14/2026 07:26:51",
        ),
        (
            "2026-03-14T09:26:51-0130",
            "2026-03-14T10:56:51+00:00",
            "03/14/2026 10:56:51",
        ),
        (
            "2026-03-14T09:26:51+02",
            "2026-03-14T07:26:51+00:00",
            "03/14/2026 07:26:51",
        ),
        (
            "2024-01-02T03:04:05.0000000Z",
            "2024-01-02T03:04:05Z",
            "01/02/2024 03:04:05",
        ),
        (
            "2024-02-29T24:00:00Z",
            "2024-03-01T00:00:00Z",
            "03/01/2024 00:00:00",
        ),
        (
            "0001-01-01T00:00:00+05:00",
            "0001-01-01T00:00:00+00:00",
            "01/01/0001 00:00:00",
        ),
        (
            "/Date(1234567890)/",
            "1970-01-15T06:56:07.89Z",
            "01/15/1970 06:56:07",
        ),
        (
            "/Date(-1+0200)/",
            "1969-12-31T23:59:59.999+00:00",
            "12/31/1969 23:59:59",
        ),
    ];
    for (text, iso, dotnet) in cases {
        let Token::Date(date) = Token::parse(&format!("\"{text}\"")).unwrap() else {
            panic!("{text} is a date");
        };
        assert_eq!(
            (date.to_iso().as_str(), date.to_dotnet_string().as_str()),
            (iso, dotnet),
            "{text}"
        );
    }
}

#[test]
fn a_string_that_only_resembles_a_date_stays_a_string() {
    for text in [
        "2026-03-14",
        " 2026-03-14T09:26:51Z",
        "2026-03-14 09:26:51Z",
        "2026-02-29T00:00:00Z",
        "2026-03-14T25:00:00Z",
        "2026-03-14T24:00:01Z",
        "2026-03-14T09:26:51.Z",
        "2026-03-14T09:26:51.12345678Z",
        "2026-03-14T09:26:51Zz",
        "0000-03-14T09:26:51Z",
        "9999-12-31T24:00:00Z",
        "/Date(12x)/",
        "/Date()/",
        "/date(1)/",
    ] {
        assert_eq!(
            Token::parse(&format!("\"{text}\"")).unwrap(),
            Token::text(text)
        );
    }
}

#[test]
fn a_member_name_is_never_a_date() {
    assert_eq!(
        compact(r#"{"2026-03-14T09:26:51.0Z":1}"#),
        r#"{"2026-03-14T09:26:51.0Z":1}"#
    );
}

#[test]
fn newtonsofts_own_dialect_is_read() {
    let cases = [
        ("{a:1,'b':'x',\"c\":[1,],}", r#"{"a":1,"b":"x","c":[1]}"#),
        ("/* a */ [1, // b\n 2]", "[1,2]"),
        ("[,1,,2]", "[null,1,null,2]"),
        ("[undefined,NaN,-Infinity]", r#"[null,"NaN","-Infinity"]"#),
        ("\"a\nb\"", r#""a\nb""#),
        (r#""\u00e9\ud83d\ude00\'\/""#, "\"é😀'/\""),
        (r#""\ud83dx""#, "\"\u{fffd}x\""),
        ("\"\\u0085\\u2028\\u007f\"", "\"\\u0085\\u2028\u{7f}\""),
    ];
    for (text, json) in cases {
        assert_eq!(compact(text), json, "{text}");
    }
}

#[test]
fn what_newtonsoft_refuses_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "[1",
        "{\"a\"",
        "{\"a\":}",
        "{,}",
        "[1 2]",
        "{not json}",
        "[not json]",
        "<html>",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "1 2",
        "{} x",
        "nul",
        "nullx",
        "/",
        "/*",
        "new Date(1)",
        "{a b:1}",
    ] {
        assert!(Token::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_repeated_member_keeps_its_place_in_a_token_and_loses_it_in_a_response() {
    let text = r#"{"a":1,"b":2,"a":3}"#;

    assert_eq!(compact(text), r#"{"a":3,"b":2}"#);
    assert_eq!(
        Token::parse_response(text).unwrap().to_compact(),
        r#"{"b":2,"a":3}"#
    );
}

#[test]
fn depth_is_limited_to_64_in_tokens_and_to_256_in_responses() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);

    assert!(Token::parse(&nested(64)).is_ok());
    assert!(Token::parse(&nested(65)).is_err());
    assert!(Token::parse_response(&nested(256)).is_ok());
    assert!(Token::parse_response(&nested(257)).is_err());
}

#[test]
fn a_response_may_be_followed_by_anything() {
    assert_eq!(
        Token::parse_response("{} <html>").unwrap(),
        Token::Object(vec![])
    );
}

#[test]
fn indented_json_leaves_empty_containers_closed() {
    let token = Token::parse(r#"{"a":[],"b":{},"c":[1,{"d":null}]}"#).unwrap();

    assert_eq!(
        token.to_indented(),
        "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": null\n    }\n  ]\n}"
    );
}

#[test]
fn days_and_dates_agree_over_all_years() {
    let mut expected = 0;
    for year in 1..=9999 {
        for month in 1..=12 {
            for day in [1, date::days_in_month(year, month)] {
                let days = date::days(year, month, day);
                assert_eq!(date::civil(days), (year, month, day));
            }
            assert_eq!(date::days(year, month, 1), expected);
            expected += date::days_in_month(year, month);
        }
    }
}

fn tokens() -> impl Strategy<Value = Token> {
    let leaf = prop_oneof![
        Just(Token::Null),
        any::<bool>().prop_map(Token::Bool),
        any::<i64>().prop_map(Token::from),
        any::<u128>().prop_map(|n| Token::Integer(n.to_string())),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Token::Float),
        any::<String>().prop_map(Token::String),
        (0..=Date::MAX.ticks())
            .prop_map(|ticks| Token::Date(Date::from_ticks(ticks, DateKind::Utc))),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Token::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..5).prop_map(Token::object),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Token::parse(&text);
        let _ = Token::parse_response(&text);
        let _ = Date::parse(&text);
    }

    #[test]
    fn no_text_of_json_characters_makes_the_parser_panic(text in r#"[\[\]{},:"'\\ua0-9eE+.xTZ/*Date() -]{0,60}"#) {
        let _ = Token::parse(&text);
        let _ = Date::parse(&text);
    }

    #[test]
    fn no_text_like_a_date_makes_the_parser_panic(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.0-9Zz:+é-]{0,20}") {
        if let Some(date) = Date::parse(&text) {
            prop_assert_eq!(Date::parse(&date.to_iso()), Some(date));
        }
    }

    #[test]
    fn what_is_printed_is_read_back_the_same(token in tokens()) {
        prop_assert_eq!(Token::parse(&token.to_compact()).unwrap(), token.clone());
        prop_assert_eq!(Token::parse(&token.to_indented()).unwrap(), token);
    }

    #[test]
    fn a_double_survives_its_text(value in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
        prop_assert_eq!(number::dotnet(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
    }
}
