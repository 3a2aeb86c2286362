use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::json;

use super::super::guid::TenantId;
use super::super::testing::{SigningKey, TestClock, TestTenant, tenant_id};
use super::*;

struct Harness {
    tenant: TestTenant,
    clock: Arc<TestClock>,
    keys: Keys,
}

impl Harness {
    fn new(changes: &[(&str, &str)]) -> Self {
        let tenant = TestTenant::new();
        let clock = Arc::new(TestClock::new());
        let settings = tenant.settings(changes);
        let keys = Keys::new(&settings, clock.clone(), Arc::new(tenant.clone()));
        Self {
            tenant,
            clock,
            keys,
        }
    }

    async fn ready() -> Self {
        let harness = Self::new(&[]);
        harness.keys.refresh_due().await;
        assert!(harness.keys.are_ready());
        harness
    }

    async fn find(&self, key_id: &str) -> &'static str {
        let found = self.keys.find(ours(), key_id).await;
        found.map_or_else(|denial| denial.rule(), |_| "found")
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// How often metadata was asked for.
    fn fetches(&self) -> usize {
        let requests = self.tenant.requests();
        requests
            .iter()
            .filter(|path| path.ends_with("configuration"))
            .count()
    }
}

fn ours() -> Issuer {
    Issuer {
        tenant: tenant_id(),
        version: Version::V2,
    }
}

fn stranger(number: usize) -> Issuer {
    let tenant = format!("99999999-0000-4000-8000-{number:012x}");
    Issuer {
        tenant: TenantId::parse(&tenant).expect("a tenant"),
        version: Version::V2,
    }
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

#[tokio::test]
async fn the_keys_of_an_app_are_found_by_its_id_and_by_nobody_else() {
    let (app, other) = (
        "eeeeeeee-0000-4000-8000-000000000007",
        "eeeeeeee-0000-4000-8000-000000000008",
    );
    let find = async |settings: &[(&str, &str)]| {
        let harness = Harness::new(settings);
        let own = [SigningKey::second().jwk()];
        harness.tenant.publish_for_app(app, &own);
        harness
            .tenant
            .publish_for_app(other, &[SigningKey::first().jwk()]);
        let found = (
            harness.find("second-key").await,
            harness.find("first-key").await,
        );
        (found, harness.tenant.requests())
    };

    let (found, requests) = find(&[("STOCKADE__AUTH__KEYS_APP_ID", &app.to_uppercase())]).await;
    assert_eq!(found, ("found", "unknown_key"));
    let query = format!("?appid={app}");
    assert!(requests.len() >= 2 && requests.iter().all(|path| path.ends_with(&query)));

    let (found, _) = find(&[("STOCKADE__AUTH__KEYS_APP_ID", other)]).await;
    assert_eq!(found, ("unknown_key", "found"));
    let (found, requests) = find(&[]).await;
    assert_eq!(found, ("unknown_key", "found"));
    assert!(requests.iter().all(|path| !path.contains('?')));
}

#[tokio::test]
async fn the_first_token_brings_the_keys_and_the_next_ones_use_them() {
    let harness = Harness::new(&[]);
    assert!(!harness.keys.are_ready());

    assert_eq!(harness.find("first-key").await, "found");
    assert_eq!(harness.find("first-key").await, "found");

    assert!(harness.keys.are_ready());
    assert_eq!(harness.fetches(), 1);
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_fetch() {
    let harness = Harness::new(&[]);

    let found = join_all((0..50).map(|_| harness.find("first-key"))).await;

    assert_eq!(found, ["found"; 50]);
    assert_eq!(harness.fetches(), 1);
}

#[tokio::test]
async fn an_unknown_name_causes_one_fetch_in_each_cooldown() {
    let harness = Harness::ready().await;
    assert_eq!(harness.fetches(), 1);

    let unknown = join_all((0..50).map(|_| harness.find("no-such-key"))).await;
    assert_eq!(unknown, ["unknown_key"; 50]);
    assert_eq!(harness.fetches(), 2);

    harness.advance(299);
    assert_eq!(harness.find("another").await, "unknown_key");
    assert_eq!(harness.fetches(), 2);

    harness.advance(1);
    assert_eq!(harness.find("another").await, "unknown_key");
    assert_eq!(harness.fetches(), 3);
}

#[tokio::test]
async fn a_new_key_is_found_without_a_restart() {
    let harness = Harness::ready().await;
    assert_eq!(harness.find("first-key").await, "found");

    harness
        .tenant
        .publish(&[SigningKey::first().jwk(), SigningKey::second().jwk()]);

    assert_eq!(harness.find("second-key").await, "found");
    assert_eq!(harness.find("first-key").await, "found");
}

#[tokio::test]
async fn a_withdrawn_key_ends_at_the_next_good_refresh() {
    let harness = Harness::ready().await;
    let key = harness
        .keys
        .find(ours(), "first-key")
        .await
        .expect("the key");
    harness.tenant.publish(&[SigningKey::second().jwk()]);
    assert!(key.is_good(harness.clock.uptime()));

    harness.advance(2 * HOUR);
    harness.keys.refresh_due().await;

    assert!(!key.is_good(harness.clock.uptime()));
    assert_eq!(harness.find("first-key").await, "unknown_key");
    assert_eq!(harness.find("second-key").await, "found");
}

#[tokio::test]
async fn a_key_that_stays_is_the_same_object_after_a_refresh() {
    let harness = Harness::ready().await;
    let before = harness
        .keys
        .find(ours(), "first-key")
        .await
        .expect("the key");

    harness.advance(2 * HOUR);
    harness.keys.refresh_due().await;

    let after = harness
        .keys
        .find(ours(), "first-key")
        .await
        .expect("the key");
    assert!(Arc::ptr_eq(&before, &after));
    assert_eq!(harness.fetches(), 2);
}

#[tokio::test]
async fn another_key_under_the_old_name_takes_its_place() {
    let harness = Harness::ready().await;
    let before = harness
        .keys
        .find(ours(), "first-key")
        .await
        .expect("the key");
    let mut other = SigningKey::second().jwk();
    other["kid"] = json!("first-key");
    harness.tenant.publish(&[other]);

    harness.advance(2 * HOUR);
    harness.keys.refresh_due().await;

    let after = harness
        .keys
        .find(ours(), "first-key")
        .await
        .expect("the key");
    assert!(!Arc::ptr_eq(&before, &after));
    assert!(!before.is_good(harness.clock.uptime()));
}

#[tokio::test]
async fn keys_are_refreshed_about_every_hour_and_not_before() {
    let harness = Harness::ready().await;

    harness.advance(HOUR - 1);
    harness.keys.refresh_due().await;
    assert_eq!(harness.fetches(), 1);

    // The jitter is at most 5 %.
    harness.advance(HOUR / 20 + 1);
    harness.keys.refresh_due().await;
    assert_eq!(harness.fetches(), 2);
}

#[tokio::test]
async fn the_last_good_keys_outlive_an_outage_of_a_day_and_no_longer() {
    let harness = Harness::ready().await;
    let key = harness
        .keys
        .find(ours(), "first-key")
        .await
        .expect("the key");
    harness.tenant.fail(503);

    harness.advance(DAY - 1);
    harness.keys.refresh_due().await;
    assert_eq!(harness.find("first-key").await, "found");
    assert!(harness.keys.are_ready());

    harness.advance(1);
    assert_eq!(harness.find("first-key").await, "keys_unavailable");
    assert!(!key.is_good(harness.clock.uptime()));
    assert!(!harness.keys.are_ready());
}

#[tokio::test]
async fn an_empty_or_broken_set_never_replaces_a_good_one() {
    let harness = Harness::ready().await;
    for broken in ["{\"keys\":[]}", "{}", "", "not JSON"] {
        harness.tenant.serve(
            &format!("/{}/discovery/v2.0/keys", tenant_id()),
            broken.to_owned(),
        );
        harness.advance(2 * HOUR);
        harness.keys.refresh_due().await;

        assert_eq!(harness.find("first-key").await, "found", "{broken}");
    }
    assert_eq!(harness.fetches(), 5);
}

#[tokio::test]
async fn an_unknown_name_in_an_outage_is_refused_as_unknown() {
    let harness = Harness::ready().await;
    harness.tenant.fail(503);

    assert_eq!(harness.find("no-such-key").await, "unknown_key");
    assert_eq!(harness.find("first-key").await, "found");
}

#[tokio::test]
async fn without_keys_the_answer_is_later_and_recovery_needs_no_help() {
    let harness = Harness::new(&[]);
    harness.tenant.fail(503);

    let denial = harness
        .keys
        .find(ours(), "first-key")
        .await
        .expect_err("no keys");
    assert_eq!(denial.rule(), "keys_unavailable");
    assert_eq!(denial.retry_after(), Some(2));
    assert_eq!(harness.fetches(), 1);

    // Not due yet: nobody is asked, nobody waits.
    assert_eq!(harness.find("first-key").await, "keys_unavailable");
    assert_eq!(harness.fetches(), 1);

    harness.tenant.recover();
    harness.advance(1);
    assert_eq!(harness.find("first-key").await, "keys_unavailable");
    harness.keys.refresh_due().await;
    assert_eq!(harness.find("first-key").await, "found");
    assert_eq!(harness.fetches(), 2);
}

#[tokio::test]
async fn a_caller_who_gives_up_does_not_end_the_fetch_for_others() {
    let harness = Harness::new(&[]);

    let impatient = harness.keys.find(ours(), "first-key").now_or_never();
    assert!(impatient.is_none());

    assert_eq!(harness.find("first-key").await, "found");
    assert_eq!(harness.fetches(), 1);
}

#[tokio::test]
async fn the_two_forms_of_a_tenant_have_keys_of_their_own() {
    let harness = Harness::new(&[("STOCKADE__AUTH__ACCEPT_V1", "true")]);
    harness.keys.refresh_due().await;
    assert_eq!(harness.fetches(), 2);

    let v1 = Issuer {
        version: Version::V1,
        ..ours()
    };
    let first = harness.keys.find(ours(), "first-key").await;
    let other = harness.keys.find(v1, "first-key").await;

    assert!(!Arc::ptr_eq(&first.expect("v2"), &other.expect("v1")));
}

#[tokio::test]
async fn a_tenant_that_is_not_listed_is_never_asked_for() {
    let harness = Harness::ready().await;

    let denial = harness.keys.find(stranger(1), "first-key").await;

    assert_eq!(denial.expect_err("not listed").rule(), "tenant");
    assert_eq!(harness.fetches(), 1);
}

#[tokio::test]
async fn any_tenant_brings_its_own_keys() {
    let harness = Harness::new(&[("STOCKADE__AUTH__TENANTS", "any")]);
    assert!(harness.keys.are_ready());

    assert_eq!(harness.find("first-key").await, "found");

    let denial = harness.keys.find(stranger(1), "first-key").await;
    assert_eq!(denial.expect_err("no such tenant").rule(), "unknown_key");
}

#[tokio::test]
async fn strangers_at_random_keep_new_tenants_waiting_but_not_known_ones() {
    let harness = Harness::new(&[("STOCKADE__AUTH__TENANTS", "any")]);
    assert_eq!(harness.find("first-key").await, "found");
    let limit = usize::try_from(NEW_RINGS_A_MINUTE).expect("a small number");

    for number in 0..limit - 1 {
        let denial = harness.keys.find(stranger(number), "first-key").await;
        assert_eq!(denial.expect_err("no such tenant").rule(), "unknown_key");
    }
    let denial = harness.keys.find(stranger(limit), "first-key").await;
    let denial = denial.expect_err("too many");

    assert_eq!(denial.rule(), "keys_unavailable");
    assert_eq!(denial.retry_after(), Some(60));
    assert_eq!(harness.find("first-key").await, "found");
}

#[tokio::test]
async fn the_number_of_rings_is_bounded_and_those_in_use_are_kept() {
    let harness = Harness::new(&[("STOCKADE__AUTH__TENANTS", "any")]);
    assert_eq!(harness.find("first-key").await, "found");

    for number in 0..MAX_RINGS + 100 {
        if number % 200 == 0 {
            harness.advance(60);
        }
        let _ = harness.keys.find(stranger(number), "first-key").await;
    }
    let fetches = harness.fetches();

    assert_eq!(harness.keys.rings.load().len(), MAX_RINGS);
    assert_eq!(harness.find("first-key").await, "found");
    assert_eq!(harness.fetches(), fetches);
}

#[tokio::test]
async fn a_tenant_that_stays_away_for_a_day_is_forgotten_with_its_keys() {
    let harness = Harness::new(&[("STOCKADE__AUTH__TENANTS", "any")]);
    let key = harness
        .keys
        .find(ours(), "first-key")
        .await
        .expect("the key");

    harness.advance(DAY - 1);
    harness.keys.refresh_due().await;
    assert!(key.is_good(harness.clock.uptime()));

    harness.advance(1);
    harness.keys.refresh_due().await;
    assert!(!key.is_good(harness.clock.uptime()));
    assert!(harness.keys.rings.load().is_empty());
}
