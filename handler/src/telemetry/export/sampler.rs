//! Whether a span that code opens with `tracing` is recorded: as its invocation is.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::telemetry::sampling::{self, SAMPLE_RATE};

/// The share of all invocations that the one of a context stands for, as a value of that context. What
/// is opened below it stands for the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share(pub(crate) f64);

/// Follows the parent; without one, as for work in the background, it decides as for an invocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct AsItsInvocation;

impl ShouldSample for AsItsInvocation {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let below = parent.filter(|parent| parent.has_active_span());
        let share = match below {
            Some(parent) if !parent.span().span_context().is_sampled() => None,
            Some(parent) => Some(parent.get::<Share>().map_or(1.0, |share| share.0)),
            None => sampling::share_of(trace),
        };
        let decision = match share {
            Some(_) => SamplingDecision::RecordAndSample,
            None => SamplingDecision::Drop,
        };
        let percent = share.map(|share| KeyValue::new(SAMPLE_RATE, share * 100.0));
        SamplingResult {
            decision,
            attributes: percent.into_iter().collect(),
            trace_state: below.map_or(TraceState::NONE, |parent| {
                parent.span().span_context().trace_state().clone()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};

    use super::*;

    fn decided(parent: Option<&Context>) -> SamplingResult {
        let trace = TraceId::from_bytes([7; 16]);
        AsItsInvocation.should_sample(parent, trace, "work", &SpanKind::Internal, &[], &[])
    }

    fn below(flags: TraceFlags) -> Context {
        let (trace, span) = (TraceId::from_bytes([7; 16]), SpanId::from_bytes([7; 8]));
        let parent = SpanContext::new(trace, span, flags, false, TraceState::NONE);
        Context::new().with_remote_span_context(parent)
    }

    #[test]
    fn a_span_is_recorded_as_its_invocation_is() {
        let unrecorded = decided(Some(&below(TraceFlags::default())));
        assert_eq!(unrecorded.decision, SamplingDecision::Drop);

        let parent = below(TraceFlags::SAMPLED).with_value(Share(0.25));
        let recorded = decided(Some(&parent));
        assert_eq!(recorded.decision, SamplingDecision::RecordAndSample);
        assert_eq!(recorded.attributes, [KeyValue::new(SAMPLE_RATE, 25.0)]);
    }
}
