//! Timers: schedules, what a function is told about them, and the runner that makes them due.
//!
//! The host's local time is UTC here, so daylight saving never comes into it.

mod cron;
mod runner;
mod schedule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use runner::Runner;
pub use schedule::{Schedule, ScheduleError};

use crate::call::Call;
use crate::encode::{Metadata, Value};
use crate::newtonsoft::{Date, Token};

/// A timer trigger of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Timer {
    /// The function's name.
    pub function: String,
    /// The trigger binding's name.
    pub binding: String,
    /// When it is due.
    pub schedule: Schedule,
    /// Whether it also runs when the host starts.
    pub run_on_startup: bool,
    /// Whether its runs are recorded, so that one missed while the host was down is made up for.
    /// Never so for schedules with less than a minute between runs.
    pub use_monitor: bool,
}

impl Timer {
    /// The call of one run, with the status that is recorded: none for a timer that is not monitored.
    pub fn call(&self, status: Option<Status>, due: Due) -> Call {
        let value = Value::Object(Token::object([
            (
                "Schedule",
                Token::object([(
                    "AdjustForDST",
                    Token::Bool(self.schedule.adjusts_for_daylight_saving()),
                )]),
            ),
            (
                "ScheduleStatus",
                status.map_or(Token::Null, Status::to_token),
            ),
            ("IsPastDue", Token::Bool(due == Due::Past)),
        ]));
        Call {
            function: self.function.clone(),
            binding: self.binding.clone(),
            value,
            trigger: Metadata::default(),
        }
    }

    fn is_monitored(&self, now: Date) -> bool {
        self.use_monitor && !self.schedule.is_too_frequent_to_monitor(now)
    }
}

/// Whether a run makes up for one that was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It runs at its time, at start-up, or by hand.
    Now,
    /// It was due while the host was down.
    Past,
}

/// What is recorded about a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// When it last ran; [`Date::MIN`] when it never did.
    pub last: Date,
    /// When it runs next.
    pub next: Date,
    /// When this was recorded.
    pub last_updated: Date,
}

impl Status {
    fn to_token(self) -> Token {
        Token::object([
            ("Last", Token::Date(self.last)),
            ("Next", Token::Date(self.next)),
            ("LastUpdated", Token::Date(self.last_updated)),
        ])
    }
}

/// The recorded status of every timer, by function. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Monitor {
    statuses: Arc<Mutex<BTreeMap<String, Status>>>,
}

impl Monitor {
    /// Nothing is recorded.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is recorded about a function's timer.
    pub fn get(&self, function: &str) -> Option<Status> {
        self.lock().get(function).copied()
    }

    /// Records a status.
    pub fn set(&self, function: &str, status: Status) {
        self.lock().insert(function.to_owned(), status);
    }

    /// Everything that is recorded.
    pub fn list(&self) -> Vec<(String, Status)> {
        self.lock()
            .iter()
            .map(|(function, status)| (function.clone(), *status))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Status>> {
        // Every change is one step, so a thread that panicked left nothing half done.
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
