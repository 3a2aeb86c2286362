//! Who may run which function.

use std::sync::Arc;

use http::HeaderMap;

use super::{
    Certificates, Challenges, ClientCertificateHeader, Clock, Denial, Principal, Refusal, Rule,
    Tokens,
};
use crate::function::Context;
use crate::limits::{Admitted, Callers, Excess};
use crate::telemetry::Point;
use crate::wire::{Delivery, FunctionId};

/// What stands before a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gate {
    /// A valid token whose permissions satisfy the rule.
    Rule(Rule),
    /// Nothing, for the reason given.
    Anonymous { reason: &'static str },
    /// Only the host runs it: the wire lets no outside request get this far.
    Host,
}

impl Gate {
    /// What is wrong with the gate, in words for the developer.
    pub(crate) fn problems(&self, problems: &mut Vec<String>) {
        match self {
            Self::Rule(Rule::AnyOf(rules)) if rules.is_empty() => {
                problems.push("`any_of` names no rule, so nobody could ever call".to_owned());
            }
            Self::Anonymous { reason } if reason.trim().is_empty() => {
                problems.push("`anonymous` gives no reason".to_owned());
            }
            Self::Rule(rule) => {
                problems.extend(
                    rule.unspeakable()
                        .map(|name| format!("`{name}` cannot be the name of a scope or role")),
                );
                problems.extend(rule.unknown_context().map(|id| {
                    format!("`{id}` is no authentication context; those are `c1` to `c99`")
                }));
            }
            Self::Anonymous { .. } | Self::Host => {}
        }
    }

    pub(crate) fn needs_token(&self) -> bool {
        self.rule().is_some()
    }

    pub(crate) fn rule(&self) -> Option<&Rule> {
        match self {
            Self::Rule(rule) => Some(rule),
            Self::Anonymous { .. } | Self::Host => None,
        }
    }
}

/// Who runs an invocation.
#[derive(Debug, Clone)]
pub enum Identity {
    /// A caller whose token was verified.
    Known(Principal),
    /// Somebody; the function is anonymous.
    Unknown,
    /// The Functions host, for an event.
    Host,
}

/// An invocation whose caller may run it. Only [`Policy::decide`] makes one.
#[derive(Debug)]
pub(crate) struct Authorized {
    admitted: Admitted,
    identity: Identity,
}

impl Authorized {
    pub(crate) fn function(&self) -> FunctionId {
        self.admitted.function()
    }

    pub(crate) fn delivery(&self) -> &Delivery {
        self.admitted.delivery()
    }

    pub(crate) fn into_parts(self) -> (Admitted, Identity) {
        (self.admitted, self.identity)
    }
}

/// The gate of every function, by its id.
pub(crate) struct Policy {
    gates: Vec<Gate>,
    tokens: Option<Arc<Tokens>>,
    callers: Callers,
    certificates: Option<Certificates>,
    clock: Arc<dyn Clock>,
}

impl Policy {
    /// `tokens` is none in an app where no function asks for a token, and `certificates` where none
    /// are asked for beside it.
    pub(crate) fn new(
        gates: Vec<Gate>,
        tokens: Option<Arc<Tokens>>,
        callers: Callers,
        certificates: Option<Certificates>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            gates,
            tokens,
            callers,
            certificates,
            clock,
        }
    }

    /// Lets the caller through, or says why not.
    ///
    /// # Errors
    ///
    /// [`Refusal`] names the rule that failed.
    pub(crate) async fn decide(&self, mut admitted: Admitted) -> Result<Authorized, Refusal> {
        let progress = |admitted: &Admitted, point| admitted.context().progress().pass(point);
        progress(&admitted, Point::Admitted);
        let identity = match &self.gates[admitted.function().index()] {
            Gate::Host => Identity::Host,
            Gate::Anonymous { .. } => Identity::Unknown,
            Gate::Rule(rule) => {
                let caller = self.caller(rule, &mut admitted).await;
                Identity::Known(caller.map_err(|denial| self.refuse(denial))?)
            }
        };
        progress(&admitted, Point::Authorized);
        Ok(Authorized { admitted, identity })
    }

    /// The caller, if it has room and satisfies the rule.
    async fn caller(&self, rule: &Rule, admitted: &mut Admitted) -> Result<Principal, Denial> {
        let caller = match presented(admitted.context()) {
            Some(caller) => caller,
            None => self.verify(Credentials::of(admitted).headers).await?,
        };
        admitted.context().note_principal(&caller);
        // Before the permission: a caller that may not call is no cheaper to refuse.
        let permit = self.callers.admit(caller.id(), self.clock.uptime());
        admitted.hold(permit.map_err(too_many)?);
        if let Some(certificates) = &self.certificates {
            certificates.require(Credentials::of(admitted).certificate)?;
        }
        rule.require(&caller)?;
        Ok(caller)
    }

    fn refuse(&self, denial: Denial) -> Refusal {
        match &self.tokens {
            Some(tokens) => tokens.challenges().refuse(denial),
            None => Challenges::default().refuse(denial),
        }
    }

    async fn verify(&self, headers: Option<&HeaderMap>) -> Result<Principal, Denial> {
        let headers = headers.ok_or(Denial::MissingToken)?;
        let tokens = self.tokens.as_ref().ok_or(Denial::MissingToken)?;
        tokens.caller(headers).await
    }
}

fn too_many(excess: Excess) -> Denial {
    match excess {
        Excess::Concurrency => Denial::CallerConcurrency,
        Excess::Rate { retry_after } => Denial::CallerRate { retry_after },
    }
}

/// What a caller is known by. An event brings nothing.
#[derive(Clone, Copy, Default)]
struct Credentials<'a> {
    /// The headers that carry the token.
    headers: Option<&'a HeaderMap>,
    certificate: Option<&'a ClientCertificateHeader>,
}

impl<'a> Credentials<'a> {
    fn of(admitted: &'a Admitted) -> Self {
        match admitted.delivery() {
            Delivery::Request(request) => Self {
                headers: Some(&request.headers),
                certificate: request.certificate.as_ref(),
            },
            Delivery::Message(_) | Delivery::Tick(_) => Self::default(),
        }
    }
}

/// The caller that a test presents in place of a token.
#[cfg(any(test, feature = "testing"))]
fn presented(context: &Context) -> Option<Principal> {
    context.presented().cloned()
}

#[cfg(not(any(test, feature = "testing")))]
fn presented(_: &Context) -> Option<Principal> {
    None
}
