use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::azure::testing::{
    Answer, CHALLENGE, Source, StandIn, VAULT_HOST, VERSION, challenge, signed_in, token,
    vault_that,
};

const NAME: ObjectName = ObjectName::new("order-signing").expect("a name");
const PINNED: ObjectVersion = ObjectVersion::new(VERSION).expect("a version");

/// An id of a key; ids name the port of a vault that has one of its own, which a stand-in learns from
/// the request.
fn id(request: &str, path: &str) -> String {
    let host = request
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("a host");
    format!("https://{host}/{path}")
}

fn right_id(request: &str) -> String {
    id(request, &format!("keys/Order-Signing/{VERSION}"))
}

fn done(request: &str, bytes: &[u8]) -> Answer {
    Answer::json(&json!({
        "kid": right_id(request),
        "value": URL_SAFE_NO_PAD.encode(bytes),
    }))
}

async fn sign(vault: &StandIn, version: Option<ObjectVersion>) -> Result<Signature, KeyError> {
    let keys = vault.keys(signed_in());
    keys.sign(NAME, version, SigningAlgorithm::Es256, &[7; 32])
        .await
}

async fn decrypt(vault: &StandIn) -> Result<Decrypted, KeyError> {
    let keys = vault.keys(signed_in());
    keys.decrypt(NAME, PINNED, DecryptionAlgorithm::RsaOaep256, &[9; 256])
        .await
}

/// The JSON in the body of a request.
fn sent(request: &str) -> Value {
    let (_, body) = request.split_once("\r\n\r\n").expect("a whole head");
    serde_json::from_str(body).expect("JSON")
}

#[tokio::test]
async fn a_token_that_the_vault_refuses_is_not_brought_again() {
    let vault = StandIn::https(&[VAULT_HOST], |request, _| {
        if request.contains("authorization: bearer the-token-1") {
            done(request, &[1; 64])
        } else {
            challenge(CHALLENGE)
        }
    })
    .await;
    let source =
        Source::new(|before| async move { Ok(token(&format!("the-token-{before}"), 3600)) });
    let keys = vault.keys(source.clone());
    let sign = || keys.sign(NAME, None, SigningAlgorithm::Es256, &[7; 32]);

    assert!(sign().await.is_err());
    assert!(sign().await.is_ok());
    assert_eq!(source.asked().len(), 2);
}

#[tokio::test]
async fn a_digest_is_signed_by_the_latest_version_which_the_answer_names() {
    let vault = vault_that(|request| done(request, &[1; 64])).await;

    let signature = sign(&vault, None).await.expect("a signature");

    assert_eq!(signature.as_bytes(), [1; 64]);
    assert_eq!(signature.version().as_str(), VERSION);
    let request = vault.requests().pop().expect("a request");
    assert!(request.starts_with("post /keys/order-signing//sign?api-version="));
    let digest = URL_SAFE_NO_PAD.encode([7; 32]);
    assert_eq!(sent(&request), json!({"alg": "ES256", "value": digest}));
}

#[tokio::test]
async fn a_ciphertext_is_decrypted_by_its_own_version() {
    let vault = vault_that(|request| done(request, b"the plaintext")).await;

    let plaintext = decrypt(&vault).await.expect("a plaintext");

    assert_eq!(plaintext.expose_secret(), b"the plaintext");
    let request = vault.requests().pop().expect("a request");
    let path = format!("post /keys/order-signing/{VERSION}/decrypt?api-version=");
    assert!(request.starts_with(&path));
    assert_eq!(sent(&request)["alg"], "RSA-OAEP-256");
}

#[tokio::test]
async fn the_token_and_what_is_to_be_signed_leave_only_after_the_challenge() {
    let vault = vault_that(|request| done(request, &[1; 64])).await;
    let source = Source::new(|_| async { Ok(token("the-token", 3600)) });

    let keys = vault.keys(source.clone());
    let signed = keys.sign(NAME, None, SigningAlgorithm::Es256, &[7; 32]);
    signed.await.expect("a signature");

    let requests = vault.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[0].ends_with("\r\n\r\n") && !requests[0].contains("bearer"));
    assert!(requests[1].contains("authorization: bearer the-token\r\n"));
    assert_eq!(source.asked(), ["https://vault.localhost/.default"]);
}

/// What an answer to this request calls its key.
type Kid = fn(&str) -> Value;

#[tokio::test]
async fn an_answer_about_anything_but_the_key_that_was_asked_for_is_malformed() {
    let other = VERSION.replace('0', "f");
    let rows: [(&str, Kid); 8] = [
        ("another name", |request| {
            json!(id(request, &format!("keys/order-signin/{VERSION}")))
        }),
        ("a secret", |request| {
            json!(id(request, &format!("secrets/order-signing/{VERSION}")))
        }),
        ("no version", |request| {
            json!(id(request, "keys/order-signing"))
        }),
        ("no such version", |request| {
            json!(id(request, "keys/order-signing/latest"))
        }),
        ("another vault", |_| {
            json!(format!(
                "https://elsewhere.vault.localhost/keys/order-signing/{VERSION}"
            ))
        }),
        ("another port", |_| {
            json!(format!(
                "https://{VAULT_HOST}:1/keys/order-signing/{VERSION}"
            ))
        }),
        ("no address", |_| json!("order-signing")),
        ("nothing", |_| Value::Null),
    ];
    for (row, kid) in rows {
        let vault = vault_that(move |request| {
            Answer::json(&json!({"kid": kid(request), "value": URL_SAFE_NO_PAD.encode([1; 64])}))
        })
        .await;
        let wrong = sign(&vault, None).await;
        assert!(
            matches!(wrong, Err(KeyError::Vault(VaultError::Malformed(_)))),
            "{row}: {wrong:?}"
        );
    }

    let vault = vault_that(|request| done(request, &[1; 64])).await;
    let pinned = sign(&vault, ObjectVersion::new(&other)).await;
    assert!(matches!(
        pinned,
        Err(KeyError::Vault(VaultError::Malformed(_)))
    ));
    assert!(sign(&vault, Some(PINNED)).await.is_ok());
}

/// Whether an error is the expected one.
type Meaning = fn(&KeyError) -> bool;

#[tokio::test]
async fn each_status_has_its_meaning_and_no_word_of_the_vault_is_in_it() {
    let with = |status, code: &str| {
        let body = json!({"error": {"code": "Forbidden", "message": "a word of the vault",
            "innererror": {"code": code}}});
        Answer::new(status, body.to_string())
    };
    let rows: [(&str, Answer, Meaning); 9] = [
        ("none", with(404, "KeyNotFound"), |it| {
            matches!(it, KeyError::NotFound)
        }),
        ("no role", with(403, "ForbiddenByRbac"), |it| {
            matches!(it, KeyError::Forbidden)
        }),
        ("disabled", with(403, "KeyDisabled"), |it| {
            matches!(it, KeyError::Disabled)
        }),
        ("wrong", with(400, "BadParameter"), |it| {
            matches!(it, KeyError::Refused)
        }),
        ("throttled", Answer::new(429, ""), |it| {
            matches!(it, KeyError::Vault(VaultError::Throttled { .. }))
        }),
        ("away", Answer::new(503, ""), |it| {
            matches!(it, KeyError::Vault(VaultError::Unreachable(_)))
        }),
        ("token refused", challenge(CHALLENGE), |it| {
            matches!(it, KeyError::Vault(VaultError::Identity(_)))
        }),
        ("garbage", Answer::new(200, "<html>"), |it| {
            matches!(it, KeyError::Vault(VaultError::Malformed(_)))
        }),
        (
            "too much",
            Answer::new(200, vec![b' '; MAX_ANSWER_BYTES + 1]),
            |it| matches!(it, KeyError::Vault(VaultError::Malformed(_))),
        ),
    ];
    for (row, answer, is_right) in rows {
        let vault = vault_that(move |_| answer.clone()).await;
        let signed = sign(&vault, None).await.expect_err("no signature");
        let decrypted = decrypt(&vault).await.err().expect("no plaintext");
        for error in [signed, decrypted] {
            assert!(is_right(&error), "{row}: {error:?}");
            assert!(!error.to_string().contains("a word of the vault"), "{row}");
        }
    }
}

#[tokio::test]
async fn a_slow_vault_is_waited_for_no_longer_than_the_client_has_patience() {
    let hour = Duration::from_secs(3600);
    let vault = vault_that(move |request| done(request, &[1; 64]).after(hour)).await;
    let keys = vault
        .keys(signed_in())
        .with_patience(Duration::from_millis(300));

    let begun = Instant::now();
    let outcome = keys
        .sign(NAME, None, SigningAlgorithm::Es256, &[7; 32])
        .await;

    assert!(matches!(
        outcome,
        Err(KeyError::Vault(VaultError::TimedOut))
    ));
    assert!(begun.elapsed() < Duration::from_secs(10));
}
