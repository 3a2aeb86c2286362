//! Alike events, counted: the first of a kind is told at once, the others together once a minute.
//!
//! The room is bounded. Addresses are what a stranger has many of, so they give way first: beyond the
//! room for them, kinds are counted without. Beyond the room for callers, they are counted without
//! those, too; and what is left is made of events, rules and functions, whose number is the code's own.
//! However coarse the kind, each event is told or counted.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::auth::Principal;

use super::event::Event;

/// What makes events alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) event: Event,
    pub(super) rule: Option<&'static str>,
    pub(super) function: Option<&'static str>,
    pub(super) principal: Option<&'a Principal>,
    pub(super) client: Option<IpAddr>,
}

/// The same, kept.
#[derive(Debug)]
pub(super) struct Kind {
    event: Event,
    rule: Option<&'static str>,
    function: Option<&'static str>,
    principal: Option<Principal>,
    client: Option<IpAddr>,
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    /// It is the first of its kind, and has to be told now.
    First,
    /// It is told later, with the others of its kind.
    Counted,
}

/// The kinds of the last minute.
pub(super) struct Joined {
    shards: [Mutex<Shard>; SHARDS],
    /// Seeded at random, since addresses are a stranger's to choose.
    hashing: RandomState,
}

type Shard = HashMap<u64, Counted, BuildHasherDefault<Hashed>>;

/// One kind, and how often it has come since it was last told.
struct Counted {
    kind: Kind,
    since: Duration,
    more: u64,
}

impl<'a> Seen<'a> {
    /// The ids of a caller; the same for all tokens of one caller through one application.
    fn caller(&self) -> Option<(&'a str, &'a str)> {
        self.principal
            .map(|principal| (principal.id(), principal.client()))
    }

    fn is_like(&self, other: &Seen<'_>) -> bool {
        self.event == other.event
            && self.rule == other.rule
            && self.function == other.function
            && self.client == other.client
            && self.caller() == other.caller()
    }

    /// How many kinds a shard may hold before there is no room for this one.
    fn room(&self) -> usize {
        match (self.client, self.principal) {
            (Some(_), _) => MOST_WITH_ADDRESSES / SHARDS,
            (None, Some(_)) => MOST_WITH_CALLERS / SHARDS,
            (None, None) => usize::MAX,
        }
    }

    fn coarser(self) -> Self {
        let principal = match self.client {
            Some(_) => self.principal,
            None => None,
        };
        Self {
            client: None,
            principal,
            ..self
        }
    }

    fn keep(&self) -> Kind {
        Kind {
            event: self.event,
            rule: self.rule,
            function: self.function,
            principal: self.principal.cloned(),
            client: self.client,
        }
    }
}

impl Hash for Seen<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.event, self.rule, self.function, self.client).hash(state);
        self.caller().hash(state);
    }
}

impl Kind {
    pub(super) fn event(&self) -> Event {
        self.event
    }

    pub(super) fn seen(&self) -> Seen<'_> {
        Seen {
            event: self.event,
            rule: self.rule,
            function: self.function,
            principal: self.principal.as_ref(),
            client: self.client,
        }
    }
}

impl Joined {
    pub(super) fn new() -> Self {
        Self {
            shards: Default::default(),
            hashing: RandomState::new(),
        }
    }

    /// Counts an event, or says that it has to be told. The time is asked for only then.
    pub(super) fn note(&self, seen: Seen<'_>, now: impl Fn() -> Duration) -> Noted {
        let mut seen = seen;
        loop {
            let hash = self.hashing.hash_one(seen);
            let mut shard = self.shard(hash);
            if let Some(counted) = shard.get_mut(&hash) {
                if !counted.kind.seen().is_like(&seen) {
                    // Two kinds of one hash, which nobody will live to see: nothing is lost by it.
                    return Noted::First;
                }
                counted.more = counted.more.saturating_add(1);
                return Noted::Counted;
            }
            if shard.len() < seen.room() {
                let kind = seen.keep();
                let since = now();
                shard.insert(
                    hash,
                    Counted {
                        kind,
                        since,
                        more: 0,
                    },
                );
                return Noted::First;
            }
            seen = seen.coarser();
        }
    }

    /// What has been counted in windows that are over. A kind that still comes has its next window.
    pub(super) fn ended(&self, now: Duration) -> Vec<(Kind, u64)> {
        let mut ended = Vec::new();
        for shard in &self.shards {
            lock(shard).retain(|_, counted| {
                if now.saturating_sub(counted.since) < WINDOW {
                    return true;
                }
                if counted.more == 0 {
                    return false;
                }
                ended.push((
                    counted.kind.seen().keep(),
                    std::mem::take(&mut counted.more),
                ));
                counted.since = now;
                true
            });
        }
        ended
    }

    /// What has been counted and is not told yet.
    pub(super) fn rest(&self) -> Vec<(Kind, u64)> {
        let shards = self.shards.iter();
        let counted = shards.flat_map(|shard| std::mem::take(&mut *lock(shard)).into_values());
        counted
            .filter(|counted| counted.more > 0)
            .map(|counted| (counted.kind, counted.more))
            .collect()
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The map takes its places from other bits of the hash.
        lock(&self.shards[usize::try_from(hash >> 32).unwrap_or(0) % SHARDS])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes what is a hash already for what it is.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are hashed")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

const SHARDS: usize = 8;
const WINDOW: Duration = Duration::from_secs(60);
const MOST_WITH_ADDRESSES: usize = 1024;
const MOST_WITH_CALLERS: usize = 2048;

#[cfg(test)]
mod tests;
