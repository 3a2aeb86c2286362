//! Keys: what they sign verifies, what was encrypted for them is decrypted, and what the vault does not do
//! comes to a status and a reason.

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stockade_tests::{Answer, Host, Request};

use crate::vault::{PublicKey, admin, fault};
use crate::{error_of, setup};

/// A host whose vault has the app's key.
fn host_with(kty: &str) -> Host {
    let host = setup().start();
    make_key(&host, kty);
    host
}

/// Adds a version of the app's key.
fn make_key(host: &Host, kty: &str) {
    admin(host, "PUT", "keys/orders", &json!({"kty": kty}));
}

fn sign(host: &Host, algorithm: &str, text: &str) -> Answer {
    let message = json!({"algorithm": algorithm, "text": text});
    Request::post("/api/sign").json(&message).send(host.port)
}

fn decrypt(host: &Host, version: &str, value: &[u8]) -> Answer {
    let value = URL_SAFE_NO_PAD.encode(value);
    let sealed = json!({"version": version, "value": value});
    Request::post("/api/decrypt").json(&sealed).send(host.port)
}

/// The version and the bytes of a signature.
fn signature(answer: &Answer) -> (String, Vec<u8>) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let signed: Value = answer.json();
    let text = |member: &str| signed[member].as_str().expect("a text").to_owned();
    let bytes = URL_SAFE_NO_PAD.decode(text("signature"));
    (text("version"), bytes.expect("base64url"))
}

#[test]
fn a_signature_verifies_with_the_public_half_that_the_vault_publishes_and_for_its_message_alone() {
    let host = host_with("RSA");
    let key = PublicKey::of(&host, "orders");
    for (algorithm, check) in [
        ("RS256", &RSA_PKCS1_2048_8192_SHA256),
        ("RS384", &RSA_PKCS1_2048_8192_SHA384),
        ("RS512", &RSA_PKCS1_2048_8192_SHA512),
        ("PS256", &RSA_PSS_2048_8192_SHA256),
        ("PS384", &RSA_PSS_2048_8192_SHA384),
        ("PS512", &RSA_PSS_2048_8192_SHA512),
    ] {
        let (version, signature) = signature(&sign(&host, algorithm, "order 7"));

        assert_eq!(version, key.version(), "{algorithm}");
        assert!(
            key.verifies_rsa(check, "order 7", &signature),
            "{algorithm}"
        );
        assert!(
            !key.verifies_rsa(check, "order 8", &signature),
            "{algorithm}"
        );
    }
    // After a rotation the latest version signs, here one of another kind.
    make_key(&host, "EC");
    let (version, signature) = signature(&sign(&host, "ES256", "order 7"));
    let rotated = PublicKey::of(&host, "orders");
    assert_ne!(version, key.version());
    assert_eq!(version, rotated.version());
    assert!(rotated.verifies_es256("order 7", &signature));
    assert!(!rotated.verifies_es256("order 8", &signature));
}

#[test]
fn what_was_encrypted_with_the_public_half_is_decrypted_and_nothing_else_is() {
    let host = host_with("RSA");
    let key = PublicKey::of(&host, "orders");
    let public = OaepPublicEncryptingKey::new(key.encrypting()).expect("a key of 2048 bits");
    let mut room = vec![0; public.ciphertext_size()];
    let sealed = public.encrypt(&OAEP_SHA256_MGF1SHA256, PLAINTEXT, &mut room, None);
    let sealed = sealed.expect("it is short enough").to_vec();
    let spoilt = |at: usize| {
        let mut spoilt = sealed.clone();
        spoilt[at] ^= 1;
        spoilt
    };

    make_key(&host, "RSA");
    let right = decrypt(&host, &key.version(), &sealed);
    let other = PublicKey::of(&host, "orders").version();
    let wrong = [
        ("spoilt", decrypt(&host, &key.version(), &spoilt(200))),
        ("cut", decrypt(&host, &key.version(), &sealed[1..])),
        ("of another version", decrypt(&host, &other, &sealed)),
    ];

    assert_eq!(right.text(), format!("{} ends", PLAINTEXT.len()));
    for (row, answer) in wrong {
        assert_eq!(answer.status, 422, "{row}: {answer:?}");
        assert_eq!(answer.json()["code"], "undecryptable", "{row}");
    }
    let plaintext = std::str::from_utf8(PLAINTEXT).expect("a text");
    let output = host.stop();
    assert!(!output.iter().any(|line| line.contains(plaintext)));
}

#[test]
fn while_the_vault_does_not_do_it_a_call_may_be_tried_again_and_the_log_says_why() {
    let host = host_with("EC");
    let faults = [
        (json!({"kind": "throttled"}), "throttling"),
        (json!({"kind": "status", "status": 503}), "out of order"),
        (json!({"kind": "garbage"}), "malformed"),
        (json!({"kind": "truncated"}), "malformed"),
        (json!({"kind": "huge"}), "too large"),
        (json!({"kind": "other-name"}), "the key of another name"),
        (json!({"kind": "foreign-resource"}), "not a vault's"),
        (json!({"kind": "down"}), "no connection"),
    ];
    for (wanted, why) in faults {
        fault(&host, &wanted);
        is_to_be_tried_again(&host, why);
        fault(&host, &json!({"kind": "none"}));
        assert_eq!(sign(&host, "ES256", "order").status, 200, "{wanted}");
    }
    for (wrong, right, why) in [
        ("deny", "allow", "Key Vault Crypto User"),
        ("disable", "enable", "disabled"),
    ] {
        let change = |verb: &str| {
            // What is denied is denied by name, whatever has it; the rest is of the key.
            let of = if matches!(verb, "deny" | "allow") {
                "secrets"
            } else {
                "keys"
            };
            admin(&host, "POST", &format!("{of}/orders/{verb}"), &json!({}));
        };
        change(wrong);
        is_to_be_tried_again(&host, why);
        change(right);
        assert_eq!(sign(&host, "ES256", "order").status, 200, "{right}");
    }
    admin(&host, "DELETE", "keys/orders", &Value::Null);
    is_to_be_tried_again(&host, "no such key");
}

fn is_to_be_tried_again(host: &Host, why: &str) {
    let answer = sign(host, "ES256", "order");
    assert_eq!(answer.status, 503, "{why}: {answer:?}");
    assert!(answer.header("Retry-After").is_some(), "{why}");
    let error = error_of(host, &answer);
    assert!(error.contains("the key `orders`"), "{error}");
    assert!(error.contains(why), "{why}: {error}");
}

#[test]
fn a_key_of_another_kind_than_the_algorithm_is_a_failure_that_no_repetition_mends() {
    let host = host_with("EC");

    let answer = sign(&host, "RS256", "order");

    assert_eq!(answer.status, 500, "{answer:?}");
    let error = error_of(&host, &answer);
    assert!(error.contains("does not fit the key's kind"), "{error}");
}

#[test]
fn a_slow_vault_holds_a_call_no_longer_than_its_deadline() {
    let host = setup()
        .setting("STOCKADE__LIMITS__DEADLINE_SECONDS", "1")
        .start();
    make_key(&host, "EC");
    assert_eq!(sign(&host, "ES256", "order").status, 200);
    fault(&host, &json!({"kind": "slow", "seconds": 600}));

    let answer = sign(&host, "ES256", "order");

    assert_eq!(answer.status, 504, "{answer:?}");
    fault(&host, &json!({"kind": "none"}));
    assert_eq!(sign(&host, "ES256", "order").status, 200);
}

const PLAINTEXT: &[u8] = b"a plaintext that no line of any log ends";
