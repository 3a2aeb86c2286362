//! Where a token belongs: one `Authorization` header, and nowhere else (RFC 6750 §2.1).

use super::call::{Call, Outer, Way};
use super::change::good;
use super::table::{accepting, check};
use super::world::{MAX_TOKEN, token, two_tenants};

/// The good call with its token presented in another way.
fn presented(present: impl Fn(Outer, &str) -> Outer + Clone + 'static) -> impl Fn(Call) -> Call {
    move |call| call.presented(present.clone())
}

/// The good call with another `Authorization` header, in which `*` stands for the token.
fn header(pattern: &'static str) -> impl Fn(Call) -> Call {
    presented(move |outer, token| outer.header("Authorization", &pattern.replace('*', token)))
}

/// The good call with its token in another header.
fn instead(name: &'static str, pattern: &'static str) -> impl Fn(Call) -> Call {
    presented(move |outer, token| outer.header(name, &pattern.replace('*', token)))
}

#[test]
fn a_token_counts_in_the_authorization_header_alone() {
    check(
        two_tenants(),
        &[
            accepting("a token in its header", good)
                .but_not(
                    "no token at all",
                    "missing_token",
                    presented(|outer, _| outer),
                )
                .but_not(
                    "a token in the query",
                    "missing_token",
                    presented(|outer, token| outer.query(&format!("access_token={token}"))),
                )
                .but_not(
                    "a token in the query under its header's name",
                    "missing_token",
                    presented(|outer, token| {
                        outer.query(&format!("Authorization=Bearer%20{token}"))
                    }),
                )
                .but_not(
                    "a token in a cookie",
                    "missing_token",
                    instead("Cookie", "access_token=*"),
                )
                .but_not(
                    "a token in an App Service cookie",
                    "missing_token",
                    instead("Cookie", "AppServiceAuthSession=*"),
                )
                .but_not(
                    "a token for a proxy",
                    "missing_token",
                    instead("Proxy-Authorization", "Bearer *"),
                )
                .but_not(
                    "a token in X-Authorization",
                    "missing_token",
                    instead("X-Authorization", "Bearer *"),
                )
                .but_not(
                    "a token in X-Original-Authorization",
                    "missing_token",
                    instead("X-Original-Authorization", "Bearer *"),
                )
                .but_not(
                    "a token in X-Forwarded-Authorization",
                    "missing_token",
                    instead("X-Forwarded-Authorization", "Bearer *"),
                )
                .but_not(
                    "a token in X-Access-Token",
                    "missing_token",
                    instead("X-Access-Token", "*"),
                )
                .but_not(
                    "a token in X-ZUMO-AUTH",
                    "missing_token",
                    instead("X-ZUMO-AUTH", "*"),
                )
                .but_not(
                    "a token of App Service",
                    "missing_token",
                    instead("X-MS-TOKEN-AAD-ACCESS-TOKEN", "*"),
                )
                .but_not(
                    "a token as a function key",
                    "missing_token",
                    instead("x-functions-key", "*"),
                )
                .but_not(
                    "a header with an underscore",
                    "missing_token",
                    instead("Authorization_", "Bearer *"),
                )
                .but_not(
                    "a token in WWW-Authenticate",
                    "missing_token",
                    instead("WWW-Authenticate", "Bearer *"),
                ),
            accepting("a token in its header before a body", good)
                .but_not(
                    "a token in a form",
                    "missing_token",
                    presented(|outer, token| {
                        let form = format!("access_token={token}");
                        outer.body("application/x-www-form-urlencoded", &form)
                    }),
                )
                .but_not(
                    "a token in a document",
                    "missing_token",
                    presented(|outer, token| {
                        let document = format!(
                            r#"{{"access_token":"{token}","Authorization":"Bearer {token}"}}"#
                        );
                        outer.body("application/json", &document)
                    }),
                )
                .only(&[Way::Envelope]),
        ],
    );
}

#[test]
fn the_scheme_is_bearer_in_any_case_and_one_space_follows() {
    check(
        two_tenants(),
        &[
            accepting("the scheme as it is written", || header("Bearer *")(good()))
                .but_not("another scheme", "not_bearer", header("Basic *"))
                .but_not("DPoP", "not_bearer", header("DPoP *"))
                .but_not("PoP", "not_bearer", header("PoP *"))
                .but_not("Negotiate", "not_bearer", header("Negotiate *"))
                .but_not(
                    "a scheme that begins alike",
                    "not_bearer",
                    header("Bearers *"),
                )
                .but_not("a scheme cut short", "not_bearer", header("Beare *"))
                .but_not("no scheme", "not_bearer", header("*"))
                .but_not(
                    "a colon after the scheme",
                    "not_bearer",
                    header("Bearer: *"),
                )
                .but_not(
                    "an equals sign after the scheme",
                    "not_bearer",
                    header("Bearer=*"),
                )
                .but_not("a tab after the scheme", "not_bearer", header("Bearer\t*"))
                .but_not("nothing between", "not_bearer", header("Bearer*"))
                .but_not("two spaces", "malformed_credentials", header("Bearer  *"))
                .but_not(
                    "a space and a tab",
                    "malformed_credentials",
                    header("Bearer \t*"),
                )
                .but_not(
                    "the scheme alone",
                    "malformed_credentials",
                    header("Bearer"),
                )
                .but_not(
                    "the scheme twice",
                    "malformed_credentials",
                    header("Bearer Bearer *"),
                )
                .but_not("an empty header", "not_bearer", header("")),
            accepting("the scheme in lower case", || header("bearer *")(good())),
            accepting("the scheme in upper case", || header("BEARER *")(good())),
            accepting("the scheme in a mixture", || header("bEaReR *")(good())),
            accepting("the header's name in lower case", || {
                instead("authorization", "Bearer *")(good())
            }),
            accepting("the header's name in upper case", || {
                instead("AUTHORIZATION", "Bearer *")(good())
            }),
            // Optional white space around a value is not part of it (RFC 9110 §5.5).
            accepting("spaces around the value", || header("  Bearer *  ")(good())),
        ],
    );
}

#[test]
fn one_header_with_one_token_and_nothing_beside_it() {
    let twice = |first: &'static str, second: &'static str| {
        presented(move |outer, token| {
            let outer = outer.header("Authorization", &first.replace('*', token));
            outer.header("Authorization", &second.replace('*', token))
        })
    };
    // The host joins lines of one name with a comma; its envelope keeps them apart.
    let apart = ["malformed_credentials", "several_credentials"];
    check(
        two_tenants(),
        &[
            accepting("one header", good)
                .but_not_by("the same one twice", apart, twice("Bearer *", "Bearer *"))
                .but_not_by("another after it", apart, twice("Bearer *", "Bearer a.b.c"))
                .but_not_by("Basic after it", apart, twice("Bearer *", "Basic YTpi"))
                .but_not_by(
                    "Basic before it",
                    ["not_bearer", "several_credentials"],
                    twice("Basic YTpi", "Bearer *"),
                )
                .but_not_by(
                    "an empty one before it",
                    ["not_bearer", "several_credentials"],
                    twice("", "Bearer *"),
                ),
            accepting("one token", good)
                .but_not(
                    "a list of two",
                    "malformed_credentials",
                    header("Bearer *, Bearer *"),
                )
                .but_not(
                    "a list of two without their schemes",
                    "malformed_credentials",
                    header("Bearer *,*"),
                )
                .but_not(
                    "a list with an empty end",
                    "malformed_credentials",
                    header("Bearer *,"),
                )
                .but_not(
                    "two with a space between",
                    "malformed_credentials",
                    header("Bearer * *"),
                )
                .but_not(
                    "a parameter after it",
                    "malformed_credentials",
                    header("Bearer *; charset=utf-8"),
                )
                .but_not(
                    "quotes around it",
                    "malformed_credentials",
                    header("Bearer \"*\""),
                )
                .but_not(
                    "its name before it",
                    "malformed_credentials",
                    header("Bearer token=*"),
                )
                .but_not("escapes in it", "malformed_credentials", |call| {
                    call.token(|token| token.spelled(|token| token.replace('.', "%2E")))
                })
                .but_not("padding after it", "malformed_token", header("Bearer *=="))
                .but_not(
                    "padding before it",
                    "malformed_credentials",
                    header("Bearer ==*"),
                ),
        ],
    );
}

#[test]
fn what_the_host_would_stop_is_stopped_by_the_handler_too() {
    let apart = |call: Call| call.directly();
    let two_names = presented(|outer, token| {
        let outer = outer.header("Authorization", &format!("Bearer {token}"));
        outer.header("authorization", &format!("Bearer {token}"))
    });
    let pairs = [
        accepting("a token straight to the handler", move || apart(good()))
            .but_not("no token", "missing_token", presented(|outer, _| outer))
            .but_not("the same header twice", "several_credentials", |call| {
                call.presented(|outer, token| outer.bearer(token).bearer(token))
            })
            .but_not(
                "the header under two spellings",
                "several_credentials",
                two_names,
            )
            .but_not(
                "a letter that is not ASCII",
                "malformed_credentials",
                |call| call.token(|token| token.spelled(|token| format!("{token}é"))),
            )
            .but_not(
                "a full stop that looks like one",
                "malformed_credentials",
                |call| call.token(|token| token.spelled(|token| token.replace('.', "\u{2024}"))),
            )
            .but_not(
                "a space that is not ASCII",
                "not_bearer",
                header("Bearer\u{a0}*"),
            )
            .but_not(
                "a scheme in wide letters",
                "not_bearer",
                header("Ｂearer *"),
            )
            .but_not(
                "a scheme with a dotless i beside it",
                "not_bearer",
                header("Bearerı *"),
            )
            .but_not("a token of twenty kilobytes", "token_too_long", |call| {
                call.token(|token| token.spelled(|token| token + &"A".repeat(20_000)))
            }),
    ];
    check(two_tenants(), &pairs);
}

#[test]
fn a_token_may_be_as_long_as_the_limit_and_no_longer() {
    let longest: usize = MAX_TOKEN.parse().expect("a number");
    let of_length = |length: usize| {
        move || {
            // Four characters stand for three bytes, so the header helps to hit the length.
            let of = |head: usize, pad: usize| {
                let draft = token().head("x5t", "x".repeat(head + 4));
                draft.claim("groups", "x".repeat(pad))
            };
            let about = (length - of(0, 0).length()) / 4 * 3;
            let lengths =
                (0..4).flat_map(|head| (about - 8..about + 8).map(move |pad| (head, pad)));
            let mut drafts = lengths.map(|(head, pad)| of(head, pad));
            let token = drafts.find(|draft| draft.length() == length);
            Call::with(two_tenants, token.expect("one of them has this length"))
        }
    };
    let one_more = of_length(longest + 1);
    check(
        two_tenants(),
        &[
            accepting("a token of exactly the greatest length", of_length(longest)).but_not(
                "one byte more",
                "token_too_long",
                move |_| one_more(),
            ),
        ],
    );
}
