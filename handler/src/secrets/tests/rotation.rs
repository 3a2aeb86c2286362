//! New versions.

use std::cell::Cell;

use serde::Deserialize;
use validator::Validate;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_rotation_is_seen_without_a_restart_and_told_once() {
    let world = World::of_key(Version::new(1, "one")).await;
    let taken: Secret<Key> = world.secrets.current().unwrap();
    world.vault.put::<Key>(Version::new(2, "two"));
    assert_eq!(world.key().unwrap(), "one");

    after(301).await;

    assert_eq!(world.key().unwrap(), "two");
    assert_eq!(
        taken.expose_secret(),
        "one",
        "what was taken stays as it is"
    );
    assert_eq!(taken.version(), "00000000000000000000000000000001");
    assert_eq!(world.lines("INFO", "\"rotated\""), 1);
    after(1000).await;
    assert_eq!(world.lines("INFO", "\"rotated\""), 1);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_held_stays_as_it_is() {
    let world = World::of_key(Version::new(1, "one")).await;
    let before: Secret<Key> = world.secrets.current().unwrap();

    after(1000).await;

    let now: Secret<Key> = world.secrets.current().unwrap();
    assert!(world.vault.asked::<Key>() > 2);
    assert!(std::ptr::eq(before.expose_secret(), now.expose_secret()));
    assert_eq!(world.lines("INFO", "\"rotated\""), 0);
}

thread_local! {
    static ALIVE: Cell<i32> = const { Cell::new(0) };
}

/// Counts those that are alive.
#[derive(Deserialize, Validate)]
#[serde(try_from = "Counted")]
pub(super) struct Counting {
    pub(super) password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {
    password: String,
}

impl From<Counted> for Counting {
    fn from(counted: Counted) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self {
            password: counted.password,
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}

crate::secret! {
    /// A document.
    Document: "erp-access" as Counting
}

#[tokio::test(start_paused = true)]
async fn an_old_version_is_dropped_with_its_last_user() {
    let world = World::new(declared::<Document>(), |vault| {
        vault.put::<Document>(Version::new(1, r#"{"password":"one"}"#));
    });
    world.secrets.prepare(Duration::from_secs(5)).await;
    let taken: Secret<Document> = world.secrets.current().unwrap();
    let again = taken.clone();
    assert_eq!(ALIVE.get(), 1);

    world
        .vault
        .put::<Document>(Version::new(2, r#"{"password":"two"}"#));
    after(301).await;

    let now: Secret<Document> = world.secrets.current().unwrap();
    assert_eq!(now.expose_secret().password, "two");
    assert_eq!(ALIVE.get(), 2);
    drop(taken);
    assert_eq!(ALIVE.get(), 2);
    drop(again);
    assert_eq!(ALIVE.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pinned_version_is_not_rotated_and_its_attributes_count() {
    let world = World::new(declared::<Pinned>(), |vault| {
        vault.put::<Pinned>(Version::new(1, "one"));
    });
    world.secrets.prepare(Duration::from_secs(5)).await;
    world.vault.put::<Pinned>(Version::new(2, "two"));

    after(1000).await;
    assert_eq!(world.value::<Pinned>().unwrap(), "one");
    assert!(world.vault.asked::<Pinned>() > 2);

    world.vault.put::<Pinned>(Version::new(1, "one").disabled());
    after(301).await;
    assert_eq!(world.value::<Pinned>(), None);

    world.vault.put::<Pinned>(Version::new(1, "one"));
    after(31).await;
    assert_eq!(world.value::<Pinned>().unwrap(), "one");
}

#[tokio::test(start_paused = true)]
async fn a_new_version_that_cannot_be_read_does_not_take_the_place_of_a_good_one() {
    for broken in [
        "",
        "no json",
        r#"{"password":"two","extra":1}"#,
        r#"{"password":"two"} "#.trim_end().strip_suffix('}').unwrap(),
        r#"{"password":"two","password":"three"}"#,
    ] {
        let world = World::new(declared::<Document>(), |vault| {
            vault.put::<Document>(Version::new(1, r#"{"password":"one"}"#));
        });
        world.secrets.prepare(Duration::from_secs(5)).await;
        world.vault.put::<Document>(Version::new(2, broken));

        after(301).await;

        let now: Secret<Document> = world.secrets.current().unwrap();
        assert_eq!(now.expose_secret().password, "one", "{broken}");
        assert!(world.lines("WARN", "secret.failed") > 0);
        after(25 * 60 * 60).await;
        assert!(world.secrets.current::<Document>().is_none(), "{broken}");
    }
}

#[derive(Deserialize, Validate)]
struct Access {
    #[validate(length(min = 8))]
    password: String,
}

crate::secret! {
    /// A document with a rule.
    Ruled: "erp-access" as Access
}

#[tokio::test(start_paused = true)]
async fn a_document_counts_only_if_it_keeps_the_rules_of_its_type() {
    for (text, counts) in [
        (r#"{"password":"12345678"}"#, true),
        (r#"{"password":"1234567"}"#, false),
        (r#"{"password":"12345678","more":1}"#, false),
        ("", false),
    ] {
        let world = World::new(declared::<Ruled>(), |vault| {
            vault.put::<Ruled>(Version::new(1, text));
        });
        world.secrets.prepare(Duration::from_secs(5)).await;

        let now: Option<Secret<Ruled>> = world.secrets.current();
        assert_eq!(now.is_some(), counts, "{text}");
        if let Some(now) = now {
            assert_eq!(now.expose_secret().password, "12345678");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_text_is_no_secret() {
    let world = World::of_key(Version::new(1, "")).await;

    assert_eq!(world.key(), None);
    assert_eq!(world.lines("WARN", "it is empty"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_gives_each_version_once() {
    let world = World::of_key(Version::new(1, "one")).await;
    let mut watch = world.secrets.watch::<Key>();
    assert_eq!(watch.current().unwrap().expose_secret(), "one");
    let nothing = tokio::time::timeout(Duration::from_secs(1000), watch.rotated()).await;
    assert!(nothing.is_err(), "what was there does not count");

    world.vault.put::<Key>(Version::new(2, "two"));
    assert_eq!(watch.rotated().await.expose_secret(), "two");
    let nothing = tokio::time::timeout(Duration::from_secs(1000), watch.rotated()).await;
    assert!(nothing.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_version_than_the_pinned_one_does_not_count() {
    struct Liar;
    impl Vault for Liar {
        fn get<'a>(
            &'a self,
            _: ObjectName,
            _: Option<ObjectVersion>,
        ) -> BoxFuture<'a, Result<Fetched, VaultError>> {
            Box::pin(async { Ok(Version::new(2, "two").fetched()) })
        }
    }
    for (declared, counts) in [(declared::<Pinned>(), false), (declared::<Key>(), true)] {
        let needed = declared.clone();
        let secrets = Secrets::new(declared, Arc::new(TokioClock(Instant::now())));
        let settings = SecretSettings {
            vault: Arc::new(Liar),
            ..settings_of(Arc::default())
        };
        let _tasks = secrets.keep_fresh(&settings);
        secrets.prepare(Duration::from_secs(5)).await;

        assert_eq!(secrets.missing(&needed).is_none(), counts);
    }
}
