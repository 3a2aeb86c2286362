//! A vault that is away, slow, throttling or that takes a secret back.

use super::*;

const DAY: u64 = 24 * 60 * 60;

#[tokio::test(start_paused = true)]
async fn the_last_good_value_counts_for_a_day_while_the_vault_is_away_and_no_longer() {
    for fault in [
        (|| VaultError::Unreachable("x")) as fn() -> VaultError,
        || VaultError::TimedOut,
        || VaultError::Throttled { retry_after: None },
        || VaultError::Identity("x"),
        || VaultError::Forbidden,
        || VaultError::ForeignChallenge,
        || VaultError::Malformed("x"),
    ] {
        let world = World::of_key(Version::new(1, "one")).await;
        world.vault.fails_with(fault);

        after(DAY - 1).await;
        assert_eq!(world.key().unwrap(), "one", "{:?}", fault());
        after(1).await;
        assert_eq!(world.key(), None, "{:?}", fault());

        after(1).await;
        assert_eq!(world.lines("WARN", "\"reason\":\"too_old\""), 1);
        after(DAY).await;
        assert_eq!(world.lines("WARN", "\"reason\":\"too_old\""), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn each_good_answer_makes_the_day_begin_again() {
    let world = World::of_key(Version::new(1, "one")).await;

    after(3 * DAY).await;
    assert_eq!(world.key().unwrap(), "one");
    world.vault.fails_with(|| VaultError::TimedOut);
    after(DAY - 301).await;
    assert_eq!(world.key().unwrap(), "one");
    assert_eq!(world.lines("WARN", "secret.ended"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_the_vault_says_is_no_more_ends_at_once() {
    for fault in [(|| VaultError::NotFound) as fn() -> VaultError, || {
        VaultError::Disabled
    }] {
        let world = World::of_key(Version::new(1, "one")).await;
        world.vault.fails_with(fault);

        after(301).await;

        assert_eq!(world.key(), None, "{:?}", fault());
        assert_eq!(world.lines("WARN", "\"reason\":\"vault\""), 1);
    }
    let world = World::of_key(Version::new(1, "one")).await;
    world.vault.remove::<Key>();
    after(301).await;
    assert_eq!(world.key(), None);
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_is_told_each_time_and_tried_again_at_growing_pauses() {
    let world = World::of_key(Version::new(1, "one")).await;
    world.vault.fails_with(|| VaultError::Unreachable("x"));

    after(DAY - 1).await;

    let times = world.vault.times();
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The first is that of a good answer; then 1, 2, 4 … seconds, up to the usual 300.
    for (at, pause) in pauses[1..].iter().enumerate() {
        let most = Duration::from_secs(300.min(1 << at.min(20)));
        let allowed = most * 4 / 5..=most + Duration::from_millis(2);
        assert!(allowed.contains(pause), "{at}: {pause:?}");
    }
    assert!(pauses.len() > 250, "{}", pauses.len());
    let told = world.lines("WARN", "secret.failed");
    assert_eq!(told, times.len() - 1);
    let line = world.log.lines().pop().unwrap();
    assert!(line.contains(r#""secret":"erp-key""#), "{line}");
    assert!(line.contains("the vault cannot be reached"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn without_a_value_nobody_waits_longer_than_half_a_minute_for_the_next_try() {
    let world = World::new(declared::<Key>(), |vault| {
        vault.fails_with(|| VaultError::Forbidden);
    });
    after(3600).await;
    world.vault.works();
    world.vault.put::<Key>(Version::new(1, "one"));

    after(31).await;

    assert_eq!(world.key().unwrap(), "one");
    let tries = world.vault.asked::<Key>();
    assert!((110..170).contains(&tries), "{tries}");
}

#[tokio::test(start_paused = true)]
async fn a_throttling_vault_is_left_alone_as_long_as_it_asks_for_within_reason() {
    fn in_a_minute() -> VaultError {
        VaultError::Throttled {
            retry_after: Some(Duration::from_secs(60)),
        }
    }
    fn in_a_year() -> VaultError {
        VaultError::Throttled {
            retry_after: Some(Duration::from_secs(365 * DAY)),
        }
    }
    for (fault, pause) in [(in_a_minute as fn() -> VaultError, 60), (in_a_year, 300)] {
        let world = World::new(declared::<Key>(), |vault| vault.fails_with(fault));
        after(pause - 1).await;
        assert_eq!(world.vault.asked::<Key>(), 1, "{pause}");
        after(2).await;
        assert_eq!(world.vault.asked::<Key>(), 2, "{pause}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_comes_back_is_believed_again() {
    let world = World::of_key(Version::new(1, "one")).await;
    world.vault.remove::<Key>();
    after(301).await;
    assert_eq!(world.key(), None);

    world.vault.put::<Key>(Version::new(2, "two"));
    after(31).await;
    assert_eq!(world.key().unwrap(), "two");
    let asked = world.vault.asked::<Key>();
    after(205).await;
    assert_eq!(world.vault.asked::<Key>(), asked, "it is at rest again");
}
