//! Which branches of the instrumented code were taken.
//!
//! The compiler keeps a byte for each branch and counts in it; before `main` it says where those
//! bytes are (Clang documentation, SanitizerCoverage, "Inline 8bit-counters").

use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};

static PLACE: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// What was seen so far: for each branch, one bit for each magnitude of its count.
#[derive(Debug)]
pub struct Seen {
    magnitudes: Vec<u8>,
}

/// Takes the place of the counters from the compiler. Each object file calls it, all with the same
/// place, because the linker joins their counters.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, stop: *mut u8) {
    LENGTH.store(stop.addr() - start.addr(), Relaxed);
    PLACE.store(start, Relaxed);
}

/// The counters; none if nothing was instrumented.
#[allow(unsafe_code)]
fn counters() -> &'static [AtomicU8] {
    let place = PLACE.load(Relaxed);
    if place.is_null() {
        return &[];
    }
    // SAFETY: the compiler keeps so many bytes there for as long as the program runs, and they are
    // counted in and read by the one thread that runs the target.
    unsafe { std::slice::from_raw_parts(place.cast(), LENGTH.load(Relaxed)) }
}

/// Whether anything was instrumented.
pub fn is_there() -> bool {
    !counters().is_empty()
}

/// Sets all counters to zero.
pub fn reset() {
    for counter in counters() {
        counter.store(0, Relaxed);
    }
}

impl Seen {
    /// Nothing was seen yet.
    pub fn nothing() -> Self {
        Self {
            magnitudes: vec![0; counters().len()],
        }
    }

    /// Takes in the counters, sets them to zero, and says whether there was something new.
    pub fn take_in(&mut self) -> bool {
        let mut is_new = false;
        let mut look = |counter: &AtomicU8, magnitudes: &mut u8| {
            let bit = magnitude(counter.swap(0, Relaxed));
            is_new |= *magnitudes & bit != bit;
            *magnitudes |= bit;
        };
        let mut at = 0;
        let (head, words, tail) = words(counters());
        let mut look_at = |bytes: &[AtomicU8], from: usize| {
            for (counter, magnitudes) in bytes.iter().zip(&mut self.magnitudes[from..]) {
                look(counter, magnitudes);
            }
        };
        look_at(head, at);
        at += head.len();
        // Nearly all words are zero.
        for (word, bytes) in words.iter().zip(counters()[at..].chunks_exact(8)) {
            if word.load(Relaxed) != 0 {
                look_at(bytes, at);
            }
            at += 8;
        }
        look_at(tail, at);
        is_new
    }

    /// How many branches were taken at least once.
    pub fn branches(&self) -> usize {
        self.magnitudes.iter().filter(|bits| **bits != 0).count()
    }

    /// How many branches there are.
    pub fn of(&self) -> usize {
        self.magnitudes.len()
    }
}

/// The counters as words of eight, with what is left over at both ends.
#[allow(unsafe_code)]
fn words(counters: &[AtomicU8]) -> (&[AtomicU8], &[AtomicU64], &[AtomicU8]) {
    // SAFETY: eight bytes that may be read are a word that may be read, and words are only read.
    unsafe { counters.align_to() }
}

/// One bit for each magnitude: 1, 2, 3, to 7, to 15, to 31, to 127, and more. Once more in a loop is
/// nothing new; twice as often may be.
fn magnitude(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..=7 => 8,
        8..=15 => 16,
        16..=31 => 32,
        32..=127 => 64,
        128.. => 128,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_magnitude_has_a_bit_of_its_own() {
        let bits: Vec<_> = [1, 2, 3, 4, 8, 16, 32, 128].map(magnitude).into();

        assert_eq!(bits, [1, 2, 4, 8, 16, 32, 64, 128]);
        assert_eq!(magnitude(0), 0);
        assert_eq!(magnitude(255), 128);
    }
}
