use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::json;

use super::super::principal::Kind;
use super::super::testing::{
    AUDIENCE, CLIENT, LIFETIME, START, SigningKey, TestClock, TestTenant, TestToken, tenant_id,
};
use super::*;

struct Harness {
    tenant: TestTenant,
    clock: Arc<TestClock>,
    tokens: Tokens,
}

impl Harness {
    fn new(changes: &[(&str, &str)]) -> Self {
        let tenant = TestTenant::new();
        let clock = Arc::new(TestClock::new());
        let settings = tenant.settings(changes);
        let tokens = Tokens::with_fetch(&settings, clock.clone(), Arc::new(tenant.clone()));
        Self {
            tenant,
            clock,
            tokens,
        }
    }

    fn token(&self) -> TestToken {
        self.tenant.token()
    }

    async fn accept(&self, token: &TestToken) -> Principal {
        let verified = self.tokens.verify(&token.sign()).await;
        verified.expect("the token is good")
    }

    /// The rule that a token breaks.
    async fn outcome(&self, token: &TestToken) -> &'static str {
        self.outcome_of(&token.sign()).await
    }

    async fn outcome_of(&self, token: &str) -> &'static str {
        let verified = self.tokens.verify(token).await;
        verified.map_or_else(|denial| denial.rule(), |_| "accepted")
    }
}

const OTHER_GUID: &str = "dddddddd-0000-4000-8000-000000000004";

#[tokio::test]
async fn a_users_token_makes_a_user_with_its_scopes() {
    let harness = Harness::new(&[]);

    let caller = harness.accept(&harness.token()).await;

    assert_eq!(caller.kind(), Kind::User);
    assert_eq!(caller.tenant(), tenant_id());
    assert_eq!(caller.client(), CLIENT);
    let object = "aaaaaaaa-0000-4000-8000-000000000001";
    assert_eq!(caller.object_id(), Some(object));
    assert_eq!(caller.id(), format!("{}/{object}", tenant_id()));
    assert!(caller.has_scope("Orders.Read") && caller.has_scope("Orders.Write"));
    assert_eq!(caller.roles().count(), 0);
}

#[tokio::test]
async fn an_applications_token_makes_an_application_with_its_roles() {
    let harness = Harness::new(&[]);

    for token in [
        harness.token().application("Orders.Read.All"),
        harness
            .token()
            .application("Orders.Read.All")
            .without("idtyp"),
    ] {
        let caller = harness.accept(&token).await;

        assert_eq!(caller.kind(), Kind::Application);
        assert!(caller.has_role("Orders.Read.All"));
        assert_eq!(caller.scopes().count(), 0);
    }
}

#[tokio::test]
async fn a_users_roles_do_not_make_an_application() {
    let harness = Harness::new(&[]);
    let user = harness.token().claim("roles", json!(["Clerk"]));

    for token in [
        user.clone(),
        user.clone().without("scp"),
        user.clone().claim("idtyp", "user"),
        user.claim("idtyp", "APP"),
    ] {
        assert_eq!(harness.accept(&token).await.kind(), Kind::User);
    }
}

#[tokio::test]
async fn an_application_with_delegated_scopes_is_refused_as_not_allowed() {
    let harness = Harness::new(&[]);
    let token = harness.token().application("x").claim("scp", "Orders.Read");

    let denial = harness.tokens.verify(&token.sign()).await;

    let denial = denial.expect_err("a contradiction");
    assert_eq!(denial.rule(), "contradictory_permissions");
    assert_eq!(denial.status(), 403);
}

#[tokio::test]
async fn a_subject_stands_in_for_a_missing_object_id_and_neither_is_nobody() {
    let harness = Harness::new(&[]);
    let token = harness.token().without("oid").claim("sub", "someone");

    let caller = harness.accept(&token).await;
    assert_eq!(caller.id(), format!("{}/someone", tenant_id()));
    assert_eq!(caller.object_id(), None);

    assert_eq!(harness.outcome(&token.without("sub")).await, "claim");
}

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
async fn a_remembered_token_ends_with_its_time_too() {
    let harness = Harness::new(&[]);
    let token = harness.token();
    assert_eq!(harness.outcome(&token).await, "accepted");

    harness.clock.advance(Duration::from_secs(LIFETIME + 60));

    assert_eq!(harness.outcome(&token).await, "expired");
}

#[tokio::test]
async fn a_remembered_token_ends_with_its_key() {
    for entries in ["4096", "0"] {
        let harness = Harness::new(&[("STOCKADE__AUTH__TOKEN_CACHE_ENTRIES", entries)]);
        let token = harness.token().claim("exp", START + 100_000);
        assert_eq!(harness.outcome(&token).await, "accepted");

        harness.tenant.publish(&[SigningKey::second().jwk()]);
        harness.clock.advance(Duration::from_secs(2 * 3600));
        assert!(harness.tokens.prepare(Duration::from_secs(5)).await);

        assert_eq!(harness.outcome(&token).await, "unknown_key", "{entries}");
    }
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
async fn only_a_token_that_claims_to_be_ours_causes_a_fetch() {
    let harness = Harness::new(&[]);
    let token = || harness.token().header("kid", "no-such-key");

    for refused in [
        token().claim("aud", OTHER_GUID),
        token().tenant(OTHER_GUID),
        token().claim("iss", "https://example.com/"),
        token().v1(),
        token().claim("nbf", 0).claim("exp", START - 3600),
    ] {
        harness.outcome(&refused).await;
        assert!(harness.tenant.requests().is_empty());
    }

    assert_eq!(harness.outcome(&token()).await, "unknown_key");
    assert!(!harness.tenant.requests().is_empty());
}

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
async fn a_token_is_remembered_at_its_second_coming_and_without_a_cache_never() {
    for (entries, remembered) in [("64", true), ("0", false)] {
        let harness = Harness::new(&[("STOCKADE__AUTH__TOKEN_CACHE_ENTRIES", entries)]);
        let token = harness.token();

        let first = harness.accept(&token).await;
        let second = harness.accept(&token).await;
        let third = harness.accept(&token).await;

        assert_eq!((&first, &second), (&second, &third));
        assert!(!first.shares_facts_with(&second));
        assert_eq!(second.shares_facts_with(&third), remembered);
    }
}

#[tokio::test]
async fn an_outage_at_the_start_is_survived() {
    let harness = Harness::new(&[]);
    harness.tenant.fail(500);
    assert!(!harness.tokens.prepare(Duration::from_secs(5)).await);

    let denial = harness.tokens.verify(&harness.token().sign()).await;
    let denial = denial.expect_err("no keys");
    assert_eq!(denial.status(), 503);
    assert!(denial.retry_after().is_some());

    harness.tenant.recover();
    harness.clock.advance(Duration::from_secs(15));
    assert!(harness.tokens.prepare(Duration::from_secs(5)).await);
    assert_eq!(harness.outcome(&harness.token()).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn keys_are_kept_fresh_while_somebody_holds_on_and_no_longer() {
    let harness = Harness::new(&[]);
    let a_while = || {
        harness.clock.advance(Duration::from_secs(2 * 3600));
        tokio::time::sleep(Duration::from_secs(120))
    };

    let refresher = harness.tokens.keep_fresh();
    a_while().await;
    assert!(harness.tokens.is_ready());
    let once = harness.tenant.requests().len();
    a_while().await;
    assert_eq!(harness.tenant.requests().len(), 2 * once);

    drop(refresher);
    a_while().await;
    assert_eq!(harness.tenant.requests().len(), 2 * once);
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

/// Runs a check on a runtime of its own, as property tests are not async.
fn outcome_of(token: &str) -> &'static str {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(Harness::new(&[]).outcome_of(token))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_a_token_by_chance(text in "\\PC{0,300}") {
        prop_assert_ne!(outcome_of(&text), "accepted");
    }

    #[test]
    fn a_good_token_with_one_character_changed_is_refused(
        at in any::<prop::sample::Index>(),
        replacement in prop::sample::select(b"ABCDwxyz0189-_.=+ ".to_vec()),
    ) {
        let mut token = TestTenant::new().token().sign().into_bytes();
        let at = at.index(token.len());
        prop_assume!(token[at] != replacement);
        token[at] = replacement;
        let token = String::from_utf8(token).expect("ASCII");

        prop_assert_ne!(outcome_of(&token), "accepted");
    }

    #[test]
    fn nothing_unsigned_is_accepted(
        claims in prop::collection::btree_map("(scp|roles|oid|iss|aud|x)", "[a-z]{0,8}", 0..4),
        signature in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let mut token = TestTenant::new().token();
        for (name, value) in claims {
            token = token.claim(&name, value);
        }
        let token = format!("{}.{}", token.signing_input(), URL_SAFE_NO_PAD.encode(signature));

        prop_assert_ne!(outcome_of(&token), "accepted");
    }
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
