//! What a token's payload may look like: strict JSON, every claim that decides something, each of its
//! type (RFC 7519 §4, §7.2).

use serde_json::{Value, json};

use super::call::Call;
use super::change::{also, but_nothing_else, claim, good, nested, payload_bytes, without};
use super::table::{Pair, accepting, check};
use super::world::two_tenants;

fn written(name: &'static str, text: &'static str) -> impl Fn(Call) -> Call {
    move |call| call.token(|token| token.claim_text(name, text))
}

#[test]
fn every_claim_that_decides_something_has_to_be_there() {
    let names = ["ver", "iss", "tid", "aud", "azp", "exp", "nbf", "iat"];
    let whole = accepting("all claims", good);
    let pair = names.iter().fold(whole, |pair, name| {
        pair.but_not(*name, "claim", without(name))
    });
    let nobody = |call: Call| call.token(|token| token.without("oid").without("sub"));
    check(
        two_tenants(),
        &[
            pair.but_not("no permission", "missing_permission", without("scp")),
            accepting("a token without an object id", || without("oid")(good())).but_not(
                "without a subject either",
                "claim",
                nobody,
            ),
            accepting("a token without a subject", || without("sub")(good())).but_not(
                "without an object id either",
                "claim",
                nobody,
            ),
            accepting("a token without what nobody reads", || {
                good().token(|token| {
                    token
                        .without("aio")
                        .without("uti")
                        .without("rh")
                        .without("name")
                })
            }),
        ],
    );
}

#[test]
fn every_claim_that_decides_something_has_its_type() {
    let texts = [
        "ver", "iss", "tid", "aud", "azp", "oid", "sub", "scp", "idtyp",
    ];
    let dates = ["exp", "nbf", "iat"];
    let others: [(&str, Value); 7] = [
        ("null", Value::Null),
        ("a number", json!(7)),
        ("true", json!(true)),
        ("a list", json!(["7"])),
        ("an empty list", json!([])),
        ("an object", json!({"7": 7})),
        ("a text", json!("1767225600")),
    ];
    let mut pairs = Vec::new();
    for (names, fits) in [(&texts[..], "a text"), (&dates[..], "a number")] {
        for name in names {
            for (what, value) in &others {
                if *what != fits {
                    let pair = accepting("claims of their types", good);
                    pairs.push(pair.but_not(
                        format!("{what} as {name}"),
                        "claim",
                        claim(name, value.clone()),
                    ));
                }
            }
        }
    }
    for (what, value) in [
        ("a text", json!("Orders.Read.All")),
        ("null", json!(null)),
        ("an object", json!({"Orders.Read.All": true})),
        ("a list with a number", json!(["Orders.Read.All", 7])),
        ("a list in a list", json!([["Orders.Read.All"]])),
        ("a list with null", json!([null])),
    ] {
        let pair = accepting("a list of texts as roles", || {
            claim("roles", json!(["Orders.Read.All"]))(good())
        });
        pairs.push(pair.but_not(what, "claim", claim("roles", value)));
    }
    check(two_tenants(), &pairs);
}

#[test]
fn a_claim_occurs_once_at_any_depth() {
    check(
        two_tenants(),
        &[accepting("each claim once", good)
            .but_not("the same audience twice", "malformed_token", |call| {
                let audience = format!(r#""aud":"{}""#, super::world::AUDIENCE);
                call.token(|token| token.also(&audience))
            })
            .but_not(
                "another audience after it",
                "malformed_token",
                also(r#""aud":"other""#),
            )
            .but_not(
                "another issuer under an escaped name",
                "malformed_token",
                also(r#""\u0069ss":"other""#),
            )
            .but_not(
                "a later end",
                "malformed_token",
                also(r#""exp":4000000000"#),
            )
            .but_not("more scopes", "malformed_token", also(r#""scp":"All""#))
            .but_not("another user", "malformed_token", also(r#""oid":"other""#))
            .but_not(
                "another tenant",
                "malformed_token",
                also(r#""tid":"other""#),
            )
            .but_not(
                "a claim that nobody reads",
                "malformed_token",
                also(r#""name":"Eve""#),
            )
            .but_not(
                "a member further down",
                "malformed_token",
                also(r#""x":[{"y":{"z":1,"z":1}}]"#),
            )],
    );
}

#[test]
fn a_payload_is_one_strict_json_object() {
    let deep = |levels| move |call: Call| call.token(|token| token.also(&nested(levels)));
    check(
        two_tenants(),
        &[
            but_nothing_else(accepting("an object", good), payload_bytes)
                .but_not("a comment in it", "malformed_token", also("\"x\":/**/1"))
                .but_not(
                    "an empty object",
                    "claim",
                    payload_bytes(|_| b"{}".to_vec()),
                )
                .but_not("bytes that are not UTF-8", "malformed_token", |call| {
                    call.token(|token| {
                        token.also(r#""x":"@""#).payload_bytes(|text| {
                            // The address of the user has one, too.
                            text.bytes()
                                .map(|byte| if byte == b'@' { 0xfe } else { byte })
                                .collect()
                        })
                    })
                })
                .but_not(
                    "a comma at the end",
                    "malformed_token",
                    payload_bytes(|text| format!("{},}}", text.trim_end_matches('}')).into_bytes()),
                )
                .but_not("Infinity", "malformed_token", also(r#""x":-Infinity"#))
                .but_not(
                    "half a surrogate pair",
                    "malformed_token",
                    also(r#""x":"\udfff""#),
                )
                .but_not(
                    "a control character in a text",
                    "malformed_token",
                    also("\"x\":\"\u{1}\""),
                ),
            accepting("letters of every kind where nobody reads", || {
                claim("name", "Ädä 日本 \u{1f600}")(good())
            }),
            // The payload itself is the first of 32 levels.
            accepting("thirty-one levels in it", move || deep(31)(good()))
                .but_not("thirty-two", "malformed_token", move |_| deep(32)(good()))
                .but_not("two thousand", "malformed_token", move |_| {
                    deep(2000)(good())
                }),
        ],
    );
}

#[test]
fn an_id_is_a_short_visible_text() {
    let ids = |name: &'static str| -> Pair {
        accepting("an id", good)
            .but_not("an empty one", "claim", claim(name, ""))
            .but_not("one with a line end", "claim", claim(name, "forged\nline"))
            .but_not("one with a space", "claim", claim(name, "forged line"))
            .but_not(
                "one with a letter that is not ASCII",
                "claim",
                claim(name, "forgéd"),
            )
            .but_not(
                "one of 257 characters",
                "claim",
                claim(name, "x".repeat(257)),
            )
    };
    check(two_tenants(), &[ids("oid"), ids("sub")]);
}

#[test]
fn dates_are_whole_seconds_that_a_calendar_has() {
    let mut pairs = Vec::new();
    for name in ["exp", "nbf", "iat"] {
        let pair = accepting("a date", good);
        let texts = [
            ("with a fraction", "4000000000.5"),
            ("with a fraction of nothing", "4000000000.0"),
            ("with an exponent", "4e9"),
            ("that is negative", "-1"),
            ("that is minus zero", "-0"),
            ("after the year 9999", "253402300800"),
            ("of 2^63", "9223372036854775808"),
            ("of 2^64 - 1", "18446744073709551615"),
            ("of 2^64", "18446744073709551616"),
            ("of a hundred digits", HUNDRED_DIGITS),
            ("beyond all numbers", "1e999"),
            ("as a text", "\"4000000000\""),
            ("as a date in words", "\"2099-01-01T00:00:00Z\""),
            ("that is no number", "false"),
        ];
        pairs.push(texts.iter().fold(pair, |pair, (what, text)| {
            let rule = match *what {
                // Too large for any number that the reader has.
                "beyond all numbers" => "malformed_token",
                _ => "claim",
            };
            pair.but_not(format!("{name} {what}"), rule, written(name, text))
        }));
    }
    pairs.push(accepting("the last second of the year 9999", || {
        written("exp", "253402300799")(good())
    }));
    pairs.push(accepting("the first second of 1970", || {
        good().token(|token| token.claim("nbf", 0).claim("iat", 0))
    }));
    check(two_tenants(), &pairs);
}

const HUNDRED_DIGITS: &str = "4000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";
