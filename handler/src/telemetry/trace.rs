//! Which trace an invocation belongs to (W3C Trace Context, Recommendation of 2021-11-23).
//!
//! A `traceparent` comes from the host, from a caller or from an event, so it is believed only as far
//! as its ids: whether the trace is recorded is decided here, or a caller could have everything
//! recorded, or nothing.

use std::fmt;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};

/// The trace of somebody else, and the span in it that led here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceParent {
    trace: TraceId,
    span: SpanId,
}

impl TraceParent {
    /// Reads the value of a `traceparent` (§3.2). Of later versions the four known fields count.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (known, rest) = bytes.split_at_checked(LENGTH)?;
        if known[2] != b'-' || known[35] != b'-' || known[52] != b'-' {
            return None;
        }
        let version = hex::<1>(&known[..2])?;
        hex::<1>(&known[53..])?;
        match version {
            [0xff] => return None,
            [0] if !rest.is_empty() => return None,
            _ if !(rest.is_empty() || rest[0] == b'-') => return None,
            _ => {}
        }
        let trace = TraceId::from_bytes(hex(&known[3..35])?);
        let span = SpanId::from_bytes(hex(&known[36..52])?);
        let valid = trace != TraceId::INVALID && span != SpanId::INVALID;
        valid.then_some(Self { trace, span })
    }

    /// The context of the span that led here.
    pub(crate) fn span_context(self) -> SpanContext {
        SpanContext::new(
            self.trace,
            self.span,
            TraceFlags::default(),
            true,
            TraceState::NONE,
        )
    }
}

/// The place of an invocation in its trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trace {
    pub(crate) id: TraceId,
    /// The invocation's own span.
    pub(crate) span: SpanId,
    /// The span that led to the invocation; none begins a trace.
    pub(crate) parent: Option<SpanId>,
    /// The share of all traces that this one stands for; none if it is not recorded.
    pub(crate) share: Option<f64>,
}

impl Trace {
    /// A place below `parent`, or at the root of a new trace.
    pub(crate) fn below(
        parent: Option<TraceParent>,
        share_of: impl FnOnce(TraceId) -> Option<f64>,
    ) -> Self {
        let ids = RandomIdGenerator::default();
        let id = parent.map_or_else(|| ids.new_trace_id(), |parent| parent.trace);
        Self {
            id,
            span: ids.new_span_id(),
            parent: parent.map(|parent| parent.span),
            share: share_of(id),
        }
    }

    /// What spans that are opened within the invocation have as their parent.
    pub(crate) fn span_context(&self) -> SpanContext {
        self.own_span(self.flags())
    }

    /// The invocation's own span, recorded whatever was decided before.
    pub(crate) fn recorded_span(&self) -> SpanContext {
        self.own_span(TraceFlags::SAMPLED)
    }

    fn own_span(&self, flags: TraceFlags) -> SpanContext {
        SpanContext::new(self.id, self.span, flags, false, TraceState::NONE)
    }

    fn flags(&self) -> TraceFlags {
        TraceFlags::default().with_sampled(self.share.is_some())
    }
}

/// Writes the value of a `traceparent`.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.id, self.span, self.flags())
    }
}

/// `00-<32>-<16>-<2>`
const LENGTH: usize = 55;

/// Lower-case hex digits, as the specification asks for.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_goes_on_with_the_ids_that_came_in() {
        let parent = TraceParent::parse(KNOWN).unwrap();

        let trace = Trace::below(Some(parent), |_| Some(0.5));

        assert_eq!(trace.id.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(trace.parent.unwrap().to_string(), "b7ad6b7169203331");
        assert_ne!(trace.parent, Some(trace.span));
        let written = trace.to_string();
        assert_eq!(written.len(), LENGTH);
        assert_eq!(
            TraceParent::parse(&written)
                .unwrap()
                .span_context()
                .span_id(),
            trace.span
        );
        assert!(written.ends_with("-01"));
    }

    #[test]
    fn the_senders_flag_does_not_decide() {
        let parent = TraceParent::parse(KNOWN);

        assert!(Trace::below(parent, |_| None).to_string().ends_with("-00"));
    }

    #[test]
    fn what_is_not_a_traceparent_counts_for_nothing() {
        for wrong in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b71692033310-01",
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
            "00-0af7651916cd43dd8448eb211c8031é-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceParent::parse(wrong), None, "{wrong}");
        }
        assert!(
            TraceParent::parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what")
                .is_some()
        );
    }
}
