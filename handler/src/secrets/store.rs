//! The secrets of an app, and the tasks that keep them fresh.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::declared::{Declaration, Declared, Need};
use super::settings::SecretSettings;
use super::slot::Slot;
use super::value::Secret;
use super::vault::ObjectName;
use super::watch::SecretWatch;
use crate::auth::Clock;

/// The secrets that an app declares; nothing at all where it declares none. A cheap clone.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Option<Arc<Store>>);

struct Store {
    slots: Box<[Slot]>,
    clock: Arc<dyn Clock>,
    changes: watch::Sender<()>,
}

impl Secrets {
    /// Room for these secrets, which equal declarations share.
    pub(crate) fn new(declared: Vec<Declaration>, clock: Arc<dyn Clock>) -> Self {
        if declared.is_empty() {
            return Self(None);
        }
        Self(Some(Arc::new(Store {
            slots: declared.into_iter().map(Slot::new).collect(),
            clock,
            changes: watch::Sender::new(()),
        })))
    }

    /// Starts a task for each secret, which fetches it now and again until the set is dropped.
    pub(crate) fn keep_fresh(&self, settings: &SecretSettings) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let Some(store) = &self.0 else { return tasks };
        for index in 0..store.slots.len() {
            tasks.spawn(keep_fresh(Arc::clone(store), index, settings.clone()));
        }
        tasks
    }

    /// Waits for the first answers, no longer than `within`, and says in the log what they brought.
    pub(crate) async fn prepare(&self, within: Duration) {
        let Some(store) = &self.0 else { return };
        let started = store.clock.uptime();
        self.settled(store.slots.iter(), within).await;
        let took = store.clock.uptime().saturating_sub(started);
        let clock = &*store.clock;
        let read = store
            .slots
            .iter()
            .filter(|slot| slot.current(clock).is_some());
        tracing::info!(
            read = read.count(),
            declared = store.slots.len(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "secrets were read"
        );
    }

    /// Waits for the first answers about these, no longer than `within`.
    pub(crate) async fn prepare_for(&self, needed: &[Declaration], within: Duration) {
        let Some(store) = &self.0 else { return };
        let slots = needed.iter().filter_map(|one| store.slot(one));
        self.settled(slots, within).await;
    }

    /// Waits until each is there, or somebody has to mend something first. What is not there by then
    /// is asked for again, and those who need it wait or fail.
    async fn settled<'a>(&self, slots: impl Iterator<Item = &'a Slot>, within: Duration) {
        let mut changes = self.changes();
        let settled = async {
            for slot in slots {
                while !slot.is_settled() {
                    changes.next().await;
                }
            }
        };
        let _ = tokio::time::timeout(within, settled).await;
    }

    /// Waits for no answers, since there is no vault to ask.
    pub(crate) fn settle(&self) {
        let Some(store) = &self.0 else { return };
        store.slots.iter().for_each(Slot::settle);
        let required = |slot: &&Slot| slot.declaration.need == Need::Required;
        let required = store.slots.iter().filter(required).count();
        if required > 0 {
            tracing::warn!(
                required,
                "no vault is named, so functions that require a secret do not run; `cargo fn dev` \
                 brings one, or set STOCKADE__SECRETS__VAULT_URI"
            );
        }
    }

    /// The value that counts now, if there is one and the secret is declared.
    pub(crate) fn current<K: Declared>(&self) -> Option<Secret<K>> {
        let store = self.0.as_ref()?;
        let slot = store.slot(&Declaration::of::<K>(Need::Required))?;
        slot.current(&*store.clock).map(Secret::of)
    }

    /// Whether the app declares the secret.
    pub(crate) fn knows<K: Declared>(&self) -> bool {
        let declaration = Declaration::of::<K>(Need::Required);
        let store = self.0.as_ref();
        store.is_some_and(|store| store.slot(&declaration).is_some())
    }

    pub(crate) fn watch<K: Declared>(&self) -> SecretWatch<K> {
        SecretWatch::new(self)
    }

    /// The first required one of these that is not there.
    pub(crate) fn missing(&self, needed: &[Declaration]) -> Option<ObjectName> {
        let mut required = needed.iter().filter(|one| one.need == Need::Required);
        let missing = required.find(|one| {
            let store = self.0.as_ref();
            let slot = store.and_then(|store| Some((store, store.slot(one)?)));
            slot.is_none_or(|(store, slot)| slot.current(&*store.clock).is_none())
        });
        missing.map(|one| one.name)
    }

    /// Waits until each required one of these is there.
    pub(crate) async fn wait_for(&self, needed: &[Declaration]) {
        let mut changes = self.changes();
        while self.missing(needed).is_some() {
            changes.next().await;
        }
    }

    /// What happens from now on.
    pub(crate) fn changes(&self) -> Changes {
        Changes(self.0.as_ref().map(|store| store.changes.subscribe()))
    }

    #[cfg(test)]
    pub(super) fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// Fills a slot by hand.
    ///
    /// # Panics
    ///
    /// When the app declares no such secret, or the text is no such value.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn fill<K: Declared>(&self, text: &str) {
        use super::vault::ObjectVersion;

        let declaration = Declaration::of::<K>(Need::Required);
        let store = self.0.as_ref();
        let found = store.and_then(|store| Some((store, store.slot(&declaration)?)));
        let Some((store, slot)) = found else {
            panic!("the app does not declare the secret `{}`", K::NAME)
        };
        let count = self
            .current::<K>()
            .map_or(0, |secret| secret.version_id().number());
        let version = declaration
            .version
            .unwrap_or_else(|| ObjectVersion::for_tests(count + 1));
        if let Err(why) = slot.fill(text.into(), version) {
            panic!("the text is no value of `{}`: {why}", K::NAME);
        }
        store.changes.send_replace(());
    }
}

impl Store {
    fn slot(&self, declaration: &Declaration) -> Option<&Slot> {
        self.slots
            .iter()
            .find(|slot| slot.declaration.is_same(declaration))
    }
}

async fn keep_fresh(store: Arc<Store>, index: usize, settings: SecretSettings) {
    let slot = &store.slots[index];
    let mut failures = 0;
    loop {
        let pause = slot.refresh(&settings, &*store.clock, &mut failures).await;
        store.changes.send_replace(());
        tokio::time::sleep(pause).await;
    }
}

/// Tells when some secret has changed, or may have.
pub(crate) struct Changes(Option<watch::Receiver<()>>);

impl Changes {
    /// Waits for the next change since the last call; for ever where there are no secrets.
    pub(crate) async fn next(&mut self) {
        if let Some(changes) = &mut self.0
            && changes.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}
