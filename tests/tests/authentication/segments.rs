//! The compact form: three segments of base64url in its one spelling (RFC 7515 §2, §7.1).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::call::Call;
use super::change::good;
use super::table::{accepting, check};
use super::world::two_tenants;

/// The good token, spelled in another way.
fn spelled(spell: impl Fn(String) -> String + Clone + 'static) -> impl Fn(Call) -> Call {
    move |call| {
        let spell = spell.clone();
        call.token(|token| token.spelled(spell))
    }
}

/// The good token with its segments changed.
fn segments(change: impl Fn(&[&str]) -> Vec<String> + Clone + 'static) -> impl Fn(Call) -> Call {
    spelled(move |token| change(&token.split('.').collect::<Vec<_>>()).join("."))
}

/// The good token with one segment changed.
fn segment(at: usize, change: impl Fn(&str) -> String + Clone + 'static) -> impl Fn(Call) -> Call {
    segments(move |parts| {
        let parts = parts.iter().enumerate();
        parts
            .map(|(index, part)| match index == at {
                true => change(part),
                false => (*part).to_owned(),
            })
            .collect()
    })
}

fn owned(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

#[test]
fn a_token_has_three_segments_and_none_is_empty() {
    check(
        two_tenants(),
        &[
            accepting("three segments", good)
                .but_not(
                    "one",
                    "malformed_token",
                    segments(|parts| owned(&parts[..1])),
                )
                .but_not(
                    "two",
                    "malformed_token",
                    segments(|parts| owned(&parts[..2])),
                )
                .but_not(
                    "a fourth that is empty",
                    "malformed_token",
                    segments(|parts| owned(&[parts, &[""]].concat())),
                )
                .but_not(
                    "a fourth like the third",
                    "malformed_token",
                    segments(|parts| owned(&[parts, &parts[2..]].concat())),
                )
                .but_not(
                    "five, as an encrypted token has",
                    "malformed_token",
                    segments(|parts| owned(&[parts[0], "a", "b", "c", parts[2]])),
                )
                .but_not(
                    "an empty one before them",
                    "malformed_token",
                    segments(|parts| owned(&[&[""], parts].concat())),
                )
                .but_not(
                    "dots alone",
                    "malformed_token",
                    spelled(|_| "..".to_owned()),
                )
                .but_not(
                    "a hundred dots",
                    "malformed_token",
                    spelled(|token| token + &".".repeat(100)),
                )
                .but_not(
                    "one character",
                    "malformed_token",
                    spelled(|_| "a".to_owned()),
                ),
            accepting("a header", good).but_not(
                "an empty one",
                "malformed_token",
                segment(0, |_| String::new()),
            ),
            accepting("a payload", good).but_not(
                "an empty one",
                "malformed_token",
                segment(1, |_| String::new()),
            ),
            accepting("a signature", good).but_not(
                "an empty one",
                "malformed_token",
                segment(2, |_| String::new()),
            ),
        ],
    );
}

#[test]
fn a_token_cut_short_anywhere_is_none() {
    let cut = |at: usize, by: usize| segment(at, move |part| part[..part.len() - by].to_owned());
    check(
        two_tenants(),
        &[
            accepting("the whole header", good)
                .but_not("without its last character", "malformed_token", cut(0, 1))
                .but_not("without its last four", "malformed_token", cut(0, 4)),
            accepting("the whole payload", good)
                .but_not("without its last four", "malformed_token", cut(1, 4))
                .but_not(
                    "without its first half",
                    "malformed_token",
                    segment(1, |part| part[part.len() / 8 * 4..].to_owned()),
                ),
            accepting("the whole signature", good)
                // 256 bytes are 341 characters and two bits.
                .but_not("without its last character", "malformed_token", cut(2, 1))
                .but_not("without its last two", "signature", cut(2, 2))
                .but_not("without its last five", "malformed_token", cut(2, 5))
                .but_not(
                    "without all but four",
                    "signature",
                    segment(2, |part| part[..4].to_owned()),
                ),
            accepting("the whole token", good)
                .but_not(
                    "its first half",
                    "malformed_token",
                    spelled(|token| token[..token.len() / 2].to_owned()),
                )
                .but_not(
                    "something after it",
                    "signature",
                    spelled(|token| token + "A"),
                )
                .but_not(
                    "something before it",
                    "malformed_token",
                    spelled(|token| format!("A{token}")),
                ),
        ],
    );
}

#[test]
fn base64url_has_one_spelling() {
    let mut pairs = Vec::new();
    for at in 0..3 {
        let name = ["a header", "a payload", "a signature"][at];
        pairs.push(
            accepting(name, good)
                .but_not(
                    "with a tilde",
                    "malformed_token",
                    segment(at, |part| format!("{part}~~~~")),
                )
                .but_not(
                    "with bits left over",
                    "malformed_token",
                    segment(at, with_bits_left_over),
                )
                .but_not(
                    "with a plus sign",
                    "malformed_token",
                    segment(at, |part| with_other(part, '+')),
                )
                .but_not(
                    "with a slash",
                    "malformed_token",
                    segment(at, |part| with_other(part, '/')),
                )
                .but_not(
                    "with a character too much",
                    "malformed_token",
                    segment(at, |part| part.to_owned() + &"A".repeat(5 - part.len() % 4)),
                ),
        );
    }
    pairs.push(
        accepting("a signature without padding", good)
            .but_not(
                "with it",
                "malformed_token",
                segment(2, |part| format!("{part}==")),
            )
            .but_not(
                "with too much of it",
                "malformed_token",
                segment(2, |part| format!("{part}====")),
            ),
    );
    pairs.push(
        // Every three of these characters take a digit in which the two alphabets differ.
        accepting("segments in base64url", || {
            good().token(|token| token.head("x5t", "???>>>???"))
        })
        .but_not(
            "in base64",
            "malformed_token",
            segments(|parts| {
                let parts = parts.iter().map(|part| {
                    let bytes = URL_SAFE_NO_PAD.decode(part).expect("it was encoded");
                    STANDARD_NO_PAD.encode(bytes)
                });
                parts.collect()
            }),
        )
        .but_not(
            "with white space in the header",
            "malformed_credentials",
            spelled(|token| token.replacen('.', " .", 1)),
        )
        .but_not(
            "with white space in the payload",
            "malformed_credentials",
            spelled(|token| token.replacen('.', ". ", 1)),
        )
        .but_not(
            "with a tab in the signature",
            "malformed_credentials",
            segment(2, |part| format!("{}\t{}", &part[..8], &part[8..])),
        ),
    );
    check(two_tenants(), &pairs);
}

/// The same bytes by a decoder that ignores the bits left over, or a character of them more.
fn with_bits_left_over(part: &str) -> String {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let padded = match part.len() % 4 {
        0 => return format!("{part}AB"),
        _ => part,
    };
    let (rest, last) = padded.split_at(padded.len() - 1);
    let digit = digits.find(last).expect("a digit of base64url");
    let next = digits.as_bytes()[digit ^ 1];
    format!("{rest}{}", char::from(next))
}

fn with_other(part: &str, digit: char) -> String {
    format!("{}{digit}{}", &part[..8], &part[9..])
}

#[test]
fn other_serializations_are_no_tokens() {
    let json_form = |general: bool| {
        spelled(move |token| {
            let parts: Vec<_> = token.split('.').collect();
            let signature = json!({"protected": parts[0], "signature": parts[2]});
            let document = match general {
                true => json!({"payload": parts[1], "signatures": [signature]}),
                false => json!({"payload": parts[1], "protected": parts[0], "signature": parts[2]}),
            };
            document.to_string()
        })
    };
    let encoded = spelled(|token| URL_SAFE_NO_PAD.encode(token));
    let jwe = spelled(|token| {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM","cty":"JWT"}"#);
        let rest: Vec<_> = token.split('.').collect();
        format!("{header}.{}.{}.{}.{}", rest[2], rest[0], rest[1], rest[2])
    });
    let detached = segment(1, |_| String::new());
    check(
        two_tenants(),
        &[accepting("the compact form", good)
            .but_not(
                "the flattened JSON form",
                "malformed_credentials",
                json_form(false),
            )
            .but_not(
                "the general JSON form",
                "malformed_credentials",
                json_form(true),
            )
            .but_not("an encrypted token", "malformed_token", jwe)
            .but_not("a detached payload", "malformed_token", detached)
            .but_not("base64url of the whole", "malformed_token", encoded)
            .but_not(
                "SAML",
                "malformed_token",
                spelled(|_| URL_SAFE_NO_PAD.encode("<Assertion Version=\"2.0\"/>")),
            )],
    );
}
