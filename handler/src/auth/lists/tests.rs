use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::testing::{CLIENT, TestClock, TestTenant, TestToken};
use super::super::{Refusal, Tokens};

const CALLER: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const OTHER: &str = "dddddddd-0000-4000-8000-000000000004";
const CLERKS: &str = "eeeeeeee-0000-4000-8000-000000000005";
const CHIEFS: &str = "eeeeeeee-0000-4000-8000-000000000006";

const CLIENTS: &str = "STOCKADE__AUTH__CLIENTS";
const PRINCIPALS: &str = "STOCKADE__AUTH__PRINCIPALS";
const GROUPS: &str = "STOCKADE__AUTH__GROUPS";
const MIN_CLIENT_CREDENTIAL: &str = "STOCKADE__AUTH__MIN_CLIENT_CREDENTIAL";

struct App {
    tokens: Tokens,
}

impl App {
    fn with(settings: &[(&str, &str)]) -> Self {
        let tenant = TestTenant::new();
        let settings = tenant.settings(settings);
        let tokens = Tokens::with_fetch(&settings, Arc::new(TestClock::new()), Arc::new(tenant));
        Self { tokens }
    }

    /// Why a token is refused, and as what.
    async fn refusal(&self, token: &TestToken) -> Option<Refusal> {
        let verified = self.tokens.verify(&token.sign()).await;
        let denial = verified.err()?;
        Some(self.tokens.challenges().refuse(denial))
    }

    async fn outcome(&self, token: &TestToken) -> &'static str {
        let refusal = self.refusal(token).await;
        refusal.map_or("accepted", |refusal| refusal.denial().rule())
    }
}

fn token() -> TestToken {
    TestTenant::new().token()
}

#[tokio::test]
async fn only_listed_clients_get_in() {
    let app = App::with(&[(CLIENTS, &format!("{OTHER}, {CLIENT}"))]);

    assert_eq!(app.outcome(&token()).await, "accepted");
    for stranger in [
        CHIEFS.to_owned(),
        CLIENT.to_uppercase(),
        format!("{CLIENT} "),
    ] {
        let token = token().claim("azp", stranger);
        assert_eq!(app.outcome(&token).await, "client");
    }
    assert_eq!(app.outcome(&token().claim("azp", "")).await, "claim");
    assert_eq!(app.outcome(&token().without("azp")).await, "claim");
}

#[tokio::test]
async fn a_v1_token_names_its_client_by_appid() {
    let app = App::with(&[(CLIENTS, CLIENT), ("STOCKADE__AUTH__ACCEPT_V1", "true")]);

    assert_eq!(app.outcome(&token().v1()).await, "accepted");
    let other = token().v1().claim("appid", OTHER).claim("azp", CLIENT);
    assert_eq!(app.outcome(&other).await, "client");
}

#[tokio::test]
async fn only_listed_principals_get_in_by_their_object_id() {
    let app = App::with(&[(PRINCIPALS, &CALLER.to_uppercase())]);

    assert_eq!(app.outcome(&token()).await, "accepted");
    assert_eq!(app.outcome(&token().application("x")).await, "accepted");
    assert_eq!(app.outcome(&token().claim("oid", OTHER)).await, "principal");
    let subject_alone = token().without("oid").claim("sub", CALLER);
    assert_eq!(app.outcome(&subject_alone).await, "principal");
    assert_eq!(App::with(&[]).outcome(&subject_alone).await, "accepted");
}

#[tokio::test]
async fn a_member_of_a_listed_group_gets_in_and_nobody_else_does() {
    let app = App::with(&[(GROUPS, &format!("{CHIEFS},{CLERKS}"))]);
    let with = |groups: Value| token().claim("groups", groups);

    for members in [
        json!([CLERKS]),
        json!([OTHER, CHIEFS]),
        json!([CLERKS, CHIEFS]),
    ] {
        assert_eq!(app.outcome(&with(members)).await, "accepted");
    }
    for others in [json!([]), json!([OTHER])] {
        assert_eq!(app.outcome(&with(others)).await, "group");
    }
    assert_eq!(app.outcome(&token()).await, "groups_claim");
    let role = token().claim("roles", json!([CLERKS]));
    assert_eq!(app.outcome(&role).await, "groups_claim");
}

#[tokio::test]
async fn groups_are_a_list_of_ids_or_nothing_is_known_of_them() {
    let app = App::with(&[(GROUPS, CLERKS)]);

    for (name, groups) in [
        ("a text", json!(CLERKS)),
        ("a text with spaces", json!(format!("{OTHER} {CLERKS}"))),
        ("null", json!(null)),
        ("an object", json!({ CLERKS: CLERKS })),
        ("a list in the list", json!([[CLERKS]])),
        ("a list beside the id", json!([CLERKS, [OTHER]])),
        ("an object beside the id", json!([CLERKS, {"id": OTHER}])),
        ("a number beside the id", json!([CLERKS, 1])),
        ("names", json!(["Clerks", CLERKS])),
        ("upper case", json!([CLERKS.to_uppercase()])),
    ] {
        let token = token().claim("groups", groups);
        assert_eq!(app.outcome(&token).await, "groups_claim", "{name}");
        assert_eq!(App::with(&[]).outcome(&token).await, "accepted", "{name}");
    }
}

#[tokio::test]
async fn a_caller_in_too_many_groups_for_a_token_is_refused_in_every_form_of_it() {
    let app = App::with(&[(GROUPS, CLERKS)]);
    let sources = json!({"src1": {"endpoint": "https://graph.microsoft.com/v1.0/users/x"}});

    for (name, value) in [
        ("_claim_names", json!({"groups": "src1"})),
        ("_claim_names", json!("groups")),
        ("_claim_sources", sources.clone()),
        ("hasgroups", json!(true)),
        ("hasgroups", json!("true")),
        ("groups:src1", sources),
    ] {
        for token in [token(), token().claim("groups", json!([CLERKS]))] {
            let token = token.claim(name, value.clone());
            assert_eq!(app.outcome(&token).await, "groups_elsewhere", "{name}");
            assert_eq!(App::with(&[]).outcome(&token).await, "accepted", "{name}");
        }
    }
    let neighbour = token().claim("groups", json!([CLERKS])).claim("groups2", 1);
    assert_eq!(app.outcome(&neighbour).await, "accepted");
}

#[tokio::test]
async fn a_client_has_to_prove_itself_by_as_much_as_is_asked_for() {
    let proofs = [json!("0"), json!("1"), json!("2")];
    let v1 = ("STOCKADE__AUTH__ACCEPT_V1", "true");
    for (floor, least) in [("none", 0), ("secret", 1), ("certificate", 2)] {
        let app = App::with(&[(MIN_CLIENT_CREDENTIAL, floor), v1]);
        for (at, proof) in proofs.iter().enumerate() {
            let expected = if at >= least {
                "accepted"
            } else {
                "client_credential"
            };
            let v2 = token().claim("azpacr", proof.clone());
            assert_eq!(app.outcome(&v2).await, expected, "{floor} {proof}");
            let v1 = token().v1().claim("appidacr", proof.clone());
            assert_eq!(app.outcome(&v1).await, expected, "{floor} {proof}");
        }
    }
}

#[tokio::test]
async fn what_a_client_proved_itself_by_is_never_guessed() {
    let app = App::with(&[
        (MIN_CLIENT_CREDENTIAL, "secret"),
        ("STOCKADE__AUTH__ACCEPT_V1", "true"),
    ]);
    let none = App::with(&[]);

    for proof in [
        json!("3"),
        json!("01"),
        json!(""),
        json!(2),
        json!(["2"]),
        json!(null),
    ] {
        let token = token().claim("azpacr", proof.clone());
        assert_eq!(app.outcome(&token).await, "client_credential", "{proof}");
        assert_eq!(none.outcome(&token).await, "accepted", "{proof}");
    }
    for token in [
        token().without("azpacr"),
        token().without("azpacr").claim("appidacr", "2"),
        token().v1().claim("azpacr", "2"),
    ] {
        assert_eq!(app.outcome(&token).await, "client_credential");
    }
}

#[tokio::test]
async fn every_list_that_is_set_has_to_hold() {
    let app = App::with(&[
        (CLIENTS, CLIENT),
        (PRINCIPALS, CALLER),
        (GROUPS, CLERKS),
        (MIN_CLIENT_CREDENTIAL, "certificate"),
    ]);
    let good = || {
        token()
            .claim("azpacr", "2")
            .claim("groups", json!([CLERKS]))
    };

    assert_eq!(app.outcome(&good()).await, "accepted");
    for (name, value, rule) in [
        ("azp", json!(OTHER), "client"),
        ("oid", json!(OTHER), "principal"),
        ("groups", json!([OTHER]), "group"),
        ("azpacr", json!("1"), "client_credential"),
    ] {
        let token = good().claim(name, value);
        assert_eq!(app.outcome(&token).await, rule, "{name}");
    }
}

#[tokio::test]
async fn whoever_is_not_on_a_list_is_told_no_more_than_that_the_call_is_not_allowed() {
    for (name, value) in [
        (CLIENTS, OTHER),
        (PRINCIPALS, OTHER),
        (GROUPS, OTHER),
        (MIN_CLIENT_CREDENTIAL, "certificate"),
    ] {
        let refusal = App::with(&[(name, value)]).refusal(&token()).await;

        let refusal = refusal.expect("the list does not have it");
        assert_eq!(refusal.status(), 403, "{name}");
        let challenge = refusal.www_authenticate().expect("a challenge");
        assert_eq!(challenge, r#"Bearer error="insufficient_scope""#, "{name}");
    }
}

#[tokio::test]
async fn a_token_that_a_list_refuses_is_never_remembered() {
    let app = App::with(&[(PRINCIPALS, OTHER)]);
    for _ in 0..4 {
        assert_eq!(app.outcome(&token()).await, "principal");
    }
}

#[tokio::test]
async fn forged_groups_are_not_looked_at() {
    let app = App::with(&[(GROUPS, CLERKS)]);
    let (good, forged) = (token(), token().claim("groups", json!([CLERKS])));
    let signed = good.sign();
    let signature = signed.rsplit_once('.').expect("three segments").1;

    let verified = app
        .tokens
        .verify(&format!("{}.{signature}", forged.signing_input()))
        .await;

    assert_eq!(verified.expect_err("a forgery").rule(), "signature");
}

#[tokio::test]
async fn as_many_groups_as_fit_into_a_token_are_looked_through_quickly() {
    let id = |number: usize| format!("eeeeeeee-0000-4000-9000-{number:012x}");
    let listed: Vec<_> = (0..3000).map(|number| id(2 * number)).collect();
    let app = App::with(&[
        (GROUPS, &listed.join(",")),
        ("STOCKADE__AUTH__MAX_TOKEN_BYTES", "262144"),
        ("STOCKADE__AUTH__TOKEN_CACHE_ENTRIES", "0"),
    ]);
    let mut claimed: Vec<_> = (0..4500).map(|number| id(2 * number + 1)).collect();
    let stranger = token().claim("groups", json!(claimed));
    claimed.push(listed[17].clone());
    let member = token().claim("groups", json!(claimed));
    assert_eq!(app.outcome(&token()).await, "groups_claim");

    let start = Instant::now();
    for _ in 0..10 {
        assert_eq!(app.outcome(&stranger).await, "group");
        assert_eq!(app.outcome(&member).await, "accepted");
    }

    // One such token takes milliseconds, most of them for its signature and its JSON.
    assert!(start.elapsed() < Duration::from_secs(10));
}
