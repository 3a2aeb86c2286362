//! Which invocation a handler is in.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::argument::{Argument, Call, Part};
use crate::auth::Principal;
use crate::input::Rejection;
use crate::on::Trigger;

/// Which invocation this is: its id, the function, the attempt and the time that is left.
///
/// The host delivers some events more than once, a retry under the same id. Where an effect must
/// happen once, remember [`invocation_id`](Self::invocation_id) with [`attempt`](Self::attempt).
#[derive(Clone)]
pub struct Context(Arc<Facts>);

struct Facts {
    invocation_id: InvocationId,
    function: &'static str,
    attempt: u32,
    deadline: Instant,
    principal: OnceLock<Principal>,
    #[cfg(any(test, feature = "testing"))]
    presented: Option<Principal>,
}

impl Context {
    pub(crate) fn new(
        invocation_id: InvocationId,
        function: &'static str,
        attempt: u32,
        deadline: Instant,
    ) -> Self {
        Self(Arc::new(Facts {
            invocation_id,
            function,
            attempt,
            deadline,
            principal: OnceLock::new(),
            #[cfg(any(test, feature = "testing"))]
            presented: None,
        }))
    }

    /// The same context, with a caller in place of a verified token.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn presenting(self, presented: Option<Principal>) -> Self {
        let facts = &*self.0;
        Self(Arc::new(Facts {
            principal: OnceLock::new(),
            presented,
            ..*facts
        }))
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn presented(&self) -> Option<&Principal> {
        self.0.presented.as_ref()
    }

    /// The id that the host gave this invocation.
    pub fn invocation_id(&self) -> InvocationId {
        self.0.invocation_id
    }

    /// The function's name.
    pub fn function(&self) -> &'static str {
        self.0.function
    }

    /// Which attempt this is under the host's retry policy; the first is 0.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// The time that is left before the invocation is given up.
    pub fn remaining(&self) -> Duration {
        self.0.deadline.saturating_duration_since(Instant::now())
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.0.deadline
    }

    /// Who called, once authentication has said so. Telemetry reads it; nothing decides by it.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        self.0.principal.get()
    }

    pub(crate) fn note_principal(&self, principal: &Principal) {
        // Authentication happens once for each invocation; a second value would be a second truth.
        let _ = self.0.principal.set(principal.clone());
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("invocation_id", &self.0.invocation_id)
            .field("function", &self.0.function)
            .field("attempt", &self.0.attempt)
            .finish_non_exhaustive()
    }
}

impl<T: Trigger, S> Argument<T, S> for Context {
    type Role = Part;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        Ok(call.context().clone())
    }
}

/// The id of an invocation: a GUID, kept as the host wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InvocationId([u8; Self::LENGTH]);

impl InvocationId {
    const LENGTH: usize = 36;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only hexadecimal digits and hyphens are kept")
    }
}

#[cfg(any(test, feature = "testing"))]
impl InvocationId {
    /// An id that no host gives.
    pub(crate) fn for_tests() -> Self {
        Self(*b"00000000-0000-4000-8000-000000000000")
    }
}

/// The text is not a GUID.
#[derive(Debug, thiserror::Error)]
#[error("not a GUID")]
pub struct NotAGuid;

impl FromStr for InvocationId {
    type Err = NotAGuid;

    fn from_str(text: &str) -> Result<Self, NotAGuid> {
        let bytes: [u8; Self::LENGTH] = text.as_bytes().try_into().map_err(|_| NotAGuid)?;
        let shaped = bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        if shaped {
            Ok(Self(bytes))
        } else {
            Err(NotAGuid)
        }
    }
}

impl fmt::Display for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_guid_is_an_invocation_id() {
        let id = "815eec33-037f-4f35-ad74-a33b32f396d9";

        assert_eq!(id.parse::<InvocationId>().unwrap().as_str(), id);
        for wrong in [
            "",
            "evil",
            "evil, 815eec33-037f-4f35-ad74-a33b32f396d9",
            "815eec33x037f-4f35-ad74-a33b32f396d9",
        ] {
            assert!(wrong.parse::<InvocationId>().is_err(), "{wrong}");
        }
    }
}
