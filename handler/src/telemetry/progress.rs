//! How far an invocation has come, and when.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A point that every invocation passes, if it gets so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// There is room for it; authentication begins.
    Admitted,
    /// Its caller may call.
    Authorized,
    /// Everything that the function needs is there; its input is read.
    Begun,
    /// The input is valid; the function begins.
    Valid,
    /// The function has returned; its outputs are written.
    Returned,
}

/// When an invocation passed each point.
#[derive(Debug)]
pub(crate) struct Progress {
    started: Instant,
    /// Nanoseconds from the start; 0 for a point that is not reached.
    passed: [AtomicU64; POINTS],
}

const POINTS: usize = Point::Returned as usize + 1;

impl Progress {
    /// An invocation that starts now.
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            passed: Default::default(),
        }
    }

    pub(crate) fn pass(&self, point: Point) {
        let nanoseconds = self.elapsed().as_nanos() as u64;
        self.passed[point as usize].store(nanoseconds.max(1), Ordering::Relaxed);
    }

    /// How long after the start a point was passed.
    pub(crate) fn passed(&self, point: Point) -> Option<Duration> {
        match self.passed[point as usize].load(Ordering::Relaxed) {
            0 => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
