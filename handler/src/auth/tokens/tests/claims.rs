//! Which claims are refused, and by which rule.

use std::time::Duration;

use serde_json::json;

use super::super::super::testing::{AUDIENCE, CLIENT, LIFETIME, START, SigningKey, tenant_id};
use super::{Harness, OTHER_GUID};

#[tokio::test]
async fn one_change_to_the_claims_is_refused_by_its_own_rule() {
    let harness = Harness::new(&[]);
    let token = || harness.token();
    assert_eq!(harness.outcome(&token()).await, "accepted");

    let v2 = format!("https://login.microsoftonline.com/{}/v2.0", tenant_id());
    let rows = [
        (
            "another audience",
            token().claim("aud", OTHER_GUID),
            "audience",
        ),
        (
            "the audience in capitals",
            token().claim("aud", AUDIENCE.to_uppercase()),
            "audience",
        ),
        (
            "a list of audiences",
            token().claim("aud", json!([AUDIENCE])),
            "claim",
        ),
        (
            "Graph's audience",
            token().claim("aud", "00000003-0000-0000-c000-000000000000"),
            "microsoft_graph",
        ),
        ("another tenant", token().tenant(OTHER_GUID), "tenant"),
        (
            "another tenant in iss alone",
            token().claim(
                "iss",
                format!("https://login.microsoftonline.com/{OTHER_GUID}/v2.0"),
            ),
            "issuer",
        ),
        (
            "another tenant in tid alone",
            token().claim("tid", OTHER_GUID),
            "issuer",
        ),
        (
            "another cloud",
            token().claim("iss", v2.replace(".com", ".us")),
            "issuer",
        ),
        (
            "an alias of the login host",
            token().claim(
                "iss",
                v2.replace("login.microsoftonline.com", "login.windows.net"),
            ),
            "issuer",
        ),
        (
            "an issuer with a slash",
            token().claim("iss", format!("{v2}/")),
            "issuer",
        ),
        (
            "an issuer template",
            token().claim("iss", "https://login.microsoftonline.com/{tenantid}/v2.0"),
            "issuer",
        ),
        ("v1", token().v1(), "version_1"),
        (
            "v2 with the v1 issuer",
            token().claim("iss", format!("https://sts.windows.net/{}/", tenant_id())),
            "issuer",
        ),
        ("no version", token().without("ver"), "claim"),
        ("no client", token().without("azp"), "claim"),
        ("an empty client", token().claim("azp", ""), "claim"),
        ("expired", token().claim("exp", START - 60), "lifetime"),
        (
            "expired an hour ago",
            token().claim("nbf", 0).claim("exp", START - 3600),
            "expired",
        ),
        (
            "not valid yet",
            token().claim("nbf", START + 61),
            "not_yet_valid",
        ),
        (
            "issued in the future",
            token().claim("iat", START + 61),
            "not_yet_valid",
        ),
        (
            "ends before it begins",
            token().claim("nbf", START + 2).claim("exp", START + 1),
            "lifetime",
        ),
        (
            "a date as a text",
            token().claim("exp", "9999999999"),
            "claim",
        ),
        (
            "bound to a key",
            token().claim("cnf", json!({"kid": "x"})),
            "bound_token",
        ),
        ("an ID token", token().claim("nonce", "x"), "id_token"),
        (
            "an ID token without client",
            token().claim("nonce", "x").without("azp"),
            "id_token",
        ),
        (
            "an ID token by at_hash",
            token().claim("at_hash", "x"),
            "id_token",
        ),
        (
            "an ID token by c_hash",
            token().claim("c_hash", "x"),
            "id_token",
        ),
        (
            "another algorithm",
            token().header("alg", "RS384"),
            "algorithm",
        ),
        (
            "a critical extension",
            token().header("crit", json!(["exp"])),
            "token_header",
        ),
        (
            "a key of its own",
            token().header("jwk", SigningKey::first().jwk()),
            "token_header",
        ),
        (
            "a Graph nonce",
            token().header("nonce", "x"),
            "microsoft_graph",
        ),
        (
            "an unknown key",
            token().header("kid", "no-such-key"),
            "unknown_key",
        ),
        (
            "a key in other case",
            token().header("kid", "FIRST-KEY"),
            "unknown_key",
        ),
        (
            "another key under our name",
            token()
                .key(&SigningKey::second())
                .header("kid", "first-key"),
            "signature",
        ),
    ];
    for (name, token, rule) in rows {
        assert_eq!(harness.outcome(&token).await, rule, "{name}");
    }
}

#[tokio::test]
async fn a_token_lives_from_nbf_to_exp_give_or_take_the_skew() {
    let harness = Harness::new(&[]);
    let token = harness.token();

    for (name, early, rule) in [
        ("in time", 60, "accepted"),
        ("too early", 61, "not_yet_valid"),
    ] {
        let token = token
            .clone()
            .claim("nbf", START + early)
            .claim("iat", START + early);
        assert_eq!(harness.outcome(&token).await, rule, "{name}");
    }
    harness
        .clock
        .advance(Duration::from_secs(LIFETIME + 60 - 1));
    assert_eq!(harness.outcome(&token).await, "accepted");
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(harness.outcome(&token).await, "expired");
}

#[tokio::test]
async fn v1_tokens_are_accepted_where_they_are_asked_for_and_in_their_own_form() {
    let harness = Harness::new(&[("STOCKADE__AUTH__ACCEPT_V1", "true")]);
    let v1 = || harness.token().v1();

    assert_eq!(harness.outcome(&harness.token()).await, "accepted");
    assert_eq!(harness.accept(&v1()).await.client(), CLIENT);

    let v2_issuer = format!("https://login.microsoftonline.com/{}/v2.0", tenant_id());
    assert_eq!(
        harness.outcome(&v1().claim("iss", v2_issuer)).await,
        "issuer"
    );
    assert_eq!(harness.outcome(&v1().without("appid")).await, "claim");
    assert_eq!(
        harness
            .outcome(&v1().without("appid").claim("azp", CLIENT))
            .await,
        "claim"
    );
}

#[tokio::test]
async fn any_tenant_does_not_include_personal_accounts() {
    let harness = Harness::new(&[("STOCKADE__AUTH__TENANTS", "any")]);
    let consumers = "9188040d-6c67-4c5b-b112-36a304b66dad";

    assert_eq!(harness.outcome(&harness.token()).await, "accepted");
    let token = harness.token().tenant(consumers);
    assert_eq!(harness.outcome(&token).await, "tenant");
    assert!(
        harness
            .tenant
            .requests()
            .iter()
            .all(|path| !path.contains(consumers))
    );
}

#[tokio::test]
async fn no_denial_shows_what_a_token_says() {
    let harness = Harness::new(&[]);
    let canary = "canary-b7e1";
    for name in [
        "ver", "iss", "tid", "aud", "azp", "exp", "oid", "roles", "cnf", "nonce",
    ] {
        let token = harness.token().claim(name, canary);
        let Err(denial) = harness.tokens.verify(&token.sign()).await else {
            continue;
        };
        assert!(!format!("{denial} {denial:?}").contains(canary), "{name}");
    }
}
