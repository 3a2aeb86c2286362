//! Timer triggers.

use super::{Retry, Sealed, Settled, Silent, Trigger, TriggerKind};
use crate::auth::{Gate, Identity};
use crate::failure::Failure;
use crate::function::Inputs;
use crate::input::Tick;
use crate::limits::InputLimits;
use crate::manifest::Binding;
use crate::wire::Delivery;

/// A tick of a schedule.
#[derive(Debug)]
pub struct TimerTrigger {
    schedule: &'static str,
    retry: Option<Retry>,
}

/// A tick of `schedule`: an NCRONTAB expression of six fields, seconds first, or a `%SETTING%`.
///
/// A tick that fails is not made up for unless [`retry`](TimerTrigger::retry) says so.
pub fn timer(schedule: &'static str) -> TimerTrigger {
    TimerTrigger {
        schedule,
        retry: None,
    }
}

impl TimerTrigger {
    /// Lets the host try a failed tick again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }
}

impl Sealed for TimerTrigger {}
impl Trigger for TimerTrigger {
    type Caller = ();
    type Event = Tick;

    fn caller(identity: Identity) -> Option<()> {
        matches!(identity, Identity::Host).then_some(())
    }

    async fn receive(delivery: Delivery, _: &InputLimits) -> Result<Tick, Failure> {
        match delivery {
            Delivery::Tick(tick) => Ok(*tick),
            Delivery::Request(_) | Delivery::Message(_) => Err(Failure::WrongTrigger),
        }
    }

    fn settle(self, _: &Inputs) -> Settled {
        let mut problems = Vec::new();
        let expands = self.schedule.starts_with('%') && self.schedule.ends_with('%');
        if !expands && self.schedule.split_whitespace().count() != 6 {
            problems.push(format!(
                "the schedule `{}` is not an NCRONTAB expression of six fields, seconds first",
                self.schedule
            ));
        }
        Settled {
            kind: TriggerKind::Timer,
            gate: Gate::Host,
            binding: Binding::new("timerTrigger", "in", "timer").with("schedule", self.schedule),
            route: None,
            retry: self.retry,
            quarantine: None,
            validates_itself: None,
            problems,
        }
    }
}

impl Silent for TimerTrigger {}
