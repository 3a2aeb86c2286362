//! The spans of an invocation that has ended: its own, and one for each stage that it went through.
//!
//! They are made when it is over, and only if somebody wants them, so that an invocation that is not
//! recorded pays for a few readings of the clock.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use http::Method;
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator, SpanData, SpanLinks};

use super::progress::Point;
use super::sampling::SAMPLE_RATE;
use super::{Outcome, Subject};
use crate::function::Context;
use crate::on::TriggerKind;

/// What is told of an invocation.
pub(super) struct Ended<'a> {
    pub(super) context: &'a Context,
    pub(super) subject: &'a Subject,
    pub(super) method: Option<&'a Method>,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
    /// It is the first of this process.
    pub(super) cold: bool,
}

impl Ended<'_> {
    /// The share of all invocations that this one is recorded for; none if it is not recorded.
    /// Whatever ends badly is recorded.
    fn share(&self) -> Option<f64> {
        if self.outcome.is_good() {
            self.context.trace().share
        } else {
            Some(1.0)
        }
    }

    /// Its spans, if it is recorded.
    pub(super) fn spans(&self) -> Option<Vec<SpanData>> {
        let share = self.share()?;
        let began = SystemTime::now()
            .checked_sub(self.took)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let mut spans = vec![self.own(share, began)];
        spans.extend(self.stages().map(|stage| self.stage(&stage, share, began)));
        Some(spans)
    }

    fn own(&self, share: f64, began: SystemTime) -> SpanData {
        let (trace, subject) = (self.context.trace(), self.subject);
        let mut attributes = Vec::with_capacity(12);
        let mut tell = |name: &'static str, value: opentelemetry::Value| {
            attributes.push(KeyValue::new(name, value));
        };
        tell("faas.name", self.context.function().into());
        tell("faas.trigger", trigger(subject.kind).into());
        let id = self.context.invocation_id();
        tell("faas.invocation_id", id.as_str().to_owned().into());
        tell("faas.coldstart", self.cold.into());
        tell("stockade.outcome", self.outcome.name().into());
        tell(SAMPLE_RATE, (share * 100.0).into());
        if let Some(rule) = self.outcome.rule() {
            tell("error.type", rule.into());
        }
        if let Some(status) = self.outcome.status() {
            tell(
                "http.response.status_code",
                i64::from(status.as_u16()).into(),
            );
        }
        if let Some(method) = self.method {
            tell("http.request.method", method.as_str().to_owned().into());
        }
        if let Some(route) = &subject.route {
            tell("http.route", route.clone().into());
        }
        if subject.kind == TriggerKind::Queue {
            tell("messaging.system", "azure_storage_queues".into());
            tell("messaging.operation.type", "process".into());
        }
        if let Some(principal) = self.context.principal() {
            tell("user.id", principal.id().to_owned().into());
        }
        let mut links = SpanLinks::default();
        if let Some(also) = self.context.linked() {
            links.links.push(Link::with_context(also.span_context()));
        }
        SpanData {
            span_context: trace.recorded_span(),
            parent_span_id: trace.parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: trace.parent.is_some(),
            span_kind: match subject.kind {
                // Of a timer's nobody is the client, but Application Insights takes only these two for
                // what an app was asked to do.
                TriggerKind::Http | TriggerKind::Timer => SpanKind::Server,
                TriggerKind::Queue => SpanKind::Consumer,
            },
            name: Cow::Borrowed(self.context.function()),
            start_time: began,
            end_time: began + self.took,
            attributes,
            dropped_attributes_count: 0,
            events: Default::default(),
            links,
            status: self.status(),
            instrumentation_scope: SCOPE.clone(),
        }
    }

    /// Semantic conventions for HTTP spans: of a server's answers, only those from 500 are its errors.
    fn status(&self) -> Status {
        let by_caller = self
            .outcome
            .status()
            .is_some_and(|status| status.is_client_error());
        match self.outcome.rule() {
            Some(rule) if !by_caller => Status::error(rule),
            None if !self.outcome.is_good() => Status::error(self.outcome.name()),
            _ => Status::Unset,
        }
    }

    /// The stages that it went through. The last one is the one that it ended in.
    fn stages(&self) -> impl Iterator<Item = Stage> {
        let passed = |point| self.context.progress().passed(point);
        let stage = |name, from: Option<Duration>, to: Option<Duration>| {
            from.map(|from| Stage {
                name,
                from,
                to: to.unwrap_or(self.took),
                is_last: to.is_none(),
            })
        };
        let authentication = self.subject.asks_for_a_caller.then(|| {
            stage(
                "authentication",
                passed(Point::Admitted),
                passed(Point::Authorized),
            )
        });
        let validation = stage("validation", passed(Point::Begun), passed(Point::Valid));
        let outputs = stage("outputs", passed(Point::Returned), Some(self.took));
        [authentication.flatten(), validation, outputs]
            .into_iter()
            .flatten()
    }

    fn stage(&self, stage: &Stage, share: f64, began: SystemTime) -> SpanData {
        let trace = self.context.trace();
        let failed = self.outcome.rule().filter(|_| stage.is_last);
        let mut attributes = vec![KeyValue::new(SAMPLE_RATE, share * 100.0)];
        attributes.extend(failed.map(|rule| KeyValue::new("error.type", rule)));
        SpanData {
            span_context: SpanContext::new(
                trace.id,
                RandomIdGenerator::default().new_span_id(),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: trace.span,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: Cow::Borrowed(stage.name),
            start_time: began + stage.from,
            end_time: began + stage.to,
            attributes,
            dropped_attributes_count: 0,
            events: Default::default(),
            links: SpanLinks::default(),
            status: failed.map_or(Status::Unset, Status::error),
            instrumentation_scope: SCOPE.clone(),
        }
    }
}

/// A part of an invocation, by the time since its start.
struct Stage {
    name: &'static str,
    from: Duration,
    to: Duration,
    is_last: bool,
}

/// Semantic conventions, `faas.trigger`.
fn trigger(kind: TriggerKind) -> &'static str {
    match kind {
        TriggerKind::Http => "http",
        TriggerKind::Queue => "pubsub",
        TriggerKind::Timer => "timer",
    }
}

static SCOPE: LazyLock<InstrumentationScope> = LazyLock::new(|| {
    InstrumentationScope::builder("stockade")
        .with_version(env!("CARGO_PKG_VERSION"))
        .build()
});

#[cfg(test)]
mod tests;
