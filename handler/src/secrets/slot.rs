//! One secret: what is held of it, when that counts, and when it is asked for again.
//!
//! Only the slot's own task asks the vault, so there is one flight for each secret, whoever waits.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;

use super::declared::Declaration;
use super::settings::SecretSettings;
use super::value::AnyValue;
use super::vault::{Fetched, ObjectVersion, VaultError};
use crate::auth::Clock;
use crate::telemetry::{Refresh, audit, metrics};

/// One secret.
pub(super) struct Slot {
    pub(super) declaration: Declaration,
    held: ArcSwapOption<Held>,
    /// Whether the vault has given an answer that another try would not change.
    settled: AtomicBool,
}

/// The last good value.
struct Held {
    value: AnyValue,
    version: ObjectVersion,
    lifetime: Lifetime,
    /// The uptime until which it counts without another good answer.
    good_until: Duration,
}

/// When a version counts, as its attributes say.
#[derive(Debug, Clone, Copy, Default)]
struct Lifetime {
    not_before: Option<SystemTime>,
    expires: Option<SystemTime>,
}

impl Lifetime {
    fn has_begun(self, now: SystemTime) -> bool {
        self.not_before.is_none_or(|from| from <= now)
    }

    fn is_over(self, now: SystemTime) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }
}

/// Why there is nothing new to hold. No text holds anything of a value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("the secret has expired (`exp`)")]
    Expired,
    #[error("the secret does not count yet (`nbf`)")]
    NotYet(SystemTime),
    #[error("the vault answered with another version than it was asked for")]
    OtherVersion,
    #[error("the secret's value is not what the app declares: {0}")]
    Unusable(&'static str),
}

impl Trouble {
    /// Whether what is held ends with it: the vault itself says that the secret is no more.
    fn ends(&self) -> bool {
        match self {
            Self::Vault(VaultError::NotFound | VaultError::Disabled)
            | Self::Expired
            | Self::NotYet(_) => true,
            Self::Vault(_) | Self::OtherVersion | Self::Unusable(_) => false,
        }
    }

    /// Whether nobody needs to wait for the next try, since somebody has to mend something first.
    fn is_settled(&self) -> bool {
        match self {
            Self::Vault(
                VaultError::Identity(_)
                | VaultError::Throttled { .. }
                | VaultError::Unreachable(_)
                | VaultError::TimedOut,
            ) => false,
            Self::Vault(
                VaultError::NotFound
                | VaultError::Disabled
                | VaultError::Forbidden
                | VaultError::ForeignChallenge
                | VaultError::Malformed(_),
            )
            | Self::Expired
            | Self::NotYet(_)
            | Self::OtherVersion
            | Self::Unusable(_) => true,
        }
    }
}

/// What a good answer came to.
struct Answer {
    fetched: Fetched,
    /// When a newer version begins to count.
    next_begins: Option<SystemTime>,
}

impl Slot {
    pub(super) fn new(declaration: Declaration) -> Self {
        Self {
            declaration,
            held: ArcSwapOption::empty(),
            settled: AtomicBool::new(false),
        }
    }

    /// The value, if it counts now.
    pub(super) fn current(&self, clock: &dyn Clock) -> Option<AnyValue> {
        let held = self.held.load();
        let held = held.as_ref().filter(|held| held.counts(clock))?;
        Some(Arc::clone(&held.value))
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    pub(super) fn settle(&self) {
        self.settled.store(true, Ordering::Release);
    }

    /// Asks the vault once, and says when to ask again. `failures` counts those in a row.
    pub(super) async fn refresh(
        &self,
        settings: &SecretSettings,
        clock: &dyn Clock,
        failures: &mut u32,
    ) -> Duration {
        let answer = match self.ask(settings, clock).await {
            Ok(answer) => {
                let next_begins = answer.next_begins;
                self.hold(answer.fetched, settings, clock)
                    .map(|()| next_begins)
            }
            Err(trouble) => Err(trouble),
        };
        metrics().secret_refreshed(Refresh::of(&answer));
        let wait = match &answer {
            Ok(_) => {
                *failures = 0;
                self.settle();
                jittered(settings.refresh)
            }
            Err(trouble) => {
                *failures = failures.saturating_add(1);
                self.despite(trouble, clock);
                self.back_off(*failures, trouble, settings)
            }
        };
        let begins = match answer {
            Ok(next) => next,
            Err(Trouble::NotYet(from)) => Some(from),
            Err(_) => None,
        };
        self.until_next(wait, begins, clock)
    }

    /// The version that counts now, as the vault has it.
    async fn ask(&self, settings: &SecretSettings, clock: &dyn Clock) -> Result<Answer, Trouble> {
        let Declaration { name, version, .. } = self.declaration;
        let fetched = settings.vault.get(name, version).await?;
        if version.is_some_and(|pinned| pinned != fetched.version) {
            return Err(Trouble::OtherVersion);
        }
        let trouble = match examine(&fetched, clock.now()) {
            Ok(()) => {
                return Ok(Answer {
                    fetched,
                    next_begins: None,
                });
            }
            Err(trouble) => trouble,
        };
        let held = self.held.load().as_ref().map(|held| held.version);
        match (trouble, held) {
            // The newest is for later. The one before it goes on, if the vault vouches for it.
            (Trouble::NotYet(from), Some(held)) if held != fetched.version => {
                let before = settings.vault.get(name, Some(held)).await?;
                if before.version != held {
                    return Err(Trouble::OtherVersion);
                }
                examine(&before, clock.now())?;
                Ok(Answer {
                    fetched: before,
                    next_begins: Some(from),
                })
            }
            (trouble, _) => Err(trouble),
        }
    }

    /// Holds what was fetched. A version is for good, so one that is held already stays as it is.
    fn hold(
        &self,
        fetched: Fetched,
        settings: &SecretSettings,
        clock: &dyn Clock,
    ) -> Result<(), Trouble> {
        let name = self.declaration.name.as_str();
        let before = self.held.load_full();
        let value = match &before {
            Some(held) if held.version == fetched.version => Arc::clone(&held.value),
            _ => self
                .declaration
                .read(fetched.value, fetched.version)
                .map_err(Trouble::Unusable)?,
        };
        let is_first = before.is_none();
        let is_rotated = before.is_some_and(|held| held.version != fetched.version);
        self.held.store(Some(Arc::new(Held {
            value,
            version: fetched.version,
            lifetime: Lifetime {
                not_before: fetched.not_before,
                expires: fetched.expires,
            },
            good_until: clock.uptime() + settings.last_good,
        })));
        if is_rotated {
            audit::secret_read(name, fetched.version.as_str(), "rotated");
        } else if is_first {
            audit::secret_read(name, fetched.version.as_str(), "first");
        }
        Ok(())
    }

    /// Records a failed refresh, and lets go of what does not count any more.
    fn despite(&self, trouble: &Trouble, clock: &dyn Clock) {
        let name = self.declaration.name.as_str();
        audit::secret_failed(name, trouble);
        if trouble.is_settled() {
            self.settle();
        }
        let Some(held) = self.held.load_full() else {
            return;
        };
        if trouble.ends() {
            self.held.store(None);
            audit::secret_ended(name, "vault");
        } else if held.lifetime.is_over(clock.now()) {
            self.held.store(None);
            audit::secret_ended(name, "expired");
        } else if !held.counts(clock) {
            self.held.store(None);
            audit::secret_ended(name, "too_old");
        }
    }

    /// How long to leave the vault alone after failures: a value that is held leaves time.
    fn back_off(&self, failures: u32, trouble: &Trouble, settings: &SecretSettings) -> Duration {
        let longest = match self.held.load().is_some() {
            true => settings.refresh,
            false => settings.refresh.min(LONGEST_WITHOUT),
        };
        let doubled = FIRST_PAUSE * 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
        let asked_for = match trouble {
            Trouble::Vault(VaultError::Throttled { retry_after }) => {
                retry_after.unwrap_or_default()
            }
            _ => Duration::ZERO,
        };
        // No answer of the vault's keeps a new version away for longer than this.
        let most = settings.refresh.max(LONGEST_WITHOUT);
        jittered(doubled.min(longest)).max(asked_for.min(most))
    }

    /// When to ask again: after `wait`, or as soon as what is held ends or a newer version begins.
    fn until_next(
        &self,
        wait: Duration,
        begins: Option<SystemTime>,
        clock: &dyn Clock,
    ) -> Duration {
        let now = clock.now();
        let held = self.held.load();
        let expires = held.as_ref().and_then(|held| held.lifetime.expires);
        let too_old = held
            .as_ref()
            .map(|held| held.good_until.saturating_sub(clock.uptime()));
        let changes = [begins, expires]
            .into_iter()
            .flatten()
            .filter_map(|at| at.duration_since(now).ok());
        changes
            .chain(too_old)
            .fold(wait, Duration::min)
            .max(SHORTEST_PAUSE)
    }

    /// Fills the slot by hand.
    ///
    /// # Errors
    ///
    /// Why the text is no such value.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn fill(
        &self,
        text: secrecy::SecretString,
        version: ObjectVersion,
    ) -> Result<(), &'static str> {
        self.held.store(Some(Arc::new(Held {
            value: self.declaration.read(text, version)?,
            version,
            lifetime: Lifetime::default(),
            good_until: Duration::MAX,
        })));
        self.settle();
        Ok(())
    }
}

impl Held {
    fn counts(&self, clock: &dyn Clock) -> bool {
        if clock.uptime() >= self.good_until {
            return false;
        }
        let Lifetime {
            not_before: None,
            expires: None,
        } = self.lifetime
        else {
            let now = clock.now();
            return self.lifetime.has_begun(now) && !self.lifetime.is_over(now);
        };
        true
    }
}

/// Whether a version counts now.
pub(super) fn examine(fetched: &Fetched, now: SystemTime) -> Result<(), Trouble> {
    let lifetime = Lifetime {
        not_before: fetched.not_before,
        expires: fetched.expires,
    };
    if !fetched.enabled {
        return Err(VaultError::Disabled.into());
    }
    if lifetime.is_over(now) {
        return Err(Trouble::Expired);
    }
    match fetched.not_before {
        Some(from) if !lifetime.has_begun(now) => Err(Trouble::NotYet(from)),
        _ => Ok(()),
    }
}

/// Up to a fifth less, so that neither the secrets of an app nor its instances ask in step.
fn jittered(interval: Duration) -> Duration {
    // Only politeness hangs on it.
    let random = RandomState::new().build_hasher().finish() as u8;
    interval - interval / 5 * u32::from(random) / 255
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Between two tries as long as there is no value.
const LONGEST_WITHOUT: Duration = Duration::from_secs(30);
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
