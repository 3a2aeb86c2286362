//! When keys are fetched, and what happens without them.

use std::time::Duration;

use super::super::super::testing::START;
use super::{Harness, OTHER_GUID};

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
