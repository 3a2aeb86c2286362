//! What holds for every text.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::super::super::testing::{
    AUDIENCE, CLIENT, START, SigningKey, TestTenant, TestToken, tenant_id,
};
use super::{Harness, OTHER_GUID};

/// The rule that a token breaks, by a check on a runtime of its own, as properties are not async.
fn outcome_of(token: &str) -> &'static str {
    static SHARED: LazyLock<(Runtime, Harness)> = LazyLock::new(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build();
        (runtime.expect("a runtime"), Harness::new(&[]))
    });
    let (runtime, harness) = &*SHARED;
    runtime.block_on(harness.outcome_of(token))
}

/// One change to a text.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Replace(Index, char),
    Insert(Index, char),
    Delete(Index),
    Repeat(Index),
    Swap(Index, Index),
    Cut(Index),
    /// Changes of whole segments.
    SwapSegments(usize, usize),
    RepeatSegment(usize),
    DropSegment(usize),
    CopySegment(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let letter = || prop::sample::select("ABCDwxyz0189-_.=+/ %\n\0é".chars().collect::<Vec<_>>());
    prop_oneof![
        (at(), 0..7_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), letter()).prop_map(|(at, letter)| Change::Replace(at, letter)),
        (at(), letter()).prop_map(|(at, letter)| Change::Insert(at, letter)),
        at().prop_map(Change::Delete),
        at().prop_map(Change::Repeat),
        (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        at().prop_map(Change::Cut),
        (0..3_usize, 0..3_usize).prop_map(|(one, other)| Change::SwapSegments(one, other)),
        (0..3_usize).prop_map(Change::RepeatSegment),
        (0..3_usize).prop_map(Change::DropSegment),
        (0..3_usize, 0..3_usize).prop_map(|(from, to)| Change::CopySegment(from, to)),
    ]
}

impl Change {
    /// The changed text. `token` is ASCII.
    fn of(&self, token: &str) -> String {
        let mut chars: Vec<char> = token.chars().collect();
        let mut segments: Vec<_> = token.split('.').collect();
        match self {
            Self::Flip(at, bit) => {
                let at = at.index(chars.len());
                chars[at] = char::from(chars[at] as u8 ^ (1 << bit));
            }
            Self::Replace(at, letter) => chars[at.index(token.len())] = *letter,
            Self::Insert(at, letter) => chars.insert(at.index(token.len()), *letter),
            Self::Delete(at) => drop(chars.remove(at.index(token.len()))),
            Self::Repeat(at) => {
                let at = at.index(chars.len());
                chars.insert(at, chars[at]);
            }
            Self::Swap(one, other) => chars.swap(one.index(token.len()), other.index(token.len())),
            Self::Cut(at) => chars.truncate(at.index(token.len())),
            Self::SwapSegments(one, other) => {
                segments.swap(*one, *other);
                return segments.join(".");
            }
            Self::RepeatSegment(at) => {
                segments.insert(*at, segments[*at]);
                return segments.join(".");
            }
            Self::DropSegment(at) => {
                segments.remove(*at);
                return segments.join(".");
            }
            Self::CopySegment(from, to) => {
                segments[*to] = segments[*from];
                return segments.join(".");
            }
        }
        chars.into_iter().collect()
    }
}

/// Any JSON, not too large.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A value for a claim or a header member: often one that is right somewhere.
fn telling() -> impl Strategy<Value = Value> {
    let tenant = tenant_id();
    let known = [
        json!(AUDIENCE),
        json!(CLIENT),
        json!(OTHER_GUID),
        json!(tenant.as_str()),
        json!(format!("https://login.microsoftonline.com/{tenant}/v2.0")),
        json!(format!("https://sts.windows.net/{tenant}/")),
        json!("1.0"),
        json!("2.0"),
        json!("app"),
        json!("user"),
        json!(""),
        json!("Orders.Read"),
        json!([]),
        json!(["Orders.Read.All"]),
        json!([7]),
        json!(0),
        json!(START - 60),
        json!(START - 59),
        json!(START + 60),
        json!(START + 61),
        json!(253_402_300_799_u64),
        json!(253_402_300_800_u64),
        json!(START as f64),
        json!("RS256"),
        json!("JWT"),
        json!("first-key"),
        json!("second-key"),
    ];
    prop_oneof![4 => prop::sample::select(known.to_vec()), 1 => any_json()]
}

/// Members to set, or to take away.
fn edits(
    names: &'static [&'static str],
) -> impl Strategy<Value = Vec<(&'static str, Option<Value>)>> {
    let edit = (
        prop::sample::select(names),
        prop_oneof![1 => Just(None), 4 => telling().prop_map(Some)],
    );
    prop::collection::vec(edit, 0..4)
}

const HEADER_NAMES: &[&str] = &[
    "alg", "typ", "kid", "x5t", "crit", "b64", "zip", "enc", "cty", "jwk", "jku", "x5u", "x5c",
    "nonce", "other",
];

const CLAIM_NAMES: &[&str] = &[
    "ver", "iss", "tid", "aud", "azp", "appid", "exp", "nbf", "iat", "oid", "sub", "idtyp", "scp",
    "roles", "cnf", "nonce", "at_hash", "c_hash", "other",
];

fn edited(mut token: Value, edits: &[(&str, Option<Value>)]) -> Map<String, Value> {
    let members = token.as_object_mut().expect("an object");
    for (name, value) in edits {
        match value {
            Some(value) => drop(members.insert((*name).to_owned(), value.clone())),
            None => drop(members.remove(*name)),
        }
    }
    std::mem::take(members)
}

fn parts(token: &TestToken) -> [Value; 2] {
    let input = token.signing_input();
    let (header, payload) = input.split_once('.').expect("two segments");
    [header, payload].map(|part| {
        let text = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice(&text).expect("JSON")
    })
}

fn signed_by(key: &SigningKey, header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
    let part = |part| URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).expect("JSON"));
    let signed = format!("{}.{}", part(header), part(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign(&signed)))
}

/// The rules once more, over `serde_json`'s values and in no order.
fn is_good(header: &Map<String, Value>, claims: &Map<String, Value>) -> bool {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let date = |name: &str| claims.get(name).and_then(Value::as_u64);
    let absent = |name: &&str| !claims.contains_key(*name);
    let is_text_or_absent = |name: &&str| claims.get(*name).is_none_or(Value::is_string);
    let is_id = |name: &&str| {
        let visible = |text: &str| text.bytes().all(|byte| byte > b' ' && byte < 0x7f);
        text(name).is_none_or(|text| visible(text) && (1..=256).contains(&text.len()))
    };
    let roles_are_texts = claims.get("roles").is_none_or(|roles| {
        let roles = roles.as_array();
        roles.is_some_and(|roles| roles.iter().all(Value::is_string))
    });
    let has_roles = claims.get("roles").is_some_and(|roles| roles != &json!([]));
    let application = match claims.get("idtyp") {
        Some(kind) => kind == "app",
        None => {
            !claims.contains_key("scp")
                && has_roles
                && claims.contains_key("oid")
                && claims.get("oid") == claims.get("sub")
        }
    };
    let (Some(exp), Some(nbf), Some(iat)) = (date("exp"), date("nbf"), date("iat")) else {
        return false;
    };
    let tenant = tenant_id();

    header.get("alg") == Some(&json!("RS256"))
        && header.get("typ") == Some(&json!("JWT"))
        && header.get("kid") == Some(&json!("first-key"))
        && HEADER_NAMES[4..14]
            .iter()
            .all(|name| !header.contains_key(*name))
        && text("ver") == Some("2.0")
        && text("iss") == Some(&format!("https://login.microsoftonline.com/{tenant}/v2.0"))
        && text("tid") == Some(tenant.as_str())
        && text("aud") == Some(AUDIENCE)
        && text("azp").is_some_and(|client| !client.is_empty())
        && ["appid", "idtyp", "scp", "oid", "sub"]
            .iter()
            .all(is_text_or_absent)
        && ["oid", "sub"].iter().all(is_id)
        && (text("oid").is_some() || text("sub").is_some())
        && roles_are_texts
        && [exp, nbf, iat].iter().all(|date| *date <= 253_402_300_799)
        && exp > START - 60
        && nbf <= exp
        && nbf <= START + 60
        && iat <= START + 60
        && ["cnf", "nonce", "at_hash", "c_hash"].iter().all(absent)
        && !(application && claims.contains_key("scp"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_is_a_token_by_chance(text in "\\PC{0,300}") {
        prop_assert_ne!(outcome_of(&text), "accepted");
    }

    #[test]
    fn no_three_segments_are_a_token_by_chance(
        token in "[A-Za-z0-9_-]{1,60}\\.[A-Za-z0-9_-]{1,200}\\.[A-Za-z0-9_-]{1,342}",
    ) {
        prop_assert_ne!(outcome_of(&token), "accepted");
    }

    #[test]
    fn a_good_token_with_anything_changed_is_refused(
        changes in prop::collection::vec(change(), 1..3),
    ) {
        static GOOD: LazyLock<String> = LazyLock::new(|| TestTenant::new().token().sign());
        let mut token = GOOD.clone();
        for change in &changes {
            if token.is_ascii() && token.split('.').count() == 3 {
                token = change.of(&token);
            }
        }
        prop_assume!(token != *GOOD);

        prop_assert_ne!(outcome_of(&token), "accepted");
    }

    #[test]
    fn nothing_unsigned_is_accepted(
        claims in prop::collection::btree_map("(scp|roles|oid|iss|aud|x)", "[a-z]{0,8}", 0..4),
        signature in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let mut token = TestTenant::new().token();
        for (name, value) in claims {
            token = token.claim(&name, value);
        }
        let token = format!("{}.{}", token.signing_input(), URL_SAFE_NO_PAD.encode(signature));

        prop_assert_ne!(outcome_of(&token), "accepted");
    }

    #[test]
    fn nothing_that_a_foreign_key_signed_is_accepted(
        header in edits(HEADER_NAMES),
        claims in edits(CLAIM_NAMES),
    ) {
        let [good_header, good_claims] = parts(&TestTenant::new().token());
        let (header, claims) = (edited(good_header, &header), edited(good_claims, &claims));
        let token = signed_by(&SigningKey::second(), &header, &claims);

        prop_assert_ne!(outcome_of(&token), "accepted");
    }

    #[test]
    fn what_our_key_signed_is_accepted_exactly_if_every_rule_holds(
        application in any::<bool>(),
        header in edits(HEADER_NAMES),
        claims in edits(CLAIM_NAMES),
    ) {
        let token = TestTenant::new().token();
        let token = if application { token.application("Orders.Read.All") } else { token };
        let [good_header, good_claims] = parts(&token);
        let (header, claims) = (edited(good_header, &header), edited(good_claims, &claims));
        let token = signed_by(&SigningKey::first(), &header, &claims);

        let outcome = outcome_of(&token);

        prop_assert_eq!(outcome == "accepted", is_good(&header, &claims), "{}", outcome);
    }
}
