//! The keys of one issuer, and when they are fetched again.
//!
//! One fetch at a time, and it runs in a task of its own, so that a caller who gives up does not
//! end it for the others. A fetch that fails leaves the keys as they are.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::super::authority::Issuer;
use super::document::{KeySet, Metadata, Slot};
use super::key::Key;
use super::{KeyError, Origin};
use crate::telemetry::{Refresh, audit, metrics};

/// The keys of one issuer.
pub(super) struct Ring {
    issuer: Issuer,
    kept: ArcSwapOption<Kept>,
    flight: Arc<Mutex<Flight>>,
    /// How many fetches have ended, well or badly.
    fetches: AtomicU64,
    /// The uptime in milliseconds at which the next fetch is due.
    due: AtomicU64,
    /// The uptime in milliseconds at which somebody last asked for a key.
    used: AtomicU64,
    failure: ArcSwapOption<KeyError>,
}

/// The last good keys.
struct Kept {
    set: KeySet,
    good_until: Duration,
}

/// Held by whoever fetches.
#[derive(Default)]
struct Flight {
    /// How many fetches in a row have failed.
    failures: u32,
    /// The uptime at which an unknown name last caused a fetch.
    asked: Option<Duration>,
}

/// What there is under a name.
pub(super) enum Look {
    Found(Arc<Key>),
    Unusable(&'static str),
    /// There are keys, but none of this name.
    Unknown,
    /// There are no keys, or only keys that are too old.
    NoKeys,
}

/// Why keys are fetched again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Due,
    UnknownKey,
}

impl Ring {
    pub(super) fn new(issuer: Issuer) -> Self {
        Self {
            issuer,
            kept: ArcSwapOption::empty(),
            flight: Arc::default(),
            fetches: AtomicU64::new(0),
            due: AtomicU64::new(0),
            used: AtomicU64::new(0),
            failure: ArcSwapOption::empty(),
        }
    }

    pub(super) fn look_up(&self, key_id: &str, now: Duration) -> Look {
        let kept = self.kept.load();
        let Some(kept) = kept.as_ref().filter(|kept| now < kept.good_until) else {
            return Look::NoKeys;
        };
        match kept.set.slots.get(key_id) {
            Some(Slot::Key(key)) => Look::Found(key.clone()),
            Some(Slot::Unusable(why)) => Look::Unusable(why),
            None => Look::Unknown,
        }
    }

    pub(super) fn has_keys(&self, now: Duration) -> bool {
        let kept = self.kept.load();
        kept.as_ref().is_some_and(|kept| now < kept.good_until)
    }

    /// Ends all keys.
    pub(super) fn withdraw(&self) {
        if let Some(kept) = self.kept.swap(None) {
            kept.keys().for_each(|(_, key)| key.withdraw());
        }
    }

    /// The uptime at which the next fetch is due.
    pub(super) fn due(&self) -> Duration {
        Duration::from_millis(self.due.load(Ordering::Relaxed))
    }

    /// The uptime at which somebody last asked for a key.
    pub(super) fn used(&self) -> Duration {
        Duration::from_millis(self.used.load(Ordering::Relaxed))
    }

    pub(super) fn touch(&self, now: Duration) {
        self.used.store(millis(now), Ordering::Relaxed);
    }

    /// Why the last fetch failed, if it did.
    pub(super) fn failure(&self) -> Option<Arc<KeyError>> {
        self.failure.load_full()
    }

    /// Fetches the keys, unless a fetch that was under way has just ended or the cool-down forbids
    /// it.
    pub(super) async fn refresh(self: &Arc<Self>, origin: &Arc<Origin>, cause: Cause) {
        let fetches = self.fetches.load(Ordering::Acquire);
        let mut flight = self.flight.clone().lock_owned().await;
        if self.fetches.load(Ordering::Acquire) != fetches {
            return;
        }
        if cause == Cause::UnknownKey {
            // `kid` is the caller's to choose, so it buys one fetch in a while.
            let now = origin.clock.uptime();
            if flight
                .asked
                .is_some_and(|last| now < last + origin.cooldown)
            {
                return;
            }
            flight.asked = Some(now);
        }
        // A panic in there is reported by the runtime; the keys stay as they are.
        let _ = tokio::spawn(self.clone().fetch(origin.clone(), flight)).await;
    }

    /// Waits for the first keys of all. Once a fetch has failed nobody waits any more: the next
    /// one runs behind their backs as soon as it is due.
    pub(super) async fn fetch_first(self: &Arc<Self>, origin: &Arc<Origin>) {
        if self.fetches.load(Ordering::Acquire) == 0 {
            self.refresh(origin, Cause::Due).await;
        } else if self.due() <= origin.clock.uptime()
            && let Ok(flight) = self.flight.clone().try_lock_owned()
        {
            tokio::spawn(self.clone().fetch(origin.clone(), flight));
        }
    }

    async fn fetch(self: Arc<Self>, origin: Arc<Origin>, mut flight: OwnedMutexGuard<Flight>) {
        let fetched = tokio::time::timeout(TIMEOUT, self.read(&origin)).await;
        let fetched = fetched.unwrap_or(Err(KeyError::TimedOut));
        metrics().keys_refreshed(Refresh::of(&fetched));
        let now = origin.clock.uptime();
        let pause = match fetched {
            Ok(set) => {
                self.log(&set);
                self.keep(set, now + LAST_KNOWN_GOOD);
                flight.failures = 0;
                self.failure.store(None);
                jittered(INTERVAL)
            }
            Err(error) => {
                let error = Arc::new(error);
                audit::keys_failed(self.issuer.tenant.as_str(), &*error);
                flight.failures = flight.failures.saturating_add(1);
                self.failure.store(Some(error));
                back_off(flight.failures, self.has_keys(now))
            }
        };
        self.due.store(millis(now + pause), Ordering::Relaxed);
        self.fetches.fetch_add(1, Ordering::Release);
    }

    async fn read(&self, origin: &Origin) -> Result<KeySet, KeyError> {
        let authority = &origin.authority;
        let text = origin.fetch.get(authority.metadata(self.issuer)).await?;
        let metadata = Metadata::read(&text, authority, self.issuer)?;
        let text = origin.fetch.get(metadata.keys.clone()).await?;
        KeySet::read(&text, &metadata, authority, self.issuer)
    }

    /// Puts new keys in place of the old. A key that is in both stays the same object, so tokens
    /// remembered for it stay remembered; one that is gone ends them.
    fn keep(&self, mut set: KeySet, good_until: Duration) {
        let old = self.kept.load_full();
        let old_keys = || old.iter().flat_map(|kept| kept.keys());
        for (key_id, slot) in &mut set.slots {
            let Slot::Key(key) = slot else { continue };
            let same = old_keys().find(|(name, old)| *name == &**key_id && old.is_same_as(key));
            if let Some((_, old)) = same {
                *key = old.clone();
            }
            key.extend(good_until);
        }
        let kept = Arc::new(Kept { set, good_until });
        self.kept.store(Some(kept.clone()));
        self.tell_change(old.as_deref(), &kept);
        for (_, old) in old_keys() {
            if !kept.keys().any(|(_, key)| Arc::ptr_eq(key, old)) {
                old.withdraw();
            }
        }
    }

    /// Puts on record that other keys count than before.
    fn tell_change(&self, old: Option<&Kept>, new: &Kept) {
        let ids: Vec<_> = new.keys().map(|(key_id, _)| key_id).collect();
        let reason = match old {
            None => "first",
            Some(old) if !new.has_the_keys_of(old) => "changed",
            Some(_) => return,
        };
        audit::keys_changed(self.issuer.tenant.as_str(), &ids, reason);
    }

    fn log(&self, set: &KeySet) {
        let keys = set.slots.len();
        let dropped = set.dropped;
        if dropped > 0 {
            tracing::warn!(tenant = %self.issuer.tenant, keys, dropped, "signing keys were fetched; some entries are of no use");
        } else {
            tracing::debug!(tenant = %self.issuer.tenant, keys, "signing keys were fetched");
        }
    }
}

impl Kept {
    /// Whether the keys are the same. One that stays is the same object.
    fn has_the_keys_of(&self, old: &Self) -> bool {
        let in_old = |(name, key): (&str, &Arc<Key>)| {
            old.keys()
                .any(|(other, old)| other == name && Arc::ptr_eq(old, key))
        };
        self.keys().count() == old.keys().count() && self.keys().all(in_old)
    }

    fn keys(&self) -> impl Iterator<Item = (&str, &Arc<Key>)> {
        let slots = self.set.slots.iter();
        slots.filter_map(|(name, slot)| match slot {
            Slot::Key(key) => Some((&**name, key)),
            Slot::Unusable(_) => None,
        })
    }
}

/// How long to wait after so many failures in a row: doubled each time, and longer where old keys
/// still serve.
fn back_off(failures: u32, has_keys: bool) -> Duration {
    let longest = if has_keys { 300 } else { 15 };
    let seconds = 1_u64 << failures.saturating_sub(1).min(16);
    Duration::from_secs(seconds.min(longest))
}

/// Up to 5 % more, so that the instances of an app do not ask in step.
fn jittered(interval: Duration) -> Duration {
    // Only politeness hangs on it. The crypto backend's generator would cost the start 30 ms of
    // collecting entropy, and the standard library's is seeded by the operating system as well.
    let random = RandomState::new().build_hasher().finish() as u8;
    interval + interval / 20 * u32::from(random) / 255
}

fn millis(uptime: Duration) -> u64 {
    u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX)
}

const INTERVAL: Duration = Duration::from_secs(60 * 60);
const LAST_KNOWN_GOOD: Duration = Duration::from_secs(24 * 60 * 60);

/// For metadata and keys together.
const TIMEOUT: Duration = Duration::from_secs(5);
