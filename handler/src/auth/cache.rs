//! Remembers verified tokens, so that a token in use costs no signature.
//!
//! A token is known by the SHA-256 of all its bytes: another signature is another token. What is
//! remembered ends when the token expires or when the key that signed it is withdrawn. Only tokens
//! that passed every rule get in, so strangers cannot push others out, and only at their second
//! coming: a token that is used once costs neither a digest nor the place of one in use.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;

use super::keys::Key;
use super::principal::Principal;

/// The remembered tokens.
pub(super) struct Cache {
    shards: Vec<Mutex<Shard>>,
    /// How many tokens one half of a shard holds.
    half: usize,
    /// What came before, as a short hash in the place that the hash names. It decides only whether
    /// remembering is worth while, so it may be wrong either way.
    seen: Box<[AtomicU64]>,
    hasher: RandomState,
}

/// The SHA-256 of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

/// What is remembered of a token.
#[derive(Clone)]
pub(super) struct Remembered {
    pub(super) principal: Principal,
    /// NumericDate.
    pub(super) expires: u64,
    /// The key that signed it.
    pub(super) key: Arc<Key>,
}

/// Two halves: new tokens go into the young one, and once it is full it takes the place of the old
/// one. A token that is asked for in the old half moves back, so what is in use stays.
#[derive(Default)]
struct Shard {
    young: HashMap<Fingerprint, Remembered>,
    old: HashMap<Fingerprint, Remembered>,
}

impl Cache {
    /// Remembers up to about `entries` tokens; `None` for 0.
    pub(super) fn new(entries: usize) -> Option<Self> {
        if entries == 0 {
            return None;
        }
        // Few tokens need few shards, or one half would hold less than one.
        let shards = (entries / 64).clamp(1, MAX_SHARDS);
        Some(Self {
            half: (entries / shards / 2).max(1),
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            seen: (0..entries).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        })
    }

    /// Whether this token was [noted](Self::note) before, most likely.
    pub(super) fn has_seen(&self, token: &str) -> bool {
        let (place, hash) = self.place(token);
        place.load(Ordering::Relaxed) == hash
    }

    /// Notes that a token came and was good.
    pub(super) fn note(&self, token: &str) {
        let (place, hash) = self.place(token);
        place.store(hash, Ordering::Relaxed);
    }

    fn place(&self, token: &str) -> (&AtomicU64, u64) {
        // The end of a signature is as good as random.
        let end = &token.as_bytes()[token.len().saturating_sub(16)..];
        let hash = self.hasher.hash_one(end).max(1);
        let at = hash % self.seen.len() as u64;
        (&self.seen[at as usize], hash)
    }

    /// The caller of a token that was verified before and still counts.
    pub(super) fn recall(
        &self,
        token: Fingerprint,
        now: u64,
        uptime: Duration,
    ) -> Option<Principal> {
        let mut shard = self.shard(token);
        let remembered = match shard.young.get(&token) {
            Some(remembered) => remembered,
            None => {
                let remembered = shard.old.remove(&token)?;
                self.put(&mut shard, token, remembered);
                shard.young.get(&token)?
            }
        };
        if now < remembered.expires && remembered.key.is_good(uptime) {
            return Some(remembered.principal.clone());
        }
        shard.young.remove(&token);
        None
    }

    pub(super) fn remember(&self, token: Fingerprint, remembered: Remembered) {
        let mut shard = self.shard(token);
        self.put(&mut shard, token, remembered);
    }

    fn put(&self, shard: &mut Shard, token: Fingerprint, remembered: Remembered) {
        if shard.young.len() >= self.half && !shard.young.contains_key(&token) {
            shard.old = std::mem::take(&mut shard.young);
        }
        shard.young.insert(token, remembered);
    }

    fn shard(&self, token: Fingerprint) -> std::sync::MutexGuard<'_, Shard> {
        let at = usize::from(token.0[0]) % self.shards.len();
        // Nothing in there can be left half done.
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fingerprint {
    pub(super) fn of(token: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, token.as_bytes());
        Self(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

const MAX_SHARDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::super::testing::SigningKey;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn remembered(name: &str) -> Remembered {
        let key = Key::new(SigningKey::first().modulus(), &[1, 0, 1]).expect("a key");
        key.extend(SECOND);
        Remembered {
            principal: Principal::for_tests(name),
            expires: 100,
            key: Arc::new(key),
        }
    }

    fn recall(cache: &Cache, token: &str) -> Option<String> {
        let found = cache.recall(Fingerprint::of(token), 99, Duration::ZERO);
        found.map(|principal| principal.id().to_owned())
    }

    #[test]
    fn a_token_is_recalled_until_it_expires_and_while_its_key_is_good() {
        let cache = Cache::new(8).expect("a cache");
        let token = Fingerprint::of("token");
        cache.remember(token, remembered("ada"));
        assert_eq!(recall(&cache, "token").as_deref(), Some("ada"));
        assert_eq!(recall(&cache, "tokem"), None);

        assert!(cache.recall(token, 99, SECOND).is_none());
        assert_eq!(recall(&cache, "token"), None);

        cache.remember(token, remembered("ada"));
        assert!(cache.recall(token, 100, Duration::ZERO).is_none());
        assert_eq!(recall(&cache, "token"), None);
    }

    #[test]
    fn a_token_was_seen_once_it_was_noted() {
        let cache = Cache::new(4096).expect("a cache");

        assert!(!cache.has_seen("a.b.signature"));
        cache.note("a.b.signature");
        assert!(cache.has_seen("a.b.signature"));
        assert!(!cache.has_seen("a.b.another") && !cache.has_seen(""));
    }

    #[test]
    fn no_entries_means_no_cache() {
        assert!(Cache::new(0).is_none());
        assert!(Cache::new(1).is_some());
    }

    #[test]
    fn the_number_of_entries_is_bounded_and_those_in_use_stay() {
        for entries in [1, 2, 100, 4096] {
            let cache = Cache::new(entries).expect("a cache");
            let shared = remembered("others");
            cache.remember(Fingerprint::of("in use"), remembered("ada"));

            for number in 0..2 * entries {
                let token = Fingerprint::of(&number.to_string());
                cache.remember(token, shared.clone());
                if entries > 2 {
                    assert_eq!(recall(&cache, "in use").as_deref(), Some("ada"));
                }
            }

            let held: usize = cache
                .shards
                .iter()
                .map(|shard| {
                    let shard = shard.lock().expect("no panic");
                    shard.young.len() + shard.old.len()
                })
                .sum();
            assert!(held <= entries.max(2), "{held} of {entries}");
        }
    }
}
