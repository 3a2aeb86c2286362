//! The time of day, which tests set going from where they like.

use std::time::Duration;

use tokio::time::Instant;

use crate::newtonsoft::{Date, DateKind};

/// Tells the time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    /// When the runtime's clock stood at the instant, it was this date. Without it the system is asked.
    origin: Option<(Instant, Date)>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that shows this date now and goes with the runtime's clock.
    pub fn starting_at(date: Date) -> Self {
        Self {
            origin: Some((Instant::now(), date)),
        }
    }

    /// The host's local time, which is UTC.
    pub fn now(&self) -> Date {
        self.at(Instant::now())
    }

    /// The date of an instant that is not far off.
    pub fn at(&self, instant: Instant) -> Date {
        let (base, date) = self
            .origin
            .unwrap_or_else(|| (Instant::now(), Date::now(DateKind::Local)));
        let ticks = |d: Duration| i64::try_from(d.as_nanos() / 100).unwrap_or(i64::MAX);
        let ticks = match instant.checked_duration_since(base) {
            Some(after) => date.ticks().saturating_add(ticks(after)),
            None => date
                .ticks()
                .saturating_sub(ticks(base.duration_since(instant))),
        };
        Date::from_ticks(ticks, DateKind::Local)
    }
}
