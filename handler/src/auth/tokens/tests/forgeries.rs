//! What nobody of ours signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::super::super::keys::Key;
use super::super::super::testing::SigningKey;
use super::super::super::token::Compact;
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
    let token = hmac(&signed, SigningKey::first().modulus());

    assert_eq!(harness.outcome_of(&token).await, "algorithm");
}

/// What becomes of a token by its signature alone: whether it has the form of one, and whether the
/// key verifies it.
fn signature_of(token: &str) -> &'static str {
    let key = Key::new(SigningKey::first().modulus(), &[1, 0, 1]).expect("a key");
    let verified = Compact::split(token)
        .and_then(|token| token.signature().map(|signature| (token, signature)))
        .and_then(|(token, signature)| key.verify(token.signed, &signature));
    verified.map_or_else(|denial| denial.rule(), |()| "verified")
}

/// The cases are those of Project Wycheproof's `json_web_signature_test.json`, made of a token of
/// ours: each has two verdicts, that of the signature and that of the whole check.
#[tokio::test]
async fn what_wycheproof_does_to_a_signed_token_is_noticed() {
    let harness = Harness::new(&[]);
    let good = harness.token().sign();
    let [header, payload, signature] = segments(&good);
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none","kid":"first-key"}"#);
    let unsigned = harness.token().header("alg", "HS256").signing_input();
    let foreign = harness
        .token()
        .key(&SigningKey::second())
        .header("jwk", SigningKey::second().jwk());
    let json = format!(
        r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
    );
    let flat = json.replace(r#""signatures":[{"#, "").replace("}]}", "}");
    let other = |text: &str| {
        let first = if text.starts_with('X') { 'Y' } else { 'X' };
        format!("{first}{}", &text[1..])
    };

    for (name, token, by_signature, by_all) in [
        ("nothing", good.clone(), "verified", "accepted"),
        (
            "another signature",
            format!("{header}.{payload}.{}", other(signature)),
            "signature",
            "signature",
        ),
        (
            "no signature",
            format!("{header}.{payload}."),
            "malformed_token",
            "malformed_token",
        ),
        (
            "no signature and no dot",
            format!("{header}.{payload}"),
            "malformed_token",
            "malformed_token",
        ),
        (
            "another payload",
            format!("{header}.{}.{signature}", other(payload)),
            "signature",
            "malformed_token",
        ),
        (
            "no payload",
            format!("{header}..{signature}"),
            "malformed_token",
            "malformed_token",
        ),
        (
            "no payload and no dot",
            format!("{header}.{signature}"),
            "malformed_token",
            "malformed_token",
        ),
        (
            "another header",
            format!("{}.{payload}.{signature}", other(header)),
            "signature",
            "malformed_token",
        ),
        (
            "no header",
            format!(".{payload}.{signature}"),
            "malformed_token",
            "malformed_token",
        ),
        (
            "no header and no dot",
            format!("{payload}.{signature}"),
            "malformed_token",
            "malformed_token",
        ),
        (
            "the payload alone",
            format!(".{payload}."),
            "malformed_token",
            "malformed_token",
        ),
        (
            "the payload without dots",
            payload.to_owned(),
            "malformed_token",
            "malformed_token",
        ),
        (
            "everything gone",
            String::new(),
            "malformed_token",
            "malformed_token",
        ),
        (
            "an empty segment more",
            format!("{good}."),
            "malformed_token",
            "malformed_token",
        ),
        (
            "a segment more",
            format!("{good}.foo"),
            "malformed_token",
            "malformed_token",
        ),
        (
            "no algorithm",
            format!("{none}.{payload}."),
            "malformed_token",
            "malformed_token",
        ),
        (
            "no algorithm over a signature",
            format!("{none}.{payload}.{signature}"),
            "signature",
            "algorithm",
        ),
        ("JSON", json, "malformed_token", "malformed_token"),
        ("flat JSON", flat, "malformed_token", "malformed_token"),
        (
            "HMAC with the modulus",
            hmac(&unsigned, SigningKey::first().modulus()),
            "signature",
            "algorithm",
        ),
        (
            "HMAC with the published key",
            hmac(&unsigned, SigningKey::first().jwk().to_string().as_bytes()),
            "signature",
            "algorithm",
        ),
        (
            "HMAC with an empty key",
            hmac(&unsigned, b""),
            "signature",
            "algorithm",
        ),
        (
            "a key of its own",
            foreign.sign(),
            "signature",
            "token_header",
        ),
        (
            "a key of its own under our name",
            foreign.header("kid", "first-key").sign(),
            "signature",
            "token_header",
        ),
    ] {
        assert_eq!(signature_of(&token), by_signature, "{name}");
        assert_eq!(harness.outcome_of(&token).await, by_all, "{name}");
    }
}

fn segments(token: &str) -> [&str; 3] {
    let segments: Vec<_> = token.split('.').collect();
    segments.try_into().expect("three segments")
}

fn hmac(signed: &str, key: &[u8]) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
    let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
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
