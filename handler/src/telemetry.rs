//! Puts each invocation on record: one line as JSON on standard output, its audit events, its metrics,
//! and its spans if somebody takes them.
//!
//! The stage comes first, so that refusals are counted too, and it cannot be left out: only
//! [`Telemetry::open`] makes an [`Invocation`], and only [`Record::close`] makes what the wire
//! answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use opentelemetry_sdk::trace::SpanProcessor;
use tracing::Span;

use self::audit::Trail;
use self::spans::Ended;
use crate::failure::Failure;
use crate::function::{Context, Entry};
use crate::on::TriggerKind;
use crate::wire::{Arrived, Delivery, FunctionId, Packed, Reply, Undeliverable};

pub(crate) use self::call::calling;
pub(crate) use self::export::{Exports, Share, TelemetrySettings};
pub(crate) use self::fields::{Fields, problems as problems_of_log_fields};
pub(crate) use self::lines::{Held, JsonLines, write_time};
#[cfg(any(test, feature = "testing"))]
pub(crate) use self::lines::{Sink, When};
pub(crate) use self::metrics::{Refresh, metrics};
pub(crate) use self::progress::{Point, Progress};
pub(crate) use self::trace::{Trace, TraceParent};

pub(crate) mod audit;
mod call;
mod export;
pub(crate) mod fields;
mod lines;
mod metrics;
mod progress;
pub(crate) mod sampling;
mod spans;
mod trace;

/// Opens and closes the record of each invocation.
#[derive(Debug)]
pub(crate) struct Telemetry {
    subjects: Vec<Arc<Subject>>,
    /// Takes the finished spans, if anything does.
    spans: Option<Spans>,
    /// An invocation came before.
    warm: AtomicBool,
    trail: Arc<Trail>,
}

/// What telemetry knows of a function.
#[derive(Debug)]
struct Subject {
    kind: TriggerKind,
    /// The path that callers know, with the names of its parameters.
    route: Option<String>,
    asks_for_a_caller: bool,
}

impl Subject {
    fn of(entry: &Entry, route_prefix: &str) -> Self {
        let trigger = &entry.trigger;
        let prefix = match route_prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("/{prefix}"),
        };
        Self {
            kind: trigger.kind,
            route: trigger
                .route
                .as_ref()
                .map(|route| format!("{prefix}/{}", route.template.as_str())),
            asks_for_a_caller: trigger.gate.rule().is_some(),
        }
    }
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
    context: Context,
    subject: Arc<Subject>,
    method: Option<Method>,
    reply: Reply,
    span: Span,
    /// Where its spans go.
    spans: Option<Spans>,
    cold: bool,
    trail: Arc<Trail>,
    closed: bool,
}

/// How an invocation ended.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// With what an HTTP caller sees.
    Succeeded(Option<StatusCode>),
    /// The name of the outcome, the rule that decided, and what an HTTP caller sees.
    Failed(&'static str, &'static str, Option<StatusCode>),
    Abandoned,
}

/// An outcome that is on record. Only [`Record::close`] makes one.
#[derive(Debug)]
pub(crate) struct Recorded {
    context: Context,
    reply: Reply,
    outcome: Result<Packed, Failure>,
}

impl Telemetry {
    pub(crate) fn new<'a>(
        functions: impl IntoIterator<Item = &'a Entry>,
        route_prefix: &str,
        spans: Option<Spans>,
        trail: Arc<Trail>,
    ) -> Self {
        let subjects = functions
            .into_iter()
            .map(|entry| Arc::new(Subject::of(entry, route_prefix)));
        Self {
            subjects: subjects.collect(),
            spans,
            warm: AtomicBool::new(false),
            trail,
        }
    }

    #[cfg(test)]
    pub(crate) fn record_to(&mut self, spans: Spans) {
        self.spans = Some(spans);
    }

    /// Puts an invocation on record.
    pub(crate) fn open(&self, arrived: Arrived) -> (Invocation, Record) {
        let (function, context, delivery, reply) = arrived.into_parts();
        let method = match &delivery {
            Delivery::Request(request) => Some(request.method.clone()),
            Delivery::Message(_) | Delivery::Tick(_) => None,
        };
        let record = self.record(context.clone(), method, reply);
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
        self.record(context, None, reply).close(Err(failure))
    }

    fn record(&self, context: Context, method: Option<Method>, reply: Reply) -> Record {
        Record {
            subject: Arc::clone(&self.subjects[reply.function().index()]),
            span: tracing::info_span!(
                "invocation",
                invocation.id = context.invocation_id().as_str(),
                function.name = context.function(),
            ),
            context,
            method,
            reply,
            spans: self.spans.clone(),
            cold: !self.warm.swap(true, Ordering::Relaxed),
            trail: Arc::clone(&self.trail),
            closed: false,
        }
    }
}

impl Outcome {
    fn of(result: &Result<Packed, Failure>, kind: TriggerKind) -> Self {
        match result {
            Ok(packed) => Self::Succeeded(packed.status()),
            Err(failure) => {
                let status = (kind == TriggerKind::Http).then(|| failure.problem().status());
                Self::Failed(failure.outcome(), failure.rule(), status)
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Succeeded(_) => "succeeded",
            Self::Failed(name, ..) => name,
            Self::Abandoned => "abandoned",
        }
    }

    fn rule(self) -> Option<&'static str> {
        match self {
            Self::Failed(_, rule, _) => Some(rule),
            Self::Succeeded(_) | Self::Abandoned => None,
        }
    }

    fn status(self) -> Option<StatusCode> {
        match self {
            Self::Succeeded(status) | Self::Failed(_, _, status) => status,
            Self::Abandoned => None,
        }
    }

    /// Whether nobody has to look at it.
    fn is_good(self) -> bool {
        match self {
            Self::Succeeded(status) => status.is_none_or(|status| !status.is_server_error()),
            Self::Failed(..) | Self::Abandoned => false,
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
        let took = self.context.progress().elapsed();
        let duration_ms = milliseconds(took);
        let trigger = self.subject.kind.name();
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
        self.hand_over(Outcome::of(&outcome, self.subject.kind), took);
        Recorded {
            context: self.context.clone(),
            reply: self.reply.clone(),
            outcome,
        }
    }

    fn principal(&self) -> Option<&str> {
        self.context.principal().map(crate::Principal::id)
    }

    /// Counts it, and gives its spans away if it is recorded.
    fn hand_over(&self, outcome: Outcome, took: Duration) {
        metrics().ended(self.context.function(), outcome, took);
        let Some(sink) = &self.spans else {
            return;
        };
        let ended = Ended {
            context: &self.context,
            subject: &self.subject,
            method: self.method.as_ref(),
            outcome,
            took,
            cold: self.cold,
        };
        for span in ended.spans().into_iter().flatten() {
            sink.on_end(span);
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.closed {
            let took = self.context.progress().elapsed();
            self.trail.abandoned(&self.context);
            let in_span = self.span.enter();
            tracing::warn!(
                trigger = self.subject.kind.name(),
                outcome = "abandoned",
                principal.id = self.principal(),
                duration_ms = milliseconds(took),
                "invocation abandoned: the other side closed the connection"
            );
            drop(in_span);
            self.hand_over(Outcome::Abandoned, took);
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
