//! How much of everything one process takes on, decided before anything that costs; and how much of
//! that one caller may have, decided once its token says who it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::Failure;
use crate::function::Context;
use crate::input::Rejection;
use crate::settings::{Problems, Source};
use crate::telemetry::Invocation;
use crate::wire::{Delivery, FunctionId};

pub(crate) use self::callers::{CallerLimits, CallerPermit, Callers, Excess};

mod callers;

/// The limits, as the settings give them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitSettings {
    pub(crate) max_body_bytes: usize,
    pub(crate) max_envelope_bytes: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_concurrent_invocations: usize,
    pub(crate) callers: CallerLimits,
    pub(crate) deadline: Duration,
}

impl LimitSettings {
    pub(crate) fn read(source: &dyn Source, problems: &mut Problems) -> Self {
        let mut number = |name, allowed, default| {
            let given = problems.number(source, name, allowed);
            usize::try_from(given.unwrap_or(default)).unwrap_or(usize::MAX)
        };
        let mebibytes = |count: u64| count * 1024 * 1024;
        let max_concurrent_invocations = number(
            "STOCKADE__LIMITS__MAX_CONCURRENT_INVOCATIONS",
            1..=65_536,
            1024,
        );
        // One caller leaves three quarters to the others.
        let quarter = (max_concurrent_invocations as u64 / 4).max(1);
        let caller_concurrent = number(
            "STOCKADE__LIMITS__CALLER_CONCURRENT_INVOCATIONS",
            1..=65_536,
            quarter,
        );
        Self {
            max_body_bytes: number(
                "STOCKADE__LIMITS__MAX_BODY_BYTES",
                1024..=mebibytes(100),
                mebibytes(1),
            ),
            max_envelope_bytes: number(
                "STOCKADE__LIMITS__MAX_ENVELOPE_BYTES",
                16 * 1024..=mebibytes(512),
                mebibytes(16),
            ),
            max_connections: number("STOCKADE__LIMITS__MAX_CONNECTIONS", 1..=1_000_000, 20_000),
            max_concurrent_invocations,
            deadline: Duration::from_secs(
                number("STOCKADE__LIMITS__DEADLINE_SECONDS", 1..=3600, 30) as u64,
            ),
            callers: CallerLimits {
                concurrent: caller_concurrent,
                requests_per_minute: problems
                    .number(
                        source,
                        "STOCKADE__LIMITS__CALLER_REQUESTS_PER_MINUTE",
                        1..=10_000_000,
                    )
                    .and_then(|requests| u32::try_from(requests).ok()),
            },
        }
    }
}

/// What the input stage may read.
#[derive(Debug, Clone, Copy)]
pub struct InputLimits {
    pub(crate) max_body_bytes: usize,
}

/// Lets invocations in.
#[derive(Debug)]
pub(crate) struct Limits {
    max_body_bytes: u64,
    invocations: Arc<Semaphore>,
}

/// An invocation that was let in. Only [`Limits::admit`] makes one.
#[derive(Debug)]
pub(crate) struct Admitted {
    invocation: Invocation,
    permit: Permit,
}

/// The room that an invocation takes, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Permit {
    _process: OwnedSemaphorePermit,
    _caller: Option<CallerPermit>,
}

impl Limits {
    pub(crate) fn new(settings: &LimitSettings) -> Self {
        Self {
            max_body_bytes: settings.max_body_bytes as u64,
            invocations: Arc::new(Semaphore::new(settings.max_concurrent_invocations)),
        }
    }

    /// Lets an invocation in, or says why not.
    ///
    /// A caller who would have to wait is told to come back; an event waits, since failing it would
    /// only make the platform deliver it again.
    ///
    /// # Errors
    ///
    /// [`Failure::Overloaded`], or a body whose declared length is over the limit.
    pub(crate) async fn admit(&self, invocation: Invocation) -> Result<Admitted, Failure> {
        let permits = Arc::clone(&self.invocations);
        let permit = match invocation.delivery() {
            Delivery::Request(request) => {
                let most = self.max_body_bytes;
                if request
                    .declared_length()
                    .is_some_and(|length| length > most)
                {
                    return Err(Rejection::BODY_TOO_LARGE.into());
                }
                permits
                    .try_acquire_owned()
                    .map_err(|_| Failure::Overloaded)?
            }
            Delivery::Message(_) | Delivery::Tick(_) => permits
                .acquire_owned()
                .await
                .map_err(|_| Failure::Overloaded)?,
        };
        Ok(Admitted {
            invocation,
            permit: Permit {
                _process: permit,
                _caller: None,
            },
        })
    }
}

impl Admitted {
    pub(crate) fn function(&self) -> FunctionId {
        self.invocation.function()
    }

    pub(crate) fn context(&self) -> &Context {
        self.invocation.context()
    }

    pub(crate) fn delivery(&self) -> &Delivery {
        self.invocation.delivery()
    }

    /// Lets the invocation take room of its caller's, too, for as long as it takes room of all.
    pub(crate) fn hold(&mut self, permit: CallerPermit) {
        self.permit._caller = Some(permit);
    }

    pub(crate) fn into_parts(self) -> (Context, Delivery, Permit) {
        let (context, delivery) = self.invocation.into_parts();
        (context, delivery, self.permit)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const AT_ONCE: &str = "STOCKADE__LIMITS__CALLER_CONCURRENT_INVOCATIONS";
    const A_MINUTE: &str = "STOCKADE__LIMITS__CALLER_REQUESTS_PER_MINUTE";

    fn read(settings: &[(&str, &str)]) -> (CallerLimits, String) {
        let settings: BTreeMap<_, _> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut problems = Problems::new();
        let limits = LimitSettings::read(&settings, &mut problems);
        (limits.callers, problems.to_string())
    }

    #[test]
    fn one_caller_may_have_a_quarter_of_what_runs_at_once_unless_a_setting_says_otherwise() {
        let all = |count| ("STOCKADE__LIMITS__MAX_CONCURRENT_INVOCATIONS", count);
        let concurrent = |settings: &[_]| read(settings).0.concurrent;

        assert_eq!(concurrent(&[]), 256);
        assert_eq!(concurrent(&[all("100")]), 25);
        assert_eq!(concurrent(&[all("1")]), 1);
        assert_eq!(concurrent(&[all("100"), (AT_ONCE, "90")]), 90);
    }

    #[test]
    fn a_rate_is_kept_only_if_it_is_set() {
        let rate = |settings: &[_]| read(settings).0.requests_per_minute;

        assert_eq!(rate(&[]), None);
        assert_eq!(rate(&[(A_MINUTE, "10000000")]), Some(10_000_000));
    }

    #[test]
    fn a_limit_for_callers_lies_between_one_and_its_most() {
        for (name, most, over) in [
            (AT_ONCE, "65536", "65537"),
            (A_MINUTE, "10000000", "10000001"),
        ] {
            for right in ["1", most] {
                assert_eq!(read(&[(name, right)]).1, "", "{name}={right}");
            }
            for wrong in ["0", over, "-1", "many", ""] {
                let (_, problems) = read(&[(name, wrong)]);
                assert!(problems.starts_with(name), "{name}={wrong}: {problems}");
                assert_eq!(problems.lines().count(), 1, "{name}={wrong}: {problems}");
            }
        }
    }
}
