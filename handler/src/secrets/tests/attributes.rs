//! `enabled`, `nbf` and `exp`.

use super::*;

#[tokio::test(start_paused = true)]
async fn only_a_version_that_is_enabled_counts() {
    let world = World::of_key(Version::new(1, "one").disabled()).await;
    assert_eq!(world.key(), None);

    world.vault.put::<Key>(Version::new(1, "one"));
    after(2).await;
    assert_eq!(world.key().unwrap(), "one");

    world.vault.put::<Key>(Version::new(1, "one").disabled());
    after(301).await;
    assert_eq!(world.key(), None);
    assert_eq!(world.lines("WARN", "\"reason\":\"vault\""), 1);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_has_expired_does_not_count() {
    let world = World::of_key(Version::new(1, "one").expires(0)).await;
    assert_eq!(world.key(), None);

    let world = World::of_key(Version::new(1, "one").expires(1)).await;
    assert_eq!(world.key().unwrap(), "one");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_held_ends_to_the_second_it_expires() {
    for is_away in [true, false] {
        let world = World::of_key(Version::new(1, "one").expires(100)).await;
        if is_away {
            world.vault.fails_with(|| VaultError::Unreachable("x"));
        }

        sleep(Duration::from_millis(99_999)).await;
        assert_eq!(world.key().unwrap(), "one");
        sleep(Duration::from_millis(1)).await;
        assert_eq!(world.key(), None, "{is_away}");

        after(1).await;
        assert_eq!(world.lines("WARN", "secret.ended"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_the_place_of_an_expired_version_is_fetched_as_it_expires() {
    let world = World::of_key(Version::new(1, "one").expires(100)).await;
    world.vault.put::<Key>(Version::new(2, "two"));

    after(99).await;
    assert_eq!(world.key().unwrap(), "one");
    after(2).await;
    assert_eq!(world.key().unwrap(), "two");
}

#[tokio::test(start_paused = true)]
async fn a_version_counts_from_its_first_second_on() {
    let world = World::of_key(Version::new(1, "one").not_before(20)).await;

    after(19).await;
    assert_eq!(world.key(), None);
    sleep(Duration::from_millis(1050)).await;
    assert_eq!(world.key().unwrap(), "one");
}

#[tokio::test(start_paused = true)]
async fn until_the_newest_version_begins_the_one_before_it_counts() {
    let world = World::of_key(Version::new(1, "one")).await;
    world
        .vault
        .put::<Key>(Version::new(2, "two").not_before(700));

    after(699).await;
    assert_eq!(world.key().unwrap(), "one");
    assert_eq!(world.lines("WARN", "a secret"), 0);
    sleep(Duration::from_millis(1050)).await;
    assert_eq!(world.key().unwrap(), "two");
}

#[tokio::test(start_paused = true)]
async fn the_version_before_the_newest_counts_only_while_the_vault_vouches_for_it() {
    let gone = |vault: &FakeVault| {
        vault
            .inside()
            .secrets
            .get_mut("erp-key")
            .unwrap()
            .remove(0)
            .number
    };
    for (change, name) in [
        (
            (|vault: &FakeVault| vault.put::<Key>(Version::new(1, "one").disabled()))
                as fn(&FakeVault),
            "disabled",
        ),
        (
            |vault: &FakeVault| vault.put::<Key>(Version::new(1, "one").expires(1)),
            "expired",
        ),
    ] {
        let world = World::of_key(Version::new(1, "one")).await;
        world
            .vault
            .put::<Key>(Version::new(2, "two").not_before(100_000));
        change(&world.vault);

        after(301).await;

        assert_eq!(world.key(), None, "{name}");
    }
    let world = World::of_key(Version::new(1, "one")).await;
    world
        .vault
        .put::<Key>(Version::new(2, "two").not_before(100_000));
    assert_eq!(gone(&world.vault), 1);
    after(301).await;
    assert_eq!(world.key(), None, "deleted");
}

#[tokio::test(start_paused = true)]
async fn a_version_whose_start_is_put_off_does_not_count_until_then() {
    let world = World::of_key(Version::new(1, "one")).await;
    world
        .vault
        .put::<Key>(Version::new(1, "one").not_before(1000));

    after(301).await;
    assert_eq!(world.key(), None);
    after(701).await;
    assert_eq!(world.key().unwrap(), "one");
}
