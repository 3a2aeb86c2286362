//! One span and one line for each invocation, as JSON on standard output.
//!
//! The stage comes first, so that refusals are counted too, and it cannot be left out: only
//! [`Telemetry::open`] makes an [`Invocation`], and only [`Record::close`] makes what the wire
//! answers.

use std::sync::Arc;
use std::time::Instant;

use opentelemetry_sdk::trace::SpanProcessor;
use tracing::Span;

use crate::failure::Failure;
use crate::function::Context;
use crate::on::TriggerKind;
use crate::wire::{Arrived, Delivery, FunctionId, Packed, Reply, Undeliverable};

#[cfg(feature = "cli")]
pub(crate) use self::lines::write_time;
pub(crate) use self::lines::{Held, JsonLines};
#[cfg(any(test, feature = "testing"))]
pub(crate) use self::lines::{Sink, When};

pub(crate) use self::trace::{Trace, TraceParent};

use self::audit::Trail;

pub(crate) mod audit;
mod lines;
#[allow(dead_code)]
pub(crate) mod sampling;
#[allow(dead_code)]
mod trace;

/// Opens and closes the record of each invocation.
#[derive(Debug)]
pub(crate) struct Telemetry {
    kinds: Vec<TriggerKind>,
    /// Takes the finished spans, if anything does.
    #[allow(dead_code)]
    spans: Option<Spans>,
    trail: Arc<Trail>,
}

/// Where finished spans go.
pub(crate) type Spans = Arc<dyn SpanProcessor>;

/// An invocation that is on record.
#[derive(Debug)]
pub(crate) struct Invocation {
    function: FunctionId,
    context: Context,
    delivery: Delivery,
}

/// The open record of an invocation. One that is dropped before it is closed tells of that, too.
#[derive(Debug)]
pub(crate) struct Record {
    started: Instant,
    context: Context,
    kind: TriggerKind,
    reply: Reply,
    span: Span,
    trail: Arc<Trail>,
    closed: bool,
}

/// An outcome that is on record. Only [`Record::close`] makes one.
#[derive(Debug)]
pub(crate) struct Recorded {
    context: Context,
    reply: Reply,
    outcome: Result<Packed, Failure>,
}

impl Telemetry {
    pub(crate) fn new(kinds: Vec<TriggerKind>, spans: Option<Spans>, trail: Arc<Trail>) -> Self {
        Self {
            kinds,
            spans,
            trail,
        }
    }

    /// Puts an invocation on record.
    pub(crate) fn open(&self, arrived: Arrived) -> (Invocation, Record) {
        let (function, context, delivery, reply) = arrived.into_parts();
        let record = self.record(context.clone(), reply);
        let invocation = Invocation {
            function,
            context,
            delivery,
        };
        (invocation, record)
    }

    /// Puts on record what could not be delivered to its function.
    pub(crate) fn undeliverable(&self, undeliverable: Undeliverable) -> Recorded {
        let Undeliverable {
            context,
            reply,
            failure,
        } = undeliverable;
        self.record(context, reply).close(Err(failure))
    }

    fn record(&self, context: Context, reply: Reply) -> Record {
        Record {
            started: Instant::now(),
            kind: self.kinds[reply.function().index()],
            span: tracing::info_span!(
                "invocation",
                invocation.id = context.invocation_id().as_str(),
                function.name = context.function(),
            ),
            context,
            reply,
            trail: Arc::clone(&self.trail),
            closed: false,
        }
    }
}

impl Invocation {
    pub(crate) fn function(&self) -> FunctionId {
        self.function
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    pub(crate) fn into_parts(self) -> (Context, Delivery) {
        (self.context, self.delivery)
    }
}

impl Record {
    /// The span that everything done for the invocation belongs to.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// When the invocation is given up.
    pub(crate) fn deadline(&self) -> tokio::time::Instant {
        self.context.deadline()
    }

    /// How the invocation will be answered.
    pub(crate) fn reply(&self) -> &Reply {
        &self.reply
    }

    /// Writes the one line of the invocation.
    pub(crate) fn close(mut self, outcome: Result<Packed, Failure>) -> Recorded {
        self.closed = true;
        let duration_ms = self.duration_ms();
        let trigger = self.kind.name();
        let principal = self.principal();
        self.trail.closed(&self.context, outcome.as_ref().err());
        let in_span = self.span.enter();
        match &outcome {
            Ok(packed) => tracing::info!(
                target: CLOSING,
                trigger,
                outcome = "succeeded",
                status = packed.status().map(|status| status.as_u16()),
                principal.id = principal,
                duration_ms,
                "invocation succeeded"
            ),
            Err(failure) if failure.is_ours() => tracing::error!(
                target: CLOSING,
                trigger,
                outcome = failure.outcome(),
                rule = failure.rule(),
                error = %failure,
                principal.id = principal,
                duration_ms,
                "invocation failed"
            ),
            Err(failure) => tracing::warn!(
                target: CLOSING,
                trigger,
                outcome = failure.outcome(),
                rule = failure.rule(),
                error = %failure,
                principal.id = principal,
                duration_ms,
                "invocation turned away"
            ),
        }
        drop(in_span);
        Recorded {
            context: self.context.clone(),
            reply: self.reply.clone(),
            outcome,
        }
    }

    fn principal(&self) -> Option<&str> {
        self.context.principal().map(crate::Principal::id)
    }

    fn duration_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.closed {
            self.trail.closed(&self.context, None);
            let _in_span = self.span.enter();
            tracing::warn!(
                trigger = self.kind.name(),
                outcome = "abandoned",
                principal.id = self.principal(),
                duration_ms = self.duration_ms(),
                "invocation abandoned: the other side closed the connection"
            );
        }
    }
}

/// The target of the line that closes an invocation.
const CLOSING: &str = "stockade::invocation";

impl Recorded {
    pub(crate) fn into_parts(self) -> (Context, Reply, Result<Packed, Failure>) {
        (self.context, self.reply, self.outcome)
    }
}
