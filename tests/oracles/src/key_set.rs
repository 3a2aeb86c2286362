//! A key set. What counts in it has to be a key of the right kind by a second reading, and to take
//! no more memory than its text allows.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stockade::auth::testing::{SigningKey, read_key_set, tenant_id};

use crate::Target;
use crate::json::Json;

/// The target `key-set`.
#[derive(Debug)]
pub struct KeySet;

impl Target for KeySet {
    fn name(&self) -> &'static str {
        "key-set"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let [first, second] = [SigningKey::first(), SigningKey::second()].map(|key| key.jwk());
        let mut twin = second.clone();
        twin["kid"] = first["kid"].clone();
        let mut other = second.clone();
        other["alg"] = "RS256".into();
        other["key_ops"] = vec!["verify"].into();
        other["issuer"] = "https://login.microsoftonline.com/{tenantid}/v2.0".into();
        other["x5c"] = vec!["AAAA"].into();
        [
            vec![&first],
            vec![&first, &second],
            vec![&first, &twin],
            vec![&other],
        ]
        .map(|keys| serde_json::json!({ "keys": keys }).to_string().into_bytes())
        .into()
    }

    fn words(&self) -> Vec<Vec<u8>> {
        let mut words = crate::owned(WORDS);
        words.push(tenant_id().to_string().into_bytes());
        words
    }

    fn run(&self, input: &[u8]) {
        let read = crate::within_bounds(input, read_key_set);
        let second = Json::read(input).filter(|set| set.depth() <= 16 && !set.has_twins());
        let entries = second.as_ref().and_then(|set| match set.member("keys") {
            Some(Json::List(entries)) => Some(entries),
            _ => None,
        });
        let Ok(read) = read else {
            let good = entries.into_iter().flatten().any(is_ours);
            let twins = entries.is_some_and(|entries| entries.len() > 1);
            assert!(
                !good || twins || is_not_serdes(input),
                "a good key is refused"
            );
            return;
        };
        let entries = entries.expect("what counts is strict JSON with a list of keys");
        assert!(read.keys.len() <= 256);
        assert!(read.keys.len() + read.dropped <= entries.len());
        assert!(
            read.keys.iter().any(|(_, why)| why.is_none()),
            "no key counts"
        );
        for (name, why) in &read.keys {
            let named: Vec<_> = entries
                .iter()
                .filter(|entry| is_key(entry) && text(entry, "kid") == Some(name))
                .collect();
            assert!(!named.is_empty(), "there is no such key");
            assert!(
                (1..=128).contains(&name.len())
                    && name.bytes().all(|byte| (0x21..=0x7e).contains(&byte)),
                "a name is not visible"
            );
            if why.is_none() {
                assert_eq!(named.len(), 1, "two keys have one name");
                assert!(is_of_this_issuer(named[0]), "the key is another issuer's");
            }
        }
    }
}

/// Whether an entry can be a key for RS256 signatures. A modulus may still be refused as none.
fn is_key(entry: &Json) -> bool {
    let absent = |name| entry.member(name).is_none();
    let decoded = |name| {
        let decoded = text(entry, name).map(|text| URL_SAFE_NO_PAD.decode(text));
        decoded.and_then(Result::ok).unwrap_or_default()
    };
    let modulus = decoded("n");
    let bits = 8 * modulus.len()
        - modulus
            .first()
            .map_or(0, |first| first.leading_zeros() as usize);
    text(entry, "kty") == Some("RSA")
        && text(entry, "use") == Some("sig")
        && (absent("alg") || text(entry, "alg") == Some("RS256"))
        && (absent("key_ops") || verifies(entry))
        && absent("d")
        && decoded("e") == [1, 0, 1]
        && modulus.first() != Some(&0)
        && (2048..=8192).contains(&bits)
}

fn verifies(entry: &Json) -> bool {
    match entry.member("key_ops") {
        Some(Json::List(ops)) => ops.iter().any(|op| op.text() == Some("verify")),
        _ => false,
    }
}

fn is_of_this_issuer(entry: &Json) -> bool {
    let tenant = tenant_id();
    let issuer = text(entry, "issuer").map(|issuer| issuer.replace("{tenantid}", tenant.as_str()));
    let cloud = text(entry, "cloud_instance_name");
    issuer == Some(format!("https://login.microsoftonline.com/{tenant}/v2.0"))
        && cloud.is_none_or(|cloud| cloud == "microsoftonline.com")
}

/// Whether an entry is the first key as the tenant publishes it.
fn is_ours(entry: &Json) -> bool {
    static OURS: LazyLock<Option<Json>> =
        LazyLock::new(|| Json::read(SigningKey::first().jwk().to_string().as_bytes()));
    Some(entry) == OURS.as_ref()
}

fn text<'j>(entry: &'j Json, name: &str) -> Option<&'j str> {
    entry.member(name).and_then(Json::text)
}

/// Whether `serde_json` refuses a text that the second reader takes: numbers beyond all bounds.
fn is_not_serdes(text: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(text).is_err()
}

const WORDS: &[&str] = &[
    "keys",
    "kty",
    "RSA",
    "EC",
    "oct",
    "use",
    "sig",
    "enc",
    "alg",
    "RS256",
    "key_ops",
    "verify",
    "sign",
    "kid",
    "first-key",
    "second-key",
    "n",
    "e",
    "AQAB",
    "Aw",
    "d",
    "x5c",
    "x5t",
    "issuer",
    "{tenantid}",
    "cloud_instance_name",
    "microsoftonline.com",
    "microsoftonline.us",
    "https://login.microsoftonline.com/",
    "/v2.0",
    "\":\"",
    "\",\"",
    "\":[\"",
    "},{",
    "[]",
    "\"\"",
    "{}",
    "null",
    "\\u0064",
];
