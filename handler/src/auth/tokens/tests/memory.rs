//! What is remembered, and for how long.

use std::time::Duration;

use super::super::super::testing::{LIFETIME, START, SigningKey};
use super::Harness;

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
