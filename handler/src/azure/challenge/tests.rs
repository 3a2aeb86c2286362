use azure_core::http::{Method, Pipeline};

use super::*;
use crate::azure::testing::{Answer, Source, StandIn, VAULT_HOST, challenge, secret, token};
use crate::secrets::vault::{ObjectName, Vault as _, VaultError};

const NAME: ObjectName = ObjectName::new("erp-key").expect("a name");
const LOGIN: &str = "http://127.0.0.1:7072/a-tenant";

fn asks_for(resource: &str, authority: &str) -> String {
    format!("Bearer authorization=\"{authority}\", resource=\"{resource}\"")
}

#[tokio::test]
async fn a_foreign_challenge_gets_no_token() {
    let vault = "https://vault.localhost";
    let rows = [
        ("foreign resource", asks_for("https://evil.example", LOGIN)),
        ("parent domain", asks_for("https://localhost", LOGIN)),
        (
            "the vault itself",
            asks_for(&format!("https://{VAULT_HOST}"), LOGIN),
        ),
        ("storage", asks_for("https://storage.azure.com", LOGIN)),
        ("http", asks_for("http://vault.localhost", LOGIN)),
        ("longer", asks_for("https://vault.localhost/", LOGIN)),
        (
            "authority",
            asks_for(vault, "https://evil.example/a-tenant"),
        ),
        ("user", asks_for(vault, "http://127.0.0.1@evil.example/")),
        ("none", "Bearer".to_owned()),
        ("no resource", format!("Bearer authorization=\"{LOGIN}\"")),
        ("no authority", format!("Bearer resource=\"{vault}\"")),
        ("scheme", asks_for(vault, LOGIN).replace("Bearer", "Basic")),
        (
            "twice",
            asks_for(vault, LOGIN) + ", resource=\"https://evil.example\"",
        ),
        (
            "hidden before",
            format!(
                "Bearer xscope=\"https://localhost/.default\", {}",
                &asks_for(vault, LOGIN)["Bearer ".len()..]
            )
            .replace("xscope", "scope"),
        ),
        ("broken off", format!("{}, x", asks_for(vault, LOGIN))),
    ];
    for (row, text) in rows {
        let vault = StandIn::https(&[VAULT_HOST], move |_, _| challenge(&text)).await;
        let source = Source::new(|_| async { Ok(token("the-token", 3600)) });

        let read = vault.key_vault(source.clone()).get(NAME, None).await;

        let error = read.expect_err(row);
        assert!(
            matches!(error, VaultError::ForeignChallenge),
            "{row}: {error:?}"
        );
        assert!(source.asked().is_empty(), "{row}");
        assert_eq!(vault.requests().len(), 1, "{row}");
    }
}

#[tokio::test]
async fn what_the_sdk_would_misread_is_never_shown_to_it() {
    // The SDK takes the first name that ends in `scope`.
    let text = format!(
        "Bearer xscope=\"https://localhost/.default\", {}",
        &asks_for("https://vault.localhost", LOGIN)["Bearer ".len()..]
    );
    let vault = StandIn::https(&[VAULT_HOST], move |request, _| {
        if request.contains("authorization: bearer") {
            Answer::json(&secret())
        } else {
            challenge(&text)
        }
    })
    .await;
    let source = Source::new(|_| async { Ok(token("the-token", 3600)) });

    let read = vault.key_vault(source.clone()).get(NAME, None).await;

    assert!(read.is_ok(), "{read:?}");
    assert_eq!(source.asked(), ["https://vault.localhost/.default"]);
}

#[tokio::test]
async fn a_later_challenge_is_looked_at_as_the_first_was() {
    let vault = StandIn::https(&[VAULT_HOST], |request, before| match before {
        0 => challenge(crate::azure::testing::CHALLENGE),
        1 => Answer::json(&secret()),
        _ => {
            assert!(request.contains("authorization: bearer the-token"));
            challenge(&asks_for("https://localhost", LOGIN))
        }
    })
    .await;
    let source = Source::new(|_| async { Ok(token("the-token", 3600)) });
    let client = vault.key_vault(source.clone());
    client.get(NAME, None).await.expect("a secret");

    let error = client.get(NAME, None).await.expect_err("no secret");

    assert!(matches!(error, VaultError::ForeignChallenge), "{error:?}");
    assert_eq!(source.asked(), ["https://vault.localhost/.default"]);
}

#[tokio::test]
async fn a_token_that_the_vault_refuses_is_not_brought_again() {
    let vault = StandIn::https(&[VAULT_HOST], |request, _| {
        if request.contains("authorization: bearer the-token-1") {
            Answer::json(&secret())
        } else {
            challenge(crate::azure::testing::CHALLENGE)
        }
    })
    .await;
    let source =
        Source::new(|before| async move { Ok(token(&format!("the-token-{before}"), 3600)) });
    let client = vault.key_vault(source.clone());

    let first = client.get(NAME, None).await;
    let second = client.get(NAME, None).await;

    assert!(matches!(first, Err(VaultError::Identity(_))), "{first:?}");
    assert!(second.is_ok(), "{second:?}");
    assert_eq!(source.asked().len(), 2);
}

#[tokio::test]
async fn a_request_to_another_address_is_not_sent() {
    let elsewhere = StandIn::https(&["other.vault.localhost"], |_, _| Answer::new(200, "")).await;
    let mut options = elsewhere.outbound().client_options(100);
    options
        .per_try_policies
        .push(CheckChallenge::of(&elsewhere.vault_uri()));
    let pipeline = Pipeline::new(None, None, options, Vec::new(), Vec::new(), None);
    let url = format!(
        "https://other.vault.localhost:{}/",
        elsewhere.address.port()
    );
    let mut request = Request::new(url.parse().expect("an address"), Method::Get);

    let sent = pipeline.send(&Context::new(), &mut request, None).await;

    let error = sent.expect_err("it stays here");
    assert_eq!(crate::azure::cause(&error), Some(&Foreign::Address));
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_challenge_in_the_form_of_vaults_is_read() {
    let wants = Wants::read(
        "Bearer authorization=\"https://login.microsoftonline.com/t\",resource=\"https://vault.azure.net\"",
    );
    let expected = Wants {
        authority: "https://login.microsoftonline.com/t",
        resource: Some("https://vault.azure.net"),
        scope: None,
    };
    assert_eq!(wants, Some(expected));
    let scope = Wants::read("bearer authorization_uri=\"a\", SCOPE=\"s\"  ").expect("read");
    assert_eq!((scope.authority, scope.scope), ("a", Some("s")));
}

#[test]
fn a_challenge_in_any_other_form_is_not_read() {
    for text in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer authorization=a",
        "Bearer authorization=\"a\" resource=\"r\"",
        "Bearer authorization=\"a\",",
        "Bearer authorization=\"a\\\"\", resource=\"r\"",
        "Bearer authorization=\"a\", PoP resource=\"r\"",
        "Bearer =\"a\"",
        "Basic authorization=\"a\"",
    ] {
        assert_eq!(Wants::read(text), None, "{text}");
    }
}
