//! The signature layer against Project Wycheproof; `tests/fixtures/wycheproof/` says where the
//! vectors are from.

use std::path::PathBuf;

use serde_json::Value;

use super::super::super::super::token::decode;
use super::*;

/// What comes of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Verified,
    Refused,
    /// The key already is none of ours, whatever it signed.
    NoKey,
}

#[test]
fn each_vector_of_wycheproof_has_its_verdict() {
    let file = vectors();
    let mut verified = 0;
    let mut count = 0;

    for group in list(&file, "testGroups") {
        let key = key_of(group);
        for vector in list(group, "tests") {
            let verdict = match &key {
                None => Verdict::NoKey,
                Some(key) if verifies(key, vector) => Verdict::Verified,
                Some(_) => Verdict::Refused,
            };
            assert_eq!(verdict, expected(vector), "{vector}");
            count += 1;
            verified += usize::from(verdict == Verdict::Verified);
        }
    }

    assert_eq!(count, 259);
    assert_eq!(file["numberOfTests"], count);
    assert_eq!(verified, 7);
}

/// What the file says of a vector, and what we say where it leaves the choice.
fn expected(vector: &Value) -> Verdict {
    let flags: Vec<_> = list(vector, "flags")
        .iter()
        .map(|flag| flag.as_str().expect("flags are texts"))
        .collect();
    match (text(vector, "result"), &flags[..]) {
        ("valid", []) => Verdict::Verified,
        // Good signatures by keys with the exponent 3, which Entra does not use.
        ("valid", [_, "SmallPublicKey"]) => Verdict::NoKey,
        // RFC 8017 §A.2.4: the parameters of SHA-256 are NULL. What leaves them out is older.
        ("acceptable", ["MissingNull"]) => Verdict::Refused,
        ("invalid", [_, ..]) => Verdict::Refused,
        (result, flags) => panic!("nobody decided on {result} with {flags:?}"),
    }
}

fn verifies(key: &Key, vector: &Value) -> bool {
    let message = bytes(text(vector, "msg"));
    let signature = bytes(text(vector, "sig"));
    key.verify(message, &signature).is_ok()
}

fn key_of(group: &Value) -> Option<Key> {
    let number = |name| decode(text(&group["keyJwk"], name)).expect("base64url");
    Key::new(&number("n"), &number("e"))
}

fn vectors() -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures/wycheproof/rsa_signature_2048_sha256_test.json");
    let text = std::fs::read_to_string(path).expect("the vectors are there");
    serde_json::from_str(&text).expect("JSON")
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().expect("a list")
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().expect("a text")
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hex digit") as u8;
    let pairs = hex.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}
