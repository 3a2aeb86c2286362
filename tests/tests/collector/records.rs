//! Log records and audit events.

use crate::world::{GOOD, REFUSED, Seen};
use crate::{kinds, names};

#[test]
fn log_records_and_audit_events_are_read_in_their_traces() {
    let seen = Seen::get();
    let of_events: &[_] = &[
        "audit.id",
        "audit.version",
        "count",
        "function.name",
        "invocation.id",
    ];
    let of_principals: &[_] = &[
        "principal.client_id",
        "principal.object_id",
        "principal.tenant_id",
    ];
    let of_line: &[_] = &["dequeue_count", "function.name", "invocation.id"];

    for (trace, body, span, scope, severity, attributes) in [
        (
            GOOD,
            "auth.succeeded",
            "create-order",
            "stockade::audit",
            "SEVERITY_NUMBER_INFO(9)",
            names(&[of_events, of_principals]),
        ),
        (
            GOOD,
            "order worked off",
            "order-worker",
            "handler::functions::order_worker",
            "SEVERITY_NUMBER_INFO(9)",
            names(&[of_line]),
        ),
        (
            REFUSED,
            "auth.denied",
            "create-order",
            "stockade::audit",
            "SEVERITY_NUMBER_WARN(13)",
            names(&[of_events, &["rule"]]),
        ),
    ] {
        let record = seen.record(trace, body);
        assert_eq!(record.scope, scope, "{record:?}");
        assert_eq!(record.member("SeverityNumber"), severity);
        assert_eq!(record.names(), attributes, "{record:?}");
        let spans = seen.spans(trace);
        let span = spans.iter().find(|told| told.member("Name") == span);
        let span = span.expect("the span was told");
        assert_eq!(record.member("Span ID"), span.member("ID"));
        assert_eq!(
            record.attributes["invocation.id"],
            span.attributes["faas.invocation_id"]
        );
        // The trace is recorded, and the record says so (W3C Trace Context, "sampled flag").
        assert_eq!(record.member("Flags"), "1", "{record:?}");
        let (insights, otlp) = seen.of_record(trace, body);
        assert_eq!(insights["tags"]["ai.operation.id"], trace);
        assert_eq!(
            insights["tags"]["ai.operation.parentId"],
            record.member("Span ID")
        );
        assert_eq!(otlp["timeUnixNano"], record.member("Timestamp"));
        assert_eq!(kinds(&otlp["attributes"]), record.attributes);
    }
}
