//! Making timers due, as `TimerListener` of the timer extension does.

use std::time::Duration;

use tokio::time::sleep;

use super::{Due, Monitor, Status, Timer};
use crate::call::Invoke;
use crate::clock::Clock;
use crate::newtonsoft::Date;

/// The longest sleep in one piece: a machine that was suspended notices what it missed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Why a timer's function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    PastDue,
    Startup,
    Schedule,
}

/// Turns the passing of time into calls.
#[derive(Debug, Clone)]
pub struct Runner<I> {
    monitor: Monitor,
    clock: Clock,
    invoke: I,
}

impl<I: Invoke> Runner<I> {
    /// A runner that records in this monitor and goes by this clock.
    pub fn new(monitor: Monitor, clock: Clock, invoke: I) -> Self {
        Self {
            monitor,
            clock,
            invoke,
        }
    }

    /// Runs the timer until the future is dropped, or until its schedule has no more times.
    ///
    /// Calls of one timer never overlap: a time that comes while a call is under way is made up for
    /// once, right after it. How a call ends changes nothing.
    pub async fn run(self, timer: Timer) {
        let now = self.clock.now();
        let Some(next) = timer.schedule.next_after(now) else {
            return;
        };
        let monitored = timer.is_monitored(now);
        let recorded = if monitored {
            self.check_record(&timer, now, next)
        } else {
            None
        };
        let never = Status {
            last: Date::MIN,
            next,
            last_updated: Date::MIN,
        };
        let mut status = recorded.unwrap_or(never);

        let mut reason = if recorded.is_some_and(|status| now.ticks() > status.next.ticks()) {
            Reason::PastDue
        } else if timer.run_on_startup {
            Reason::Startup
        } else {
            Reason::Schedule
        };
        loop {
            if reason == Reason::Schedule {
                self.sleep_until(status.next).await;
            }
            let called = self.clock.now();
            let due = if reason == Reason::PastDue {
                Due::Past
            } else {
                Due::Now
            };
            self.invoke
                .invoke(timer.call(Some(status).filter(|_| monitored), due))
                .await;

            let Some(next) = timer.schedule.next_after(called) else {
                return;
            };
            status = Status {
                last: called,
                next,
                last_updated: called,
            };
            if monitored {
                self.monitor.set(&timer.function, status);
            }
            reason = Reason::Schedule;
        }
    }

    /// What was recorded before the host went down. The first start records when the timer is due;
    /// a record that does not go with the schedule is brought into line, as if nothing was missed.
    fn check_record(&self, timer: &Timer, now: Date, next: Date) -> Option<Status> {
        let recorded = self.monitor.get(&timer.function);
        let status = recorded.unwrap_or(Status {
            last: Date::MIN,
            next,
            last_updated: now,
        });
        let base = if status.last == Date::MIN {
            status.last_updated
        } else {
            status.last
        };
        let status = if timer.schedule.next_after(base) == Some(status.next) {
            status
        } else {
            Status {
                next,
                last_updated: now,
                ..status
            }
        };
        self.monitor.set(&timer.function, status);
        recorded.map(|_| status)
    }

    async fn sleep_until(&self, due: Date) {
        loop {
            let ticks = due.ticks() - self.clock.now().ticks();
            let Some(ticks) = u64::try_from(ticks).ok().filter(|ticks| *ticks > 0) else {
                return;
            };
            // Up to the next millisecond, which is as finely as the runtime's clock goes.
            sleep(Duration::from_nanos(ticks.saturating_mul(100)).min(LONGEST_SLEEP)).await;
        }
    }
}
