//! When the vault is asked.

use super::*;

#[tokio::test(start_paused = true)]
async fn all_secrets_are_fetched_at_once_before_the_start_goes_on() {
    let declared = [declared::<Key>(), declared::<Other>(), declared::<Pinned>()].concat();
    let started = Instant::now();
    let world = World::new(declared, |vault| {
        vault.put::<Key>(Version::new(1, "one"));
        vault.put::<Other>(Version::new(7, "seven"));
        vault.takes(Duration::from_secs(2));
    });

    world.secrets.prepare(Duration::from_secs(5)).await;

    assert_eq!(started.elapsed(), Duration::from_secs(2));
    assert_eq!(world.key().unwrap(), "one");
    assert_eq!(world.value::<Other>().unwrap(), "seven");
    assert_eq!(world.value::<Pinned>().unwrap(), "one");
    let line = world.log.lines().pop().unwrap();
    assert!(line.contains("secrets were read"), "{line}");
    assert!(line.contains(r#""read":3,"declared":3"#), "{line}");
    assert!(line.contains(r#""duration_ms":2000"#), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_takes_its_time_holds_the_start_up_no_longer_than_it_may() {
    let started = Instant::now();
    let world = World::new(declared::<Key>(), |vault| {
        vault.put::<Key>(Version::new(1, "one"));
        vault.takes(Duration::from_secs(60));
    });

    world.secrets.prepare(Duration::from_secs(5)).await;
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    assert_eq!(world.key(), None);

    after(56).await;
    assert_eq!(world.key().unwrap(), "one");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_waiting_does_not_change_is_not_waited_for() {
    for (fault, waits) in [
        ((|| VaultError::NotFound) as fn() -> VaultError, false),
        (|| VaultError::Disabled, false),
        (|| VaultError::Forbidden, false),
        (|| VaultError::ForeignChallenge, false),
        (|| VaultError::Malformed("x"), false),
        (|| VaultError::Unreachable("x"), true),
        (|| VaultError::TimedOut, true),
        (|| VaultError::Identity("x"), true),
        (|| VaultError::Throttled { retry_after: None }, true),
    ] {
        let started = Instant::now();
        let world = World::new(declared::<Key>(), |vault| vault.fails_with(fault));

        world.secrets.prepare(Duration::from_secs(5)).await;

        let waited = started.elapsed() == Duration::from_secs(5);
        assert_eq!(waited, waits, "{:?}", fault());
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_asked_for_again_before_it_is_stale_and_not_much_sooner() {
    let world = World::of_key(Version::new(1, "one")).await;
    assert_eq!(world.vault.asked::<Key>(), 1);

    after(239).await;
    assert_eq!(world.vault.asked::<Key>(), 1);

    after(62).await;
    assert_eq!(world.vault.asked::<Key>(), 2);

    after(24 * 60 * 60).await;
    let times = world.vault.times();
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.len() >= 288, "{}", pauses.len());
    let allowed = Duration::from_secs(240)..=Duration::from_millis(300_002);
    assert!(
        pauses.iter().all(|pause| allowed.contains(pause)),
        "{pauses:?}"
    );
    assert!(
        pauses.iter().any(|pause| *pause != pauses[0]),
        "they differ"
    );
}

#[tokio::test(start_paused = true)]
async fn one_flight_fetches_for_everybody_who_waits() {
    let world = World::new(declared::<Key>(), |vault| {
        vault.put::<Key>(Version::new(1, "one"));
        vault.takes(Duration::from_secs(400));
    });
    let needed = declared::<Key>();

    let waiting = (0..100).map(|_| world.secrets.wait_for(&needed));
    futures_util::future::join_all(waiting).await;

    assert_eq!(world.vault.asked::<Key>(), 1);
    after(2000).await;
    assert!(world.vault.asked::<Key>() > 2);
    assert_eq!(world.vault.most_under_way.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn equal_declarations_are_one_slot_and_required_if_one_is() {
    let mut all = Vec::new();
    Declaration::of::<Key>(Need::Optional).add_to(&mut all);
    Declaration::of::<Key>(Need::Optional).add_to(&mut all);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].need, Need::Optional);

    Declaration::of::<Key>(Need::Required).add_to(&mut all);
    Declaration::of::<Key>(Need::Optional).add_to(&mut all);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].need, Need::Required);

    Declaration::of::<Pinned>(Need::Required).add_to(&mut all);
    Declaration::of::<Other>(Need::Required).add_to(&mut all);
    assert_eq!(all.len(), 3);

    let world = World::new(all, |vault| vault.put::<Key>(Version::new(1, "one")));
    world.secrets.prepare(Duration::from_secs(5)).await;
    assert_eq!(
        world.vault.asked::<Key>(),
        2,
        "the latest and the pinned one"
    );
    assert_eq!(world.vault.asked::<Other>(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_app_without_secrets_has_no_store_and_no_task_and_one_with_a_secret_has() {
    let alive = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let clock = || Arc::new(TokioClock(Instant::now()));
    let vault = Arc::new(FakeVault::default());
    let settings = settings_of(vault.clone());
    let before = alive();

    let none = Secrets::new(Vec::new(), clock());
    let tasks = none.keep_fresh(&settings);
    none.prepare(Duration::from_secs(5)).await;
    assert_eq!((alive(), tasks.len()), (before, 0));
    assert!(none.is_nothing());
    assert!(vault.times().is_empty());

    let one = Secrets::new(declared::<Key>(), clock());
    let tasks = one.keep_fresh(&settings);
    assert_eq!((alive(), tasks.len()), (before + 1, 1));
    assert!(!one.is_nothing());
    drop(tasks);
    after(1).await;
    assert_eq!(alive(), before, "the tasks end with who holds them");
}
