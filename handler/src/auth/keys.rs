//! The keys that tenants publish, fetched, kept fresh and looked up.
//!
//! Each tenant has its own ring of keys for each form of token, so a key counts only for the
//! issuer that publishes it (RFC 8725 §3.8). A ring is refreshed about every hour; a key name that
//! it lacks causes one refresh more, under a cool-down, since names are a stranger's to choose.
//! Whatever goes wrong, the last good keys count for 24 hours; without any the answer is that
//! nothing can be told, never that the token is bad.
//!
//! Where every tenant is accepted, rings are made as tenants turn up. Their number is bounded, and
//! so is the number of new ones in a minute: a stranger who names tenants at random can keep new
//! tenants waiting, but not those that are known.

mod document;
mod fetch;
mod key;
#[cfg(any(test, feature = "testing"))]
pub(super) mod reading;
mod ring;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::StreamExt as _;
use futures_util::stream;

use super::authority::{Authority, Issuer, Version};
use super::clock::Clock;
use super::denial::Denial;
use super::settings::{AuthSettings, Tenants, V1};
use ring::{Cause, Look, Ring};

pub(super) use fetch::HttpFetch;
pub use fetch::{Fetch, FetchError};
pub(super) use key::Key;

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A document could not be fetched.
    #[error("the login host does not answer as it should")]
    Fetch(#[from] FetchError),
    /// Metadata and keys did not arrive in time.
    #[error("the login host takes too long")]
    TimedOut,
    /// A document is not strict JSON, or lacks what it has to have.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// The metadata is that of another issuer.
    #[error("the metadata names another issuer than the one that was asked for")]
    ForeignMetadata,
    /// The metadata sends us to another place for the keys.
    #[error("the metadata points away from the login host")]
    ForeignKeys,
    /// There was no key that can be used.
    #[error("the document holds no usable signing key")]
    NoUsableKeys,
}

/// All rings, and what they are fetched with.
pub(super) struct Keys {
    rings: ArcSwap<HashMap<Issuer, Arc<Ring>>>,
    origin: Arc<Origin>,
    newcomers: Newcomers,
}

/// What a ring needs to refresh itself.
pub(super) struct Origin {
    authority: Authority,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    cooldown: Duration,
}

/// What happens to a tenant without a ring.
enum Newcomers {
    Refused,
    /// They get one, as long as not too many have come within the minute.
    Admitted(Mutex<Admissions>),
}

/// How many rings were made within a minute.
#[derive(Default)]
struct Admissions {
    minute: u64,
    count: u32,
}

impl Keys {
    pub(super) fn new(
        settings: &AuthSettings,
        clock: Arc<dyn Clock>,
        fetch: Arc<dyn Fetch>,
    ) -> Self {
        let versions: &[_] = match settings.v1 {
            V1::Refused => &[Version::V2],
            V1::Accepted => &[Version::V2, Version::V1],
        };
        let (tenants, newcomers) = match &settings.tenants {
            Tenants::Listed(tenants) => (tenants.as_slice(), Newcomers::Refused),
            Tenants::Any => (&[][..], Newcomers::Admitted(Mutex::default())),
        };
        let rings = tenants
            .iter()
            .flat_map(|&tenant| versions.iter().map(move |&version| (tenant, version)))
            .map(|(tenant, version)| Issuer { tenant, version })
            .map(|issuer| (issuer, Arc::new(Ring::new(issuer))))
            .collect::<HashMap<_, _>>();
        Self {
            rings: ArcSwap::from_pointee(rings),
            origin: Arc::new(Origin {
                authority: settings.authority.clone(),
                fetch,
                clock,
                cooldown: settings.keys_cooldown,
            }),
            newcomers,
        }
    }

    /// The key of this name, if the issuer is known to publish it. Never waits.
    ///
    /// # Errors
    ///
    /// [`Denial::UnusableKey`], or that the tenant is one too many.
    pub(super) fn known(&self, issuer: Issuer, key_id: &str) -> Result<Option<Arc<Key>>, Denial> {
        match self.ring(issuer)?.look_up(key_id, self.uptime()) {
            Look::Found(key) => Ok(Some(key)),
            Look::Unusable(why) => Err(Denial::UnusableKey(why)),
            Look::Unknown | Look::NoKeys => Ok(None),
        }
    }

    /// The key of this name that the issuer publishes, fetched if need be.
    ///
    /// Call this only for a token that claims to be ours: it may cause a refresh.
    ///
    /// # Errors
    ///
    /// [`Denial::UnknownKey`], [`Denial::UnusableKey`] or [`Denial::KeysUnavailable`].
    pub(super) async fn find(&self, issuer: Issuer, key_id: &str) -> Result<Arc<Key>, Denial> {
        let ring = self.ring(issuer)?;
        match ring.look_up(key_id, self.uptime()) {
            Look::Found(key) => return Ok(key),
            Look::Unusable(why) => return Err(Denial::UnusableKey(why)),
            Look::Unknown => ring.refresh(&self.origin, Cause::UnknownKey).await,
            Look::NoKeys => ring.fetch_first(&self.origin).await,
        }
        match ring.look_up(key_id, self.uptime()) {
            Look::Found(key) => Ok(key),
            Look::Unusable(why) => Err(Denial::UnusableKey(why)),
            Look::Unknown => Err(Denial::UnknownKey),
            Look::NoKeys => Err(self.without_keys(&ring)),
        }
    }

    /// Refreshes each ring that is due, some at a time.
    pub(super) async fn refresh_due(&self) {
        self.forget_unused();
        let now = self.uptime();
        let rings = self.rings.load_full();
        let due: Vec<_> = rings
            .values()
            .filter(|ring| self.is_kept_fresh(ring) && ring.due() <= now)
            .collect();
        stream::iter(due)
            .for_each_concurrent(REFRESHES_AT_ONCE, |ring| {
                ring.refresh(&self.origin, Cause::Due)
            })
            .await;
    }

    /// How long until a ring is due.
    pub(super) fn until_due(&self) -> Duration {
        let rings = self.rings.load();
        let next = rings
            .values()
            .filter(|ring| self.is_kept_fresh(ring))
            .map(|ring| ring.due())
            .min();
        // Rings may be made while somebody sleeps on this.
        next.map_or(LONGEST_SLEEP, |next| next.saturating_sub(self.uptime()))
            .clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
    }

    /// Whether each tenant on the list has keys.
    pub(super) fn are_ready(&self) -> bool {
        let now = self.uptime();
        match self.newcomers {
            Newcomers::Refused => self.rings.load().values().all(|ring| ring.has_keys(now)),
            Newcomers::Admitted(_) => true,
        }
    }

    fn uptime(&self) -> Duration {
        self.origin.clock.uptime()
    }

    fn ring(&self, issuer: Issuer) -> Result<Arc<Ring>, Denial> {
        if let Some(ring) = self.rings.load().get(&issuer) {
            ring.touch(self.uptime());
            return Ok(ring.clone());
        }
        match &self.newcomers {
            Newcomers::Refused => Err(Denial::Tenant {
                found: issuer.tenant,
            }),
            Newcomers::Admitted(admissions) => self.admit(issuer, admissions),
        }
    }

    /// Makes the ring of a tenant that turned up.
    fn admit(&self, issuer: Issuer, admissions: &Mutex<Admissions>) -> Result<Arc<Ring>, Denial> {
        let now = self.uptime();
        let mut admissions = admissions.lock().unwrap_or_else(PoisonError::into_inner);
        let rings = self.rings.load_full();
        if let Some(ring) = rings.get(&issuer) {
            return Ok(ring.clone());
        }
        let minute = now.as_secs() / 60;
        if admissions.minute != minute {
            *admissions = Admissions { minute, count: 0 };
        }
        if admissions.count >= NEW_RINGS_A_MINUTE {
            return Err(Denial::KeysUnavailable {
                retry_after: 60 - now.as_secs() % 60,
                cause: None,
            });
        }
        admissions.count += 1;

        let mut rings = HashMap::clone(&rings);
        if rings.len() >= MAX_RINGS {
            let least = rings
                .iter()
                .min_by_key(|(_, ring)| (ring.has_keys(now), ring.used()))
                .map(|(issuer, _)| *issuer);
            if let Some(ring) = least.and_then(|issuer| rings.remove(&issuer)) {
                ring.withdraw();
            }
        }
        let ring = Arc::new(Ring::new(issuer));
        ring.touch(now);
        rings.insert(issuer, ring.clone());
        self.rings.store(Arc::new(rings));
        Ok(ring)
    }

    /// Drops the rings of tenants that turned up once and have not been back for a day.
    fn forget_unused(&self) {
        let Newcomers::Admitted(admissions) = &self.newcomers else {
            return;
        };
        let _admissions = admissions.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.uptime();
        let forgotten = |ring: &Ring| ring.used() + UNUSED_FOR <= now;
        let rings = self.rings.load_full();
        if !rings.values().any(|ring| forgotten(ring)) {
            return;
        }
        let mut kept = HashMap::clone(&rings);
        kept.retain(|_, ring| {
            let keep = !forgotten(ring);
            if !keep {
                ring.withdraw();
            }
            keep
        });
        self.rings.store(Arc::new(kept));
    }

    /// Tenants that only turned up are kept fresh once they have proved to exist.
    fn is_kept_fresh(&self, ring: &Ring) -> bool {
        match self.newcomers {
            Newcomers::Refused => true,
            Newcomers::Admitted(_) => ring.has_keys(self.uptime()),
        }
    }

    fn without_keys(&self, ring: &Ring) -> Denial {
        let cause = ring.failure();
        let no_tenant = matches!(
            cause.as_deref(),
            Some(KeyError::Fetch(FetchError::Status(400 | 404)))
        );
        // A tenant that the login host does not know has signed nothing. One on our own list is
        // more likely to be the victim of an outage.
        if no_tenant && matches!(self.newcomers, Newcomers::Admitted(_)) {
            return Denial::UnknownKey;
        }
        let wait = ring.due().saturating_sub(self.uptime());
        Denial::KeysUnavailable {
            retry_after: wait.as_secs() + 1,
            cause,
        }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

const REFRESHES_AT_ONCE: usize = 8;
const MAX_RINGS: usize = 1024;
const NEW_RINGS_A_MINUTE: u32 = 300;
const UNUSED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
