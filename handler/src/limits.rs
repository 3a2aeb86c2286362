//! How much of everything one process takes on, decided before anything that costs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::Failure;
use crate::function::Context;
use crate::input::Rejection;
use crate::settings::{Problems, Source};
use crate::telemetry::Invocation;
use crate::wire::{Delivery, FunctionId};

/// The limits, as the settings give them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitSettings {
    pub(crate) max_body_bytes: usize,
    pub(crate) max_envelope_bytes: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_concurrent_invocations: usize,
    pub(crate) deadline: Duration,
}

impl LimitSettings {
    pub(crate) fn read(source: &dyn Source, problems: &mut Problems) -> Self {
        let mut number = |name, allowed, default| {
            let given = problems.number(source, name, allowed);
            usize::try_from(given.unwrap_or(default)).unwrap_or(usize::MAX)
        };
        let mebibytes = |count: u64| count * 1024 * 1024;
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
            max_concurrent_invocations: number(
                "STOCKADE__LIMITS__MAX_CONCURRENT_INVOCATIONS",
                1..=65_536,
                1024,
            ),
            deadline: Duration::from_secs(
                number("STOCKADE__LIMITS__DEADLINE_SECONDS", 1..=3600, 30) as u64,
            ),
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
    permit: OwnedSemaphorePermit,
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
        Ok(Admitted { invocation, permit })
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

    pub(crate) fn into_parts(self) -> (Context, Delivery, OwnedSemaphorePermit) {
        let (context, delivery) = self.invocation.into_parts();
        (context, delivery, self.permit)
    }
}
