//! Spans, as Rotel reads them, as it sends them on, and as Application Insights was told of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::rotel::Told;
use crate::world::{CALLER, GOOD, REFUSED, Seen};
use crate::{kinds, names};

/// What the spans of all invocations tell.
const OF_ALL: [&str; 6] = [
    "faas.coldstart",
    "faas.invocation_id",
    "faas.name",
    "faas.trigger",
    "microsoft.sample_rate",
    "stockade.outcome",
];
const OF_REQUESTS: [&str; 3] = [
    "http.request.method",
    "http.response.status_code",
    "http.route",
];
const OF_MESSAGES: [&str; 2] = ["messaging.operation.type", "messaging.system"];

/// Name, parent (a name, too), kind, status and attributes of a span.
type Row<'a> = (&'a str, &'a str, &'a str, &'a str, BTreeSet<&'a str>);

fn rows<'a>(spans: &[&'a Told]) -> Vec<Row<'a>> {
    let names: BTreeMap<&str, &str> = spans
        .iter()
        .map(|span| (span.member("ID"), span.member("Name")))
        .collect();
    let mut rows: Vec<_> = spans
        .iter()
        .map(|span| {
            let parent = span.member("Parent ID");
            (
                span.member("Name"),
                names.get(parent).copied().unwrap_or(parent),
                strip(span.member("Kind"), "SPAN_KIND_"),
                strip(span.member("Status code"), "STATUS_CODE_"),
                span.names(),
            )
        })
        .collect();
    rows.sort_unstable();
    rows
}

fn strip<'a>(text: &'a str, prefix: &str) -> &'a str {
    text.strip_prefix(prefix).unwrap_or(text)
}

#[test]
fn a_trace_is_read_across_the_queue() {
    let seen = Seen::get();
    let stage = names(&[&["microsoft.sample_rate"]]);

    let told = rows(&seen.spans(GOOD));

    let request = names(&[&OF_ALL, &OF_REQUESTS, &["user.id"]]);
    let message = names(&[&OF_ALL, &OF_MESSAGES]);
    let expected = [
        (
            "authentication",
            "create-order",
            "INTERNAL",
            "UNSET",
            &stage,
        ),
        ("create-order", CALLER, "SERVER", "UNSET", &request),
        (
            "order-worker",
            "create-order",
            "CONSUMER",
            "UNSET",
            &message,
        ),
        ("outputs", "create-order", "INTERNAL", "UNSET", &stage),
        ("outputs", "order-worker", "INTERNAL", "UNSET", &stage),
        ("validation", "create-order", "INTERNAL", "UNSET", &stage),
        ("validation", "order-worker", "INTERNAL", "UNSET", &stage),
    ];
    let expected = expected.map(|(name, parent, kind, status, attributes)| {
        (name, parent, kind, status, attributes.clone())
    });
    assert_eq!(told, expected);
}

#[test]
fn a_refusal_is_read_with_its_rule_and_without_a_caller() {
    let seen = Seen::get();

    let spans = seen.spans(REFUSED);

    let request = names(&[&OF_ALL, &OF_REQUESTS, &["error.type"]]);
    let stage = names(&[&["error.type", "microsoft.sample_rate"]]);
    assert_eq!(
        rows(&spans),
        [
            ("authentication", "create-order", "INTERNAL", "ERROR", stage),
            ("create-order", CALLER, "SERVER", "UNSET", request),
        ]
    );
    for span in spans {
        assert_eq!(span.attributes["error.type"], "Str(missing_token)");
        let status = span.attributes.get("http.response.status_code");
        assert!(status.is_none_or(|status| status == "Int(401)"), "{span:?}");
    }
}

#[test]
fn ids_and_times_are_those_that_application_insights_was_told() {
    let seen = Seen::get();

    for (trace, count) in [(GOOD, 7), (REFUSED, 2)] {
        let spans = seen.spans(trace);
        assert_eq!(spans.len(), count, "{spans:?}");
        for span in spans {
            let (insights, _) = seen.of_span(trace, span.member("ID"));
            let (tags, base) = (&insights["tags"], &insights["data"]["baseData"]);
            assert_eq!(tags["ai.operation.id"], span.member("Trace ID"));
            assert_eq!(tags["ai.operation.parentId"], span.member("Parent ID"));
            assert_eq!(base["id"], span.member("ID"));
            assert_eq!(base["name"], span.member("Name"));
            let (start, end) = ("Start time", "End time");
            let micros = (span.nanoseconds(end) - span.nanoseconds(start)) / 1000;
            let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
            assert_eq!(
                base["duration"],
                format!("0.00:00:{seconds:02}.{micros:06}")
            );
            let milliseconds = span.nanoseconds(start) / 1_000_000 % 60_000;
            let (seconds, milliseconds) = (milliseconds / 1000, milliseconds % 1000);
            let time = insights["time"].as_str().unwrap_or_default();
            assert!(
                time.ends_with(&format!(":{seconds:02}.{milliseconds:03}Z")),
                "{time}: {span:?}"
            );
        }
    }
}

#[test]
fn what_is_encoded_anew_is_what_was_sent() {
    let seen = Seen::get();

    for trace in [GOOD, REFUSED] {
        for span in seen.spans(trace) {
            let (insights, otlp) = seen.of_span(trace, span.member("ID"));
            assert_eq!(otlp["kind"], span.member("Kind"));
            assert_eq!(otlp["startTimeUnixNano"], span.member("Start time"));
            assert_eq!(otlp["endTimeUnixNano"], span.member("End time"));
            assert_eq!(kinds(&otlp["attributes"]), span.attributes);
            // Application Insights has its own words for the method, and no types.
            let properties = &insights["data"]["baseData"]["properties"];
            for (name, value) in otlp["attributes"].as_object().into_iter().flatten() {
                let text = value.as_str().map_or(value.to_string(), str::to_owned);
                if !matches!(&**name, "http.request.method" | "microsoft.sample_rate") {
                    assert_eq!(properties[name], text, "{name}: {insights}");
                }
            }
        }
    }
}
