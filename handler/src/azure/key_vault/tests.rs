use std::time::{Duration, Instant, UNIX_EPOCH};

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::*;
use crate::azure::testing::{
    Answer, CHALLENGE, Source, StandIn, VAULT_HOST, VERSION, challenge, secret, signed_in, token,
    vault, vault_that,
};

const NAME: ObjectName = ObjectName::new("erp-key").expect("a name");

async fn read(vault: &StandIn) -> Result<Fetched, VaultError> {
    vault.key_vault(signed_in()).get(NAME, None).await
}

/// What a vault's answer comes down to.
async fn outcome(answer: Answer) -> VaultError {
    let vault = vault_that(move |_| answer.clone()).await;
    read(&vault).await.expect_err("no secret")
}

#[tokio::test]
async fn a_secret_is_read_with_its_version_and_attributes() {
    let vault = vault().await;

    let secret = read(&vault).await.expect("a secret");

    assert_eq!(secret.value.expose_secret(), "the value");
    assert_eq!(secret.version.as_str(), VERSION);
    assert!(secret.enabled);
    let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!(secret.not_before, at(1_700_000_000));
    assert_eq!(secret.expires, at(4_000_000_000));
}

#[tokio::test]
async fn the_token_is_sent_only_after_the_challenge_and_for_the_resource_of_vaults() {
    let vault = vault().await;
    let source = Source::new(|_| async { Ok(token("the-token", 3600)) });
    let client = vault.key_vault(source.clone());

    for _ in 0..2 {
        client.get(NAME, None).await.expect("a secret");
    }

    let requests = vault.requests();
    let with_token = |request: &String| request.contains("authorization: bearer the-token\r\n");
    assert_eq!(
        requests.iter().map(with_token).collect::<Vec<_>>(),
        [false, true, true]
    );
    assert!(requests[0].starts_with("get /secrets/erp-key/?api-version="));
    assert_eq!(source.asked(), ["https://vault.localhost/.default"]);
}

#[tokio::test]
async fn a_pinned_version_is_asked_for_and_no_other_is_taken() {
    let vault = vault().await;
    let client = vault.key_vault(signed_in());
    let other = VERSION.replace('0', "f");

    let pinned = client.get(NAME, ObjectVersion::new(VERSION)).await;
    let wrong = client.get(NAME, ObjectVersion::new(&other)).await;

    assert_eq!(pinned.expect("a secret").version.as_str(), VERSION);
    assert!(matches!(wrong, Err(VaultError::Malformed(_))), "{wrong:?}");
    assert!(vault.requests()[1].starts_with(&format!("get /secrets/erp-key/{VERSION}")));
}

/// Whether an error is the expected one.
type Meaning = fn(&VaultError) -> bool;

#[tokio::test]
async fn each_status_has_its_meaning() {
    let refused = |code: &str| {
        let body = json!({"error": {"code": "Forbidden", "message": "a word of the vault",
            "innererror": {"code": code}}});
        Answer::new(403, body.to_string())
    };
    let rows: [(&str, Answer, Meaning); 11] = [
        ("none", Answer::new(404, "{}"), |it| {
            matches!(it, VaultError::NotFound)
        }),
        ("no role", refused("ForbiddenByRbac"), |it| {
            matches!(it, VaultError::Forbidden)
        }),
        ("no body", Answer::new(403, ""), |it| {
            matches!(it, VaultError::Forbidden)
        }),
        ("disabled", refused("SecretDisabled"), |it| {
            matches!(it, VaultError::Disabled)
        }),
        (
            "firewall",
            refused("ForbiddenByFirewall"),
            |it| matches!(it, VaultError::Unreachable(text) if text.contains("firewall")),
        ),
        (
            "token refused",
            challenge(CHALLENGE),
            |it| matches!(it, VaultError::Identity(text) if text.contains("refuses")),
        ),
        ("throttled", Answer::new(429, ""), |it| {
            matches!(it, VaultError::Throttled { retry_after: None })
        }),
        ("away", Answer::new(503, ""), |it| {
            matches!(it, VaultError::Unreachable(_))
        }),
        ("broken", Answer::new(500, ""), |it| {
            matches!(it, VaultError::Unreachable(_))
        }),
        ("odd", Answer::new(204, ""), |it| {
            matches!(it, VaultError::Unreachable(_))
        }),
        (
            "redirect",
            Answer::new(302, ""),
            |it| matches!(it, VaultError::Unreachable(text) if text.contains("redirects")),
        ),
    ];
    for (row, answer, is_right) in rows {
        let error = outcome(answer).await;
        assert!(is_right(&error), "{row}: {error:?}");
        assert!(!error.to_string().contains("a word of the vault"), "{row}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_such_secret_is_malformed() {
    let without = |member: &str| {
        let mut body = secret();
        body.as_object_mut().expect("an object").remove(member);
        Answer::json(&body)
    };
    let with_id = |id: &str| {
        let mut body = secret();
        body["id"] = id.into();
        Answer::json(&body)
    };
    let rows = [
        ("no JSON", Answer::new(200, "no JSON")),
        ("no value", without("value")),
        ("no id", without("id")),
        ("no attributes", without("attributes")),
        (
            "another name",
            with_id(&format!("https://{VAULT_HOST}/secrets/other/{VERSION}")),
        ),
        (
            "a key",
            with_id(&format!("https://{VAULT_HOST}/keys/erp-key/{VERSION}")),
        ),
        (
            "no version",
            with_id(&format!("https://{VAULT_HOST}/secrets/erp-key")),
        ),
        (
            "odd version",
            with_id(&format!("https://{VAULT_HOST}/secrets/erp-key/latest")),
        ),
    ];
    for (row, answer) in rows {
        let error = outcome(answer).await;
        assert!(
            matches!(error, VaultError::Malformed(_)),
            "{row}: {error:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_larger_than_any_secret_is_not_read_to_its_end() {
    let mut body = secret();
    body["value"] = "v".repeat(MAX_ANSWER_BYTES).into();

    let error = outcome(Answer::json(&body)).await;

    assert!(
        matches!(error, VaultError::Malformed(text) if text.contains("too large")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_wish_to_wait_for_an_hour_is_told_at_once_and_bounded() {
    let asked = Instant::now();

    let error = outcome(Answer::new(429, "").with("Retry-After", "3600")).await;
    let sooner = outcome(Answer::new(429, "").with("Retry-After", "7")).await;
    let away = outcome(Answer::new(503, "").with("Retry-After", "3600")).await;

    assert!(
        matches!(error, VaultError::Throttled { retry_after: Some(wish) } if wish == LONGEST_WISH)
    );
    assert!(
        matches!(sooner, VaultError::Throttled { retry_after: Some(wish) } if wish.as_secs() == 7)
    );
    assert!(matches!(away, VaultError::Unreachable(_)));
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_slow_vault_is_waited_for_no_longer_than_the_client_has_patience() {
    let vault = vault_that(|_| Answer::json(&secret()).after(Duration::from_secs(60))).await;
    let client = vault
        .key_vault(signed_in())
        .with_patience(Duration::from_millis(300));
    let asked = Instant::now();

    let error = client.get(NAME, None).await.expect_err("no secret");

    assert!(matches!(error, VaultError::TimedOut), "{error:?}");
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_hiccup_of_the_vault_is_retried() {
    let vault = StandIn::https(&[VAULT_HOST], |_, before| match before {
        0 => challenge(CHALLENGE),
        1 | 2 => Answer::new(502, ""),
        _ => Answer::json(&secret()),
    })
    .await;

    assert!(read(&vault).await.is_ok());
    assert_eq!(vault.requests().len(), 4);
}

#[tokio::test]
async fn a_vault_whose_certificate_is_not_trusted_gets_nothing() {
    let vault = vault().await;
    let stranger = vault_that(|_| Answer::json(&secret())).await;
    let options = stranger.outbound().client_options(MAX_ANSWER_BYTES);
    let identity = Arc::new(Identity::over(signed_in()));
    let client = KeyVault::new(&vault.vault_uri(), identity, options);

    let error = client.get(NAME, None).await.expect_err("no secret");

    assert!(
        matches!(error, VaultError::Unreachable(text) if text.contains("certificate")),
        "{error:?}"
    );
    assert!(vault.requests().is_empty());
}

#[tokio::test]
async fn a_vault_that_is_away_is_unreachable() {
    let mut gone = vault().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    gone.address = listener.local_addr().expect("an address");
    drop(listener);

    let error = read(&gone).await.expect_err("no secret");

    assert!(
        matches!(error, VaultError::Unreachable("no connection")),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_identity_without_a_token_is_told_in_fixed_words() {
    let vault = vault().await;
    let source = Source::new(|_| async {
        let text = "a word of the endpoint";
        Err(azure_core::Error::with_message(
            ErrorKind::DataConversion,
            text,
        ))
    });

    let error = vault.key_vault(source).get(NAME, None).await;

    let error = error.expect_err("no secret");
    assert!(matches!(error, VaultError::Identity(_)), "{error:?}");
    assert!(!error.to_string().contains("a word"));
}
