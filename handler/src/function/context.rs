//! Which invocation a handler is in.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use opentelemetry::trace::TraceContextExt as _;
use tokio::time::Instant;

use super::argument::{Argument, Call, Part};
use crate::auth::Principal;
use crate::input::Rejection;
use crate::on::Trigger;
use crate::telemetry::{Progress, Share, Trace, TraceParent, sampling};
use crate::wire::single;

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
    origin: Origin,
    /// The trace that the event itself names, once it was read.
    event: OnceLock<TraceParent>,
    trace: OnceLock<Trace>,
    progress: Progress,
    #[cfg(any(test, feature = "testing"))]
    presented: Option<Principal>,
}

/// What led to an invocation, as far as the headers tell.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Origin {
    trace: Option<TraceParent>,
    /// The address of the caller, for the audit trail alone.
    client: Option<IpAddr>,
}

impl Origin {
    /// Reads the headers. What they claim of a caller's identity is still among them.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let trace = single(headers, &TRACEPARENT).and_then(TraceParent::parse);
        Self {
            trace,
            client: None,
        }
    }

    /// The same, from this address.
    pub(crate) fn at(self, client: Option<IpAddr>) -> Self {
        Self { client, ..self }
    }

    /// The same, with what another knows in place of what this one does not.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            trace: self.trace.or(other.trace),
            client: self.client.or(other.client),
        }
    }
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

impl Context {
    pub(crate) fn new(
        invocation_id: InvocationId,
        function: &'static str,
        attempt: u32,
        deadline: Instant,
        origin: Origin,
    ) -> Self {
        Self(Arc::new(Facts {
            invocation_id,
            function,
            attempt,
            deadline,
            principal: OnceLock::new(),
            origin,
            event: OnceLock::new(),
            trace: OnceLock::new(),
            progress: Progress::start(),
            #[cfg(any(test, feature = "testing"))]
            presented: None,
        }))
    }

    /// A first attempt at the function `function`, without an end, for tests of what is made of a
    /// context.
    #[cfg(any(test, feature = "testing"))]
    pub fn for_tests(function: &'static str) -> Self {
        let id = InvocationId::for_tests();
        let deadline = Instant::now() + Duration::from_secs(24 * 60 * 60);
        Self::new(id, function, 0, deadline, Origin::default())
    }

    /// The same context, with a caller in place of a verified token.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn presenting(self, presented: Option<Principal>) -> Self {
        let facts = &*self.0;
        Self(Arc::new(Facts {
            principal: OnceLock::new(),
            event: OnceLock::new(),
            trace: OnceLock::new(),
            progress: Progress::start(),
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

    /// The invocation's place in its trace, as the value of a `traceparent` header (W3C Trace Context
    /// §3.2): what a request to another service has to carry to be seen as part of it.
    pub fn traceparent(&self) -> String {
        self.trace().to_string()
    }

    /// The place of the invocation in its trace: below the host's span where the host names one, else
    /// below the event's own. It is settled with the first look at it.
    pub(crate) fn trace(&self) -> &Trace {
        let facts = &*self.0;
        facts.trace.get_or_init(|| {
            let parent = facts.origin.trace.or(facts.event.get().copied());
            Trace::below(parent, sampling::share_of)
        })
    }

    /// The trace that the event names beside the host's, which the invocation belongs to.
    pub(crate) fn linked(&self) -> Option<TraceParent> {
        self.0
            .origin
            .trace
            .and_then(|_| self.0.event.get().copied())
    }

    /// What spans that the function opens have as their parent.
    pub(crate) fn surrounding(&self) -> opentelemetry::Context {
        let nowhere = opentelemetry::Context::new();
        if !sampling::is_installed() {
            return nowhere;
        }
        let trace = self.trace();
        let inside = nowhere.with_remote_span_context(trace.span_context());
        match trace.share {
            Some(share) => inside.with_value(Share(share)),
            None => inside,
        }
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.0.progress
    }

    /// The trace that the event itself names.
    pub(crate) fn note_event(&self, parent: TraceParent) {
        // An event names one; a second value would be a second truth.
        let _ = self.0.event.set(parent);
    }

    /// The address that the request came from, where the platform's front end gives one.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.0.origin.client
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
