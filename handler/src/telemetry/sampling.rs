//! Which traces are recorded in full: a few each second, by their ids.
//!
//! The decision is made once for each invocation, when its trace is known. What ends badly is recorded
//! whatever was decided. The same id gets the same answer wherever the share is the same, so a trace
//! that goes through a queue stays whole.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use opentelemetry::trace::TraceId;

/// How much is recorded.
#[derive(Debug)]
pub(crate) enum Sampler {
    Always,
    Never,
    /// This share of all traces, from 0 to 1.
    Share(f64),
    /// About so many traces in each second.
    PerSecond(PerSecond),
}

/// Installs the sampler of the process. Before it is there, nothing is recorded.
pub(crate) fn install(sampler: Sampler) {
    // A second one would tear traces apart.
    let _ = SAMPLER.set(sampler);
}

/// Whether anything may be recorded at all.
pub(crate) fn is_installed() -> bool {
    SAMPLER.get().is_some()
}

/// The share of all traces that this one stands for, if it is to be recorded.
pub(crate) fn share_of(trace: TraceId) -> Option<f64> {
    SAMPLER.get()?.share_of(trace)
}

/// The attribute that says how many percent of all spans one stands for, by the name that Microsoft's
/// own exporters give it.
pub(crate) const SAMPLE_RATE: &str = "microsoft.sample_rate";

static SAMPLER: OnceLock<Sampler> = OnceLock::new();

impl Sampler {
    /// About `traces` in each second.
    pub(crate) fn per_second(traces: u32) -> Self {
        Self::PerSecond(PerSecond::new(traces))
    }

    fn share_of(&self, trace: TraceId) -> Option<f64> {
        match self {
            Self::Always => Some(1.0),
            Self::Never => None,
            Self::Share(share) => (place(trace) < *share).then_some(*share),
            Self::PerSecond(limit) => limit.share_of(trace),
        }
    }
}

/// Where an id lies between 0 and 1: its last seven bytes, which are random in every id (W3C Trace
/// Context Level 2, random trace id flag).
fn place(trace: TraceId) -> f64 {
    let bytes = trace.to_bytes();
    let last = u64::from_be_bytes(bytes[8..].try_into().expect("an id has 16 bytes"));
    (last & RANDOM_BITS) as f64 / (RANDOM_BITS + 1) as f64
}

const RANDOM_BITS: u64 = (1 << 56) - 1;

/// Adapts the share to how many traces come.
#[derive(Debug)]
pub(crate) struct PerSecond {
    began: Instant,
    wanted: u32,
    came: Tally,
    /// How many came in the last whole second.
    before: AtomicU64,
    taken: Tally,
}

impl PerSecond {
    fn new(wanted: u32) -> Self {
        Self {
            began: Instant::now(),
            wanted,
            came: Tally::default(),
            before: AtomicU64::new(0),
            taken: Tally::default(),
        }
    }

    fn share_of(&self, trace: TraceId) -> Option<f64> {
        self.share_at(self.began.elapsed().as_secs() as u32, trace)
    }

    fn share_at(&self, second: u32, trace: TraceId) -> Option<f64> {
        let (came, ended) = self.came.add(second);
        if let Some(before) = ended {
            self.before.store(before.into(), Ordering::Relaxed);
        }
        let expected = self.before.load(Ordering::Relaxed).max(came.into());
        let share = rounded_down((f64::from(self.wanted) / expected as f64).min(1.0));
        // Ids are the caller's to choose, and one who chose only those that are recorded would have
        // everything recorded.
        let taken = place(trace) < share && self.taken.add(second).0 <= self.wanted * MOST_OVER;
        taken.then_some(share)
    }
}

/// The next lower power of two. Application Insights is sent one request for each share in a batch, so
/// there are few of them.
fn rounded_down(share: f64) -> f64 {
    share.log2().floor().exp2()
}

/// By how much a second may go over what is wanted of it.
const MOST_OVER: u32 = 4;

/// A number that counts within one second: the second in the upper half, the number in the lower.
#[derive(Debug, Default)]
struct Tally(AtomicU64);

impl Tally {
    /// The number in this second, this one included. Whoever is first in a second learns what the
    /// second before it came to, nothing if the last one was longer ago.
    fn add(&self, second: u32) -> (u32, Option<u32>) {
        let known = self.0.load(Ordering::Relaxed);
        let mut ended = None;
        if second_of(known) != second {
            let begun = u64::from(second) << 32;
            let won = self
                .0
                .compare_exchange(known, begun, Ordering::Relaxed, Ordering::Relaxed);
            if won.is_ok() {
                let follows = second_of(known).wrapping_add(1) == second;
                ended = Some(if follows { known as u32 } else { 0 });
            }
        }
        (self.0.fetch_add(1, Ordering::Relaxed) as u32 + 1, ended)
    }
}

fn second_of(tally: u64) -> u32 {
    (tally >> 32) as u32
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};

    use super::*;

    fn taken(sampler: &PerSecond, second: u32, traces: u32) -> (u32, f64) {
        let ids = RandomIdGenerator::default();
        let shares: Vec<f64> = (0..traces)
            .filter_map(|_| sampler.share_at(second, ids.new_trace_id()))
            .collect();
        let stands_for = shares.iter().map(|share| 1.0 / share).sum();
        (shares.len() as u32, stands_for)
    }

    #[test]
    fn few_traces_are_all_recorded() {
        let sampler = PerSecond::new(20);

        for second in 0..5 {
            assert_eq!(taken(&sampler, second, 20).0, 20);
        }
    }

    #[test]
    fn of_many_traces_about_as_many_as_wanted_stand_for_all() {
        let sampler = PerSecond::new(100);
        taken(&sampler, 0, 100_000);

        let (taken, stands_for) = taken(&sampler, 1, 100_000);

        assert!((50..200).contains(&taken), "{taken}");
        assert!((50_000.0..200_000.0).contains(&stands_for), "{stands_for}");
    }

    #[test]
    fn chosen_ids_do_not_get_everything_recorded() {
        let sampler = PerSecond::new(20);
        let chosen = TraceId::from_bytes(*b"chosen: \0\0\0\0\0\0\0\0");

        let taken = (0..10_000).filter_map(|_| sampler.share_at(7, chosen));

        assert_eq!(taken.count(), 80);
    }

    #[test]
    fn a_pause_is_forgotten() {
        let sampler = PerSecond::new(20);
        taken(&sampler, 0, 10_000);

        assert_eq!(taken(&sampler, 9, 10).0, 10);
    }

    #[test]
    fn one_id_gets_one_answer_under_one_share() {
        let sampler = Sampler::Share(0.5);
        let ids = RandomIdGenerator::default();

        let recorded = (0..1000).filter(|_| {
            let id = ids.new_trace_id();
            let first = sampler.share_of(id);
            assert_eq!(sampler.share_of(id), first);
            first.is_some()
        });

        assert!((400..600).contains(&recorded.count()));
    }
}
