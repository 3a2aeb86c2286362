//! Remembers accepted certificates, so that a chain is not verified anew for each call.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Thumbprint;

/// Accepted certificates by the SHA-256 of the header that brought them. Only accepted ones get in,
/// so strangers cannot push others out.
pub(super) struct Memory {
    halves: Mutex<Halves>,
}

/// New ones go into the young half. Once it is full it takes the place of the old one, and what is in
/// use comes back when it is next verified.
#[derive(Default)]
struct Halves {
    young: HashMap<Thumbprint, Accepted>,
    old: HashMap<Thumbprint, Accepted>,
}

#[derive(Clone, Copy)]
struct Accepted {
    /// The last NumericDate at which it counts.
    until: u64,
    /// The uptime at which it is looked at again.
    again: Duration,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            halves: Mutex::default(),
        }
    }

    /// Whether this certificate was accepted and still is.
    pub(super) fn holds(&self, fingerprint: &Thumbprint, now: u64, uptime: Duration) -> bool {
        let halves = self.halves();
        let held = halves.young.get(fingerprint);
        held.or_else(|| halves.old.get(fingerprint))
            .is_some_and(|accepted| now <= accepted.until && uptime < accepted.again)
    }

    /// Remembers a certificate up to `until`, and at the longest for an hour.
    pub(super) fn put(&self, fingerprint: Thumbprint, until: u64, uptime: Duration) {
        let mut halves = self.halves();
        if halves.young.len() >= HALF && !halves.young.contains_key(&fingerprint) {
            halves.old = std::mem::take(&mut halves.young);
        }
        let again = uptime + LONGEST;
        halves.young.insert(fingerprint, Accepted { until, again });
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        // Nothing in there can be left half done.
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many certificates one half holds.
const HALF: usize = 128;

/// How long a certificate is remembered at the longest.
const LONGEST: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_held_to_its_last_second_and_at_the_longest_for_an_hour() {
        let memory = Memory::new();
        memory.put([1; 32], 100, Duration::ZERO);
        let almost = LONGEST - Duration::from_secs(1);

        assert!(memory.holds(&[1; 32], 100, almost));
        assert!(!memory.holds(&[1; 32], 101, almost));
        assert!(!memory.holds(&[1; 32], 100, LONGEST));
        assert!(!memory.holds(&[2; 32], 100, almost));
    }

    #[test]
    fn the_number_of_entries_is_bounded_and_the_latest_stay() {
        let memory = Memory::new();
        let fingerprint = |number: usize| super::super::sha256(&number.to_le_bytes());

        for number in 0..10 * HALF {
            memory.put(fingerprint(number), 100, Duration::ZERO);
            let halves = memory.halves();
            assert!(halves.young.len() + halves.old.len() <= 2 * HALF);
        }

        for number in 9 * HALF..10 * HALF {
            assert!(memory.holds(&fingerprint(number), 100, Duration::ZERO));
        }
    }
}
