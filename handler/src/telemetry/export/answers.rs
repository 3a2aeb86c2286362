//! What a receiver says of the pieces that it was sent.
//!
//! The exporters take each 200 for success, so a proxy's page of good wishes would, too.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use serde::Deserialize;

/// The form in which a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// Application Insights, `/v2/track`.
    Track,
    /// A collector, by OTLP.
    Otlp,
}

impl Answers {
    /// How many pieces an answer refuses for good, if it is one at all.
    pub(super) fn refused_in(self, body: &[u8]) -> Option<usize> {
        match self {
            Self::Track => {
                let tracked: Tracked = serde_json::from_slice(body).ok()?;
                let missing = tracked.items_received.checked_sub(tracked.items_accepted)?;
                let later = tracked.errors.iter().filter(|error| error.may_pass());
                Some(missing.saturating_sub(later.count()))
            }
            // The answers of all signals have one form (OTLP specification, "Partial Success").
            Self::Otlp => {
                let answer = ExportTraceServiceResponse::decode(body).ok()?;
                let rejected = answer.partial_success.map_or(0, |part| part.rejected_spans);
                usize::try_from(rejected).ok()
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tracked {
    items_received: usize,
    items_accepted: usize,
    #[serde(default)]
    errors: Vec<Refusal>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    status_code: u16,
}

impl Refusal {
    /// The exporter sends such a piece again.
    fn may_pass(&self) -> bool {
        matches!(self.status_code, 408 | 429 | 439 | 500 | 503)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    #[test]
    fn track_counts_what_is_refused_for_good() {
        for (body, refused) in [
            (
                r#"{"itemsReceived":3,"itemsAccepted":3,"errors":[]}"#,
                Some(0),
            ),
            (
                r#"{"itemsReceived":3,"itemsAccepted":1,"errors":[
                    {"index":0,"statusCode":400,"message":"no"},{"index":2,"statusCode":429}]}"#,
                Some(1),
            ),
            (r#"{"itemsReceived":1,"itemsAccepted":2,"errors":[]}"#, None),
            ("<html>Welcome to the hotel</html>", None),
            ("", None),
            ("{}", None),
        ] {
            assert_eq!(
                Answers::Track.refused_in(body.as_bytes()),
                refused,
                "{body}"
            );
        }
    }

    #[test]
    fn a_collector_says_how_many_it_rejected() {
        let partly = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans: 7,
                error_message: "too old".to_owned(),
            }),
        };

        assert_eq!(Answers::Otlp.refused_in(&partly.encode_to_vec()), Some(7));
        assert_eq!(Answers::Otlp.refused_in(b""), Some(0));
        assert_eq!(Answers::Otlp.refused_in(b"<html>Welcome</html>"), None);
        assert_eq!(Answers::Otlp.refused_in(b"{}"), None);
    }
}
