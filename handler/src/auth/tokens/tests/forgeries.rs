//! What nobody of ours signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::super::super::testing::SigningKey;
use super::{Harness, OTHER_GUID};

#[tokio::test]
async fn what_is_not_one_jwt_is_refused() {
    let harness = Harness::new(&[]);
    let good = harness.token().sign();
    let (signed, signature) = good.rsplit_once('.').expect("three segments");
    let claims = signed.split_once('.').expect("two segments").1;
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none","kid":"first-key"}"#);
    let twice =
        URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"RS256","alg":"none","kid":"first-key"}"#);
    assert_eq!(harness.outcome_of(&good).await, "accepted");

    for (token, rule) in [
        (String::new(), "malformed_token"),
        (signed.to_owned(), "malformed_token"),
        (format!("{signed}."), "malformed_token"),
        (format!("{good}."), "malformed_token"),
        (format!("{good}.{signature}"), "malformed_token"),
        (format!("{good}="), "malformed_token"),
        (format!("{good}\n"), "malformed_token"),
        (format!(" {good}"), "malformed_token"),
        (format!("{none}.{claims}."), "malformed_token"),
        (format!("{none}.{claims}.{signature}"), "algorithm"),
        (format!("{twice}.{claims}.{signature}"), "malformed_token"),
        (format!("{signed}.{}", &signature[4..]), "signature"),
        (format!("{signed}.AAAA"), "signature"),
        ("a".repeat(32_769), "token_too_long"),
    ] {
        assert_eq!(harness.outcome_of(&token).await, rule, "{token:.80}");
    }
}

#[tokio::test]
async fn no_key_confusion_by_hmac_with_the_public_key() {
    let harness = Harness::new(&[]);
    let signed = harness.token().header("alg", "HS256").signing_input();
    let key =
        aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SigningKey::first().modulus());
    let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));

    assert_eq!(harness.outcome_of(&token).await, "algorithm");
}

#[tokio::test]
async fn a_changed_claim_is_noticed_although_the_token_was_remembered() {
    let harness = Harness::new(&[]);
    let good = harness.token();
    for _ in 0..3 {
        assert_eq!(harness.outcome(&good).await, "accepted");
    }

    let forged = good.clone().claim("scp", "Everything").signing_input();
    let signed = good.sign();
    let signature = signed.rsplit_once('.').expect("three segments").1;

    let token = format!("{forged}.{signature}");
    assert_eq!(harness.outcome_of(&token).await, "signature");
}

#[tokio::test]
async fn a_header_that_was_seen_before_vouches_for_nothing() {
    let harness = Harness::new(&[("STOCKADE__AUTH__TOKEN_CACHE_ENTRIES", "0")]);
    let good = harness.token();
    harness.accept(&good).await;
    // The same header to the letter, over claims that nobody signed.
    let foreign = good.clone().claim("oid", OTHER_GUID);
    let (header_and_payload, signature) = (foreign.signing_input(), good.sign());
    let signature = signature.rsplit('.').next().expect("three segments");
    let tampered = format!("{header_and_payload}.{signature}");

    assert_eq!(harness.outcome_of(&tampered).await, "signature");
    assert_eq!(
        harness.outcome(&good.clone().header("alg", "none")).await,
        "algorithm"
    );
    assert_eq!(
        harness
            .outcome(&good.clone().header("crit", json!(["exp"])))
            .await,
        "token_header"
    );
    assert_eq!(harness.outcome(&good).await, "accepted");
    assert_eq!(harness.outcome(&foreign).await, "accepted");
}
