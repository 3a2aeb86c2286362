//! A tick of a schedule.

use std::time::SystemTime;

use super::Rejection;
use crate::function::{Argument, Call, Part};
use crate::on::TimerTrigger;

/// A tick of a schedule (host extensions, TimerInfo).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    pub(crate) past_due: bool,
    pub(crate) last: Option<SystemTime>,
    pub(crate) next: Option<SystemTime>,
}

impl Tick {
    /// The tick was missed while the app was down, and is made up for now.
    pub fn is_past_due(&self) -> bool {
        self.past_due
    }

    /// When the schedule ticked before; none for the first tick and for schedules under a minute.
    pub fn last(&self) -> Option<SystemTime> {
        self.last
    }

    /// When it ticks next; none for schedules under a minute.
    pub fn next(&self) -> Option<SystemTime> {
        self.next
    }
}

impl<S> Argument<TimerTrigger, S> for Tick {
    type Role = Part;

    fn from_call(call: &Call<'_, TimerTrigger, S>) -> Result<Self, Rejection> {
        Ok(call.event.clone())
    }
}
