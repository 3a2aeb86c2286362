//! Guards: checks of a team's own that see each authorised invocation and may only refuse it.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::auth::{Identity, Principal};
use crate::failure::Error;
use crate::function::{Arrival, Context};
use crate::on::TriggerKind;
use crate::wire::Delivery;

pub(crate) type Guard = Arc<dyn Fn(&Visit<'_>) -> Result<(), Error> + Send + Sync>;

/// What a guard sees: who calls which function, never the payload.
///
/// ```
/// use stockade::{Error, Visit};
///
/// fn only_from_the_back_office(visit: &Visit<'_>) -> Result<(), Error> {
///     match visit.principal() {
///         Some(caller) if !caller.has_scope("Back.Office") => {
///             Err(Error::forbidden("This is for the back office."))
///         }
///         _ => Ok(()),
///     }
/// }
/// ```
pub struct Visit<'a> {
    context: &'a Context,
    kind: TriggerKind,
    identity: &'a Identity,
    headers: Option<&'a HeaderMap>,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(arrival: &'a Arrival, kind: TriggerKind) -> Self {
        Self {
            context: arrival.context(),
            kind,
            identity: arrival.identity(),
            headers: match arrival.delivery() {
                Delivery::Request(request) => Some(&request.headers),
                Delivery::Message(_) | Delivery::Tick(_) => None,
            },
        }
    }

    /// Which invocation this is.
    pub fn context(&self) -> &Context {
        self.context
    }

    /// What started it.
    pub fn trigger(&self) -> TriggerKind {
        self.kind
    }

    /// The caller; none on anonymous functions and on events.
    pub fn principal(&self) -> Option<&Principal> {
        match self.identity {
            Identity::Known(principal) => Some(principal),
            Identity::Unknown | Identity::Host => None,
        }
    }

    /// A header of the HTTP request, if it came exactly once.
    pub fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let mut values = self.headers?.get_all(name).iter();
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }
}
