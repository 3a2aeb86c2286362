use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

#[tokio::test]
async fn what_both_sources_say_of_a_span_is_kept_side_by_side_and_word_for_word() {
    let telemetry = telemetry();
    track(&telemetry, &json!([request(), message("slow", &json!({}))])).await;
    export(&telemetry, vec![root_span(), child_span()]).await;
    otlp_http::export_logs(&telemetry, vec![otlp_http::record("slow")]).await;

    let raw: Value = serde_json::from_str(&telemetry.raw_trace(TRACE).unwrap()).unwrap();

    assert_eq!(raw["spans"].as_array().unwrap().len(), 2);
    let said = &raw["spans"][0]["said"];
    assert_eq!(
        said[0],
        json!({"source": "applicationInsights", "said": request()})
    );
    let otlp = &said[1]["said"];
    assert_eq!(said[1]["source"], "otlp");
    assert_eq!(
        (&otlp["traceId"], &otlp["spanId"], &otlp["parentSpanId"]),
        (&json!(TRACE), &json!(ROOT), &json!("00000000000000aa"))
    );
    assert_eq!(otlp["startTimeUnixNano"], (BEGAN + 456_789).to_string());
    assert_eq!(otlp["attributes"]["error.type"], "missing_token");
    assert_eq!(otlp["resource"], json!({"service.name": "orders"}));
    // Told to the millisecond by the one and to the nanosecond by the other, it is one line.
    assert_eq!(raw["logs"].as_array().unwrap().len(), 1);
    assert_eq!(raw["logs"][0].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn audit_events_that_say_the_same_at_once_are_told_apart_by_their_ids() {
    let telemetry = telemetry();
    let audited = |id: &str| {
        let mut record = otlp_http::record("configuration.weak");
        record.time_unix_nano = BEGAN;
        (record.trace_id, record.span_id) = (Vec::new(), Vec::new());
        record.attributes = vec![
            attribute("target", "stockade::audit"),
            attribute("audit.id", id),
        ];
        record
    };
    let told = |id: &str| {
        let mut told = message("configuration.weak", &json!({"audit.id": id}));
        told["tags"] = json!({});
        told
    };

    track(&telemetry, &json!([told("one"), told("two")])).await;
    otlp_http::export_logs(&telemetry, vec![audited("two"), audited("one")]).await;

    let logs: Value = serde_json::from_str(&telemetry.raw_logs()).unwrap();
    let events = logs["audit"].as_array().unwrap();
    assert_eq!(events.len(), 2, "{logs}");
    for event in events {
        let (insights, otlp) = (&event[0]["said"], &event[1]["said"]);
        assert_eq!(
            insights["data"]["baseData"]["properties"]["audit.id"], otlp["attributes"]["audit.id"],
            "{event}"
        );
    }
}

#[tokio::test]
async fn the_page_sees_one_trace_with_the_sources_of_each_part() {
    let telemetry = telemetry();
    track(&telemetry, &json!([request()])).await;
    export(&telemetry, vec![child_span(), root_span()]).await;

    let items = get(&telemetry, "/telemetry/invocations").await.json();
    let trace = get(&telemetry, &format!("/telemetry/traces/{TRACE}"))
        .await
        .json();

    assert_eq!(
        items["items"],
        json!([{
            "traceId": TRACE,
            "spanId": ROOT,
            "time": "2026-03-14T09:26:51.1234567Z",
            "function": "create-order",
            "trigger": "http",
            "outcome": "denied",
            "rule": "missing_token",
            "status": 401,
            "durationMs": 2.5,
            "invocationId": null,
            "spans": 2,
            "logs": 0,
            "sources": ["applicationInsights", "otlp"],
        }])
    );
    assert_eq!(
        trace["spans"][1],
        json!({
            "id": CHILD,
            "parentId": ROOT,
            "name": "authentication",
            "kind": "internal",
            "startMs": 1.0,
            "durationMs": 1.0,
            "outcome": "succeeded",
            "rule": null,
            "attributes": {},
            "sources": ["otlp"],
        })
    );
    let attributes = trace["spans"][0]["attributes"].as_object().unwrap();
    assert!(!attributes.contains_key("service.name"), "{attributes:?}");
    assert_eq!(get(&telemetry, "/telemetry/traces/00").await.status, 404);
}

#[tokio::test]
async fn the_same_word_twice_of_one_source_stays_two_words() {
    let telemetry = telemetry();
    let slow = message("slow", &json!({}));

    track(&telemetry, &json!([request(), request(), slow, slow])).await;

    let raw: Value = serde_json::from_str(&telemetry.raw_trace(TRACE).unwrap()).unwrap();
    assert_eq!(raw["spans"][0]["said"].as_array().unwrap().len(), 2);
    assert_eq!(raw["logs"].as_array().unwrap().len(), 2);
    let items = get(&telemetry, "/telemetry/invocations").await.json();
    assert_eq!(items["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn ids_that_differ_in_case_are_different_ids() {
    let telemetry = telemetry();
    let mut loud = request();
    loud["tags"]["ai.operation.id"] = TRACE.to_uppercase().into();
    track(&telemetry, &json!([loud])).await;
    export(&telemetry, vec![root_span()]).await;

    assert_eq!(telemetry.report()["traces"], 2);
    assert!(telemetry.raw_trace(&TRACE.to_uppercase()).is_some());
}

#[tokio::test]
async fn the_oldest_invocations_make_room_for_new_ones() {
    let telemetry = telemetry();
    let numbered = |number: u32| Span {
        trace_id: bytes_of(&format!("{:032x}", number + 1)),
        ..root_span()
    };
    for part in 0..3 {
        let spans = (part * 4000..(part + 1) * 4000).map(numbered);
        export(&telemetry, spans.collect()).await;
    }

    let summary = get(&telemetry, "/telemetry/summary").await.json();

    assert_eq!(
        (&summary["invocations"], &summary["dropped"]),
        (&json!(10_000), &json!(2000))
    );
    assert_eq!(telemetry.raw_trace(&format!("{:032x}", 2000)), None);
    assert!(telemetry.raw_trace(&format!("{:032x}", 2001)).is_some());
}

#[tokio::test]
async fn one_trace_cannot_take_all_the_room() {
    let telemetry = telemetry();
    let spans = (0..1500_u64).map(|number| Span {
        span_id: (number + 1).to_be_bytes().to_vec(),
        ..child_span()
    });
    let records = (0..1500).map(|number| otlp_http::record(&number.to_string()));

    export(&telemetry, spans.collect()).await;
    otlp_http::export_logs(&telemetry, records.collect()).await;

    let trace = get(&telemetry, &format!("/telemetry/traces/{TRACE}"))
        .await
        .json();
    assert_eq!(trace["spans"].as_array().unwrap().len(), 1000);
    assert_eq!(trace["logs"].as_array().unwrap().len(), 1000);
    assert_eq!(trace["dropped"], 1000);
}

#[tokio::test]
async fn audit_events_and_lines_of_no_trace_are_kept_within_a_bound() {
    let telemetry = telemetry();
    let audit = |number: usize| {
        let mut event = message(
            &format!("event {number}"),
            &json!({"target": "stockade::audit"}),
        );
        event["tags"] = json!({});
        event
    };
    for part in 0..6 {
        let events: Value = (part * 1000..(part + 1) * 1000).map(audit).collect();
        track(&telemetry, &events).await;
    }

    assert_eq!(telemetry.report()["audit"], 5000);
    let newest = get(&telemetry, "/telemetry/audit?limit=1").await.json();
    assert_eq!(newest["items"][0]["message"], "event 5999");
}

#[tokio::test]
async fn everything_can_be_forgotten() {
    let telemetry = telemetry();
    track(&telemetry, &json!([request()])).await;

    telemetry.forget();

    assert_eq!(telemetry.raw_trace(TRACE), None);
    let report = telemetry.report();
    assert_eq!(report["sources"]["applicationInsights"]["requests"], 0);
    assert_eq!(
        (&report["traces"], &report["invocations"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn the_stage_in_which_a_caller_is_turned_away_has_not_failed() {
    let telemetry = telemetry();
    let failed = |span: Span| Span {
        status: Some(opentelemetry_proto::tonic::trace::v1::Status {
            code: 2,
            ..Default::default()
        }),
        ..span
    };
    let alone = Span {
        span_id: bytes_of("00f067aa0ba902b8"),
        parent_span_id: bytes_of("00f067aa0ba902b9"),
        ..child_span()
    };
    export(
        &telemetry,
        vec![root_span(), failed(child_span()), failed(alone)],
    )
    .await;

    let trace = get(&telemetry, &format!("/telemetry/traces/{TRACE}"))
        .await
        .json();

    let spans = trace["spans"].as_array().unwrap().iter();
    let outcomes: Vec<_> = spans.map(|span| &span["outcome"]).collect();
    assert_eq!(outcomes, ["denied", "denied", "failed"]);
}

#[tokio::test]
async fn what_came_is_kept_byte_for_byte_also_where_it_is_refused() {
    let telemetry = telemetry();
    let told = message("a line", &json!({"name": "value"}));

    track(&telemetry, &json!([told])).await;
    track(&telemetry, &json!("no batch")).await;

    let received = telemetry.received();
    let requests = received["requests"].as_array().unwrap();
    let bodies: Vec<_> = requests
        .iter()
        .map(|request| request["body"].as_str().unwrap())
        .collect();
    let expected = [json!([told]), json!("no batch")].map(|body| STANDARD.encode(body.to_string()));
    assert_eq!(bodies, expected);
    assert!(!received.to_string().contains("Bearer"), "{received}");
    telemetry.forget();
    assert_eq!(telemetry.received()["requests"], json!([]));
}
