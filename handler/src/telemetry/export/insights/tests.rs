use super::super::tests::span;
use super::*;

fn at(percent: f64) -> SpanData {
    let mut span = span("orders");
    span.attributes.push(KeyValue::new(SAMPLE_RATE, percent));
    span
}

#[test]
fn spans_that_stand_for_the_same_share_go_together() {
    let groups = by_rate(vec![
        at(25.0),
        span("no rate"),
        at(25.0),
        at(100.0),
        at(0.0),
    ]);

    let counts: Vec<_> = groups
        .iter()
        .map(|(percent, spans)| (*percent, spans.len()))
        .collect();
    assert_eq!(counts, [(25.0, 2), (100.0, 3)]);
    let told_twice = groups
        .iter()
        .flat_map(|(_, spans)| spans)
        .filter(|span| span.name == "orders")
        .filter(|span| {
            span.attributes
                .iter()
                .any(|one| one.key.as_str() == SAMPLE_RATE)
        });
    assert_eq!(told_twice.count(), 0);
}

#[test]
fn an_operation_is_called_by_its_function() {
    let mut request = span("create-order");
    request.attributes = vec![KeyValue::new("http.request.method", "POST")];
    let mut inner = span("validation");
    inner.span_kind = SpanKind::Internal;

    adapt(&mut request);
    adapt(&mut inner);

    assert_eq!(
        request.attributes,
        [
            KeyValue::new("http.request.method_original", "POST"),
            KeyValue::new("ai.operation.name", "create-order"),
        ]
    );
    assert!(inner.attributes.is_empty());
}
