//! The audit trail: who was let in, who was refused, and what became of secrets, keys and checks.
//!
//! Each event is one of a [table of types](TYPES), which the docs are made from as well. It is written
//! as an event of `tracing` under a target of its own, at once and never sampled: a line on standard
//! output, and whatever else listens.
//!
//! What invocations bring about is joined: of alike events the first is written at once, and those that
//! follow within a minute as one with their `count`. So a flood of refusals costs neither money nor
//! memory, and no refusal goes uncounted.
//!
//! An event holds ids, rules and addresses. No name, no claim's text and nothing of a payload can get
//! into one, since there is no field for it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use tracing::instrument::WithSubscriber as _;

use crate::auth::{Clock, Concern, Denial, Principal};
use crate::failure::{Failure, Nature};
use crate::function::{Context, InvocationId};

pub(crate) use self::address::Proxies;
use self::event::Facts;
pub(crate) use self::event::{Event, TARGET, has_field};
#[cfg(feature = "cli")]
pub(crate) use self::event::{FIELDS, Field, TYPES, Type, example};
use self::joined::{Joined, Kind, Noted, Seen};

mod address;
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, reason = "the docs read the whole table")
)]
mod event;
mod joined;

/// The events that the invocations of one app bring about, joined.
pub(crate) struct Trail {
    joined: Joined,
    clock: Arc<dyn Clock>,
    /// Whether the task that ends windows has been started.
    sweeping: AtomicBool,
}

impl Trail {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            joined: Joined::new(),
            clock,
            sweeping: AtomicBool::new(false),
        })
    }

    /// Tells what an invocation came to.
    pub(crate) fn closed(self: &Arc<Self>, context: &Context, failure: Option<&Failure>) {
        let nature = failure.map(Failure::nature);
        let span = match failure {
            // Whatever ends badly is recorded.
            Some(_) => context.trace().recorded_span(),
            None => context.trace().span_context(),
        };
        if !matches!(nature, Some(Nature::Denied(_))) {
            self.let_in(context, span.clone());
        }
        let event = match nature {
            Some(Nature::Denied(denial)) => Event::of(denial),
            Some(Nature::Forbidden) => Event::AccessRefused,
            Some(Nature::Rejected) => Event::InputRejected,
            Some(Nature::Other) | None => return,
        };
        self.note(event, failure.map(Failure::rule), context, span);
    }

    /// Tells of an invocation that nobody waits for any more, which is recorded, too.
    pub(crate) fn abandoned(self: &Arc<Self>, context: &Context) {
        self.let_in(context, context.trace().recorded_span());
    }

    /// Tells that an event went to the quarantine.
    pub(crate) fn quarantined(self: &Arc<Self>, context: &Context, failure: &Failure) {
        let span = context.trace().recorded_span();
        self.note(Event::Quarantined, Some(failure.rule()), context, span);
    }

    /// Tells that a caller got past the layer before a plain service.
    pub(crate) fn admitted(self: &Arc<Self>, caller: &Principal, client: Option<IpAddr>) {
        self.note_seen(
            Seen {
                event: Event::AuthSucceeded,
                rule: None,
                function: None,
                principal: Some(caller),
                client,
            },
            None,
        );
    }

    /// Tells that the layer before a plain service refused a caller.
    pub(crate) fn refused(
        self: &Arc<Self>,
        denial: &Denial,
        caller: Option<&Principal>,
        client: Option<IpAddr>,
    ) {
        self.note_seen(
            Seen {
                event: Event::of(denial),
                rule: Some(denial.rule()),
                function: None,
                principal: caller,
                client,
            },
            None,
        );
    }

    fn let_in(self: &Arc<Self>, context: &Context, span: SpanContext) {
        if context.principal().is_some() {
            self.note(Event::AuthSucceeded, None, context, span);
        }
    }

    fn note(
        self: &Arc<Self>,
        event: Event,
        rule: Option<&'static str>,
        context: &Context,
        span: SpanContext,
    ) {
        let seen = Seen {
            event,
            rule,
            function: Some(context.function()),
            principal: context.principal(),
            client: context.client(),
        };
        self.note_seen(seen, Some((context, span)));
    }

    fn note_seen(self: &Arc<Self>, seen: Seen<'_>, within: Option<(&Context, SpanContext)>) {
        if let Noted::Counted = self.joined.note(seen, || self.clock.uptime()) {
            return;
        }
        // A record of this event belongs to the invocation's span, which has ended or is about to.
        let invocation = within.as_ref().map(|(context, _)| context.invocation_id());
        let _in_trace = within.map(|(_, span)| {
            opentelemetry::Context::new()
                .with_remote_span_context(span)
                .attach()
        });
        event::write(
            seen.event,
            1,
            &Facts {
                invocation: invocation.as_ref().map(InvocationId::as_str),
                ..Facts::from(seen)
            },
        );
        self.sweep();
    }

    /// Starts the task that ends windows, with the first that is opened.
    fn sweep(self: &Arc<Self>) {
        if self.sweeping.load(Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if self.sweeping.swap(true, Ordering::Relaxed) {
            return;
        }
        let trail = Arc::downgrade(self);
        let sweeping = async move {
            loop {
                tokio::time::sleep(BETWEEN_SWEEPS).await;
                let Some(trail) = trail.upgrade() else {
                    return;
                };
                tell(&trail.joined.ended(trail.clock.uptime()));
            }
        };
        runtime.spawn(sweeping.with_current_subscriber());
    }

    /// Tells what was counted and is not told yet, at the end of the app.
    pub(crate) fn tell_rest(&self) {
        tell(&self.joined.rest());
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.tell_rest();
    }
}

impl std::fmt::Debug for Trail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trail").finish_non_exhaustive()
    }
}

fn tell(counted: &[(Kind, u64)]) {
    for (kind, count) in counted {
        event::write(kind.event(), *count, &Facts::from(kind.seen()));
    }
}

impl Event {
    fn of(denial: &Denial) -> Self {
        match denial.concern() {
            Concern::Credentials => Self::AuthDenied,
            Concern::Permission => Self::AccessRefused,
        }
    }
}

/// Tells that a value of a secret is in use that was not before: the first, or another version.
pub(crate) fn secret_read(secret: &str, version: &str, reason: &'static str) {
    let facts = Facts {
        secret: Some(secret),
        version: Some(version),
        reason: Some(reason),
        ..Facts::default()
    };
    event::write(Event::SecretRead, 1, &facts);
}

/// Tells that a secret could not be read; what is held may go on. The text of `error` holds nothing
/// of a value.
pub(crate) fn secret_failed(secret: &str, error: &(dyn std::error::Error + 'static)) {
    let facts = Facts {
        secret: Some(secret),
        error: Some(error),
        ..Facts::default()
    };
    event::write(Event::SecretFailed, 1, &facts);
}

/// Tells that what was held of a secret does not count any more.
pub(crate) fn secret_ended(secret: &str, reason: &'static str) {
    let facts = Facts {
        secret: Some(secret),
        reason: Some(reason),
        ..Facts::default()
    };
    event::write(Event::SecretEnded, 1, &facts);
}

/// Tells that a tenant signs with other keys than before, or that its first are known.
pub(crate) fn keys_changed(tenant: &str, key_ids: &[&str], reason: &'static str) {
    let facts = Facts {
        tenant: Some(tenant),
        key_ids: Some(key_ids),
        reason: Some(reason),
        ..Facts::default()
    };
    event::write(Event::KeysChanged, 1, &facts);
}

/// Tells that a tenant's keys could not be fetched.
pub(crate) fn keys_failed(tenant: &str, error: &(dyn std::error::Error + 'static)) {
    let facts = Facts {
        tenant: Some(tenant),
        error: Some(error),
        ..Facts::default()
    };
    event::write(Event::KeysFailed, 1, &facts);
}

/// Tells that a setting weakens a check, and how. Each start says so again.
pub(crate) fn weakness(setting: &'static str, reason: &'static str) {
    let facts = Facts {
        setting: Some(setting),
        reason: Some(reason),
        ..Facts::default()
    };
    event::write(Event::ConfigurationWeak, 1, &facts);
}

/// Tells that the app serves.
pub(crate) fn started(app: &str, host_version: Option<&str>, http: &'static str) {
    let facts = Facts {
        app: Some(app),
        library_version: Some(env!("CARGO_PKG_VERSION")),
        host_version: host_version.filter(|version| is_version(version)),
        http: Some(http),
        ..Facts::default()
    };
    event::write(Event::AppStarted, 1, &facts);
}

/// Tells that the app has stopped, and why.
pub(crate) fn stopped(app: &str, reason: &'static str) {
    let facts = Facts {
        app: Some(app),
        reason: Some(reason),
        ..Facts::default()
    };
    event::write(Event::AppStopped, 1, &facts);
}

/// Such as `~4` and `4.1037.0`.
fn is_version(text: &str) -> bool {
    text.len() <= 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'~' | b'.'))
}

const BETWEEN_SWEEPS: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
