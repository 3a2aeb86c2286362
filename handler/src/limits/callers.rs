//! How much one caller may take, so that it cannot starve the others or run up the bill.
//!
//! A caller has so many invocations under way at once and, where a rate is set, so many requests in a
//! minute. The rate is kept by the generic cell rate algorithm (ITU-T I.371, annex A): all that is
//! remembered of a caller's past is the one time at which its next request is due, so there is nothing
//! to count down and no timer.
//!
//! A caller with nothing under way and no request ahead of its time is the same as one that never came,
//! so it needs no entry. Such entries go when newcomers need their shard's room. There are at most
//! [`SHARDS`] x [`SHARD_CALLERS`] entries, each about 200 bytes for an id of two GUIDs: 13 MB. Newcomers
//! to a shard that is full of callers in use share one entry there, as if they were one caller: they may
//! be told to come back where they need not, and never get more than is allowed.
//!
//! What this does not protect against: whoever can get tokens for many users counts as many callers, and
//! each instance of the app counts for itself.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What each caller may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallerLimits {
    /// How many invocations it may have under way at once.
    pub(crate) concurrent: usize,
    /// How many requests it may make in a minute; `None` for as many as it likes.
    pub(crate) requests_per_minute: Option<u32>,
}

/// The callers that have something under way, or that came so often that it has to be remembered.
pub(crate) struct Callers {
    allowance: Allowance,
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

/// An invocation of a caller, under way for as long as this is held.
#[derive(Debug)]
pub(crate) struct CallerPermit {
    _under_way: Arc<()>,
}

/// What a caller has too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// Invocations under way.
    Concurrency,
    /// Requests of late.
    Rate {
        /// When the next one would be accepted, in whole seconds, at least 1.
        retry_after: u64,
    },
}

impl Callers {
    pub(crate) fn new(limits: &CallerLimits) -> Self {
        Self::of_size(limits, SHARDS, SHARD_CALLERS)
    }

    fn of_size(limits: &CallerLimits, shards: usize, shard_callers: usize) -> Self {
        Self {
            allowance: Allowance {
                concurrent: limits.concurrent,
                rate: limits.requests_per_minute.map(Rate::per_minute),
            },
            shards: (0..shards)
                .map(|_| Mutex::new(Shard::new(shard_callers)))
                .collect(),
            hasher: RandomState::new(),
        }
    }

    /// Lets the caller `id` begin one more invocation, `now` by a clock that never goes back.
    ///
    /// What is refused counts for nothing: a caller that keeps asking does not wait longer for it.
    ///
    /// # Errors
    ///
    /// What it has too much of.
    pub(crate) fn admit(&self, id: &str, now: Duration) -> Result<CallerPermit, Excess> {
        let mut shard = self.shard(id);
        if let Some(caller) = shard.callers.get_mut(id) {
            return self.allowance.admit(caller, now);
        }
        self.allowance.admit(shard.newcomer(id, now), now)
    }

    fn shard(&self, id: &str) -> MutexGuard<'_, Shard> {
        let at = self.hasher.hash_one(id) % self.shards.len() as u64;
        // Nothing in there can be left half done.
        self.shards[at as usize]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of the table, so that callers seldom wait for each other.
struct Shard {
    callers: HashMap<Box<str>, Caller>,
    /// Whoever finds no room.
    others: Caller,
    /// How many entries there may be.
    most: usize,
    /// At how many entries a newcomer has the idle ones swept out.
    sweep_at: usize,
}

impl Shard {
    fn new(most: usize) -> Self {
        Self {
            callers: HashMap::new(),
            others: Caller::default(),
            most,
            sweep_at: FIRST_SWEEP.min(most),
        }
    }

    /// The entry of a caller that has none yet.
    fn newcomer(&mut self, id: &str, now: Duration) -> &mut Caller {
        if self.callers.len() >= self.sweep_at {
            self.callers.retain(|_, caller| !caller.is_idle(now));
            // Twice as many as are in use: a sweep costs each newcomer a few looks, and idle entries
            // are never more than those in use, but for the first few.
            self.sweep_at = (self.callers.len() * 2).max(FIRST_SWEEP).min(self.most);
        }
        if self.callers.len() >= self.most {
            return &mut self.others;
        }
        self.callers.entry(id.into()).or_default()
    }
}

/// What is remembered of a caller.
#[derive(Default)]
struct Caller {
    /// Shared with each invocation that is under way.
    under_way: Arc<()>,
    /// When its next request is due if it keeps exactly to the rate.
    due: Duration,
}

impl Caller {
    fn invocations(&self) -> usize {
        Arc::strong_count(&self.under_way) - 1
    }

    /// Whether it is the same as a caller that never came.
    fn is_idle(&self, now: Duration) -> bool {
        self.due <= now && self.invocations() == 0
    }
}

/// What each caller may have, as it is enforced.
struct Allowance {
    concurrent: usize,
    rate: Option<Rate>,
}

impl Allowance {
    fn admit(&self, caller: &mut Caller, now: Duration) -> Result<CallerPermit, Excess> {
        // Under the shard's lock the number only falls.
        if caller.invocations() >= self.concurrent {
            return Err(Excess::Concurrency);
        }
        if let Some(rate) = &self.rate {
            caller.due = rate.spend(caller.due, now).map_err(|early| Excess::Rate {
                retry_after: whole_seconds(early),
            })?;
        }
        Ok(CallerPermit {
            _under_way: Arc::clone(&caller.under_way),
        })
    }
}

/// One request in each interval, and some of them ahead of their time.
struct Rate {
    interval: Duration,
    /// How far ahead a request may be.
    tolerance: Duration,
}

impl Rate {
    /// So many requests in a minute, a tenth of them at once (and at least one).
    fn per_minute(requests: u32) -> Self {
        let interval = Duration::from_nanos(MINUTE_NANOS.div_ceil(u64::from(requests.max(1))));
        let burst = (requests / 10).max(1);
        Self {
            interval,
            tolerance: interval * (burst - 1),
        }
    }

    /// When the next request is due if one that is due at `due` is taken now.
    ///
    /// # Errors
    ///
    /// How much too early it is.
    fn spend(&self, due: Duration, now: Duration) -> Result<Duration, Duration> {
        let due = due.max(now);
        let early = (due - now).saturating_sub(self.tolerance);
        if early.is_zero() {
            Ok(due + self.interval)
        } else {
            Err(early)
        }
    }
}

/// Rounded up, as `Retry-After` is written (RFC 9110 §10.2.3).
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callers").finish_non_exhaustive()
    }
}

const SHARDS: usize = 256;
/// The most entries of a shard. A newcomer to a full one looks at each.
const SHARD_CALLERS: usize = 256;
/// The least number of entries that is worth a sweep.
const FIRST_SWEEP: usize = 16;
const MINUTE_NANOS: u64 = 60_000_000_000;

#[cfg(test)]
mod tests;
