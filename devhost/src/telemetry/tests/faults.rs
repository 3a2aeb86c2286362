use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;

use super::*;

fn faulty(kind: FaultKind) -> Telemetry {
    let telemetry = telemetry();
    for source in [Source::ApplicationInsights, Source::Otlp] {
        let fault = Fault {
            bytes: 100_000,
            status: 439,
            seconds: 7,
            ..Fault::new(kind)
        };
        telemetry.set_fault(source, fault);
    }
    telemetry
}

async fn both(telemetry: &Telemetry) -> [Option<Got>; 2] {
    let token = bearer(&for_ingestion());
    let headers = [("authorization", token.as_str())];
    let items = json!([
        request(),
        message("one", &json!({})),
        message("two", &json!({}))
    ]);
    let tracked = track_with(telemetry, &headers, items.to_string()).await;
    let headers = [("content-type", "application/x-protobuf")];
    let body = request_of(vec![root_span(), child_span()]);
    let exported = local(telemetry, "POST", "/v1/traces", &headers, body).await;
    [tracked, exported]
}

#[tokio::test]
async fn each_fault_answers_both_sources_in_its_way_and_ends() {
    for (kind, status, retry_after) in [
        (FaultKind::Status, 439, None),
        (FaultKind::Throttled, 429, Some("7")),
        (FaultKind::ThrottledSilently, 429, None),
        (FaultKind::Garbage, 200, None),
        (FaultKind::Redirect, 307, None),
    ] {
        let telemetry = faulty(kind);

        for got in both(&telemetry).await {
            let got = got.expect("an answer");
            assert_eq!(got.status, status, "{kind:?}");
            let told = got.headers.get(header::RETRY_AFTER);
            assert_eq!(told.map(|told| told.to_str().unwrap()), retry_after);
        }

        assert_eq!(telemetry.raw_trace(TRACE), None, "{kind:?}");
        for source in [Source::ApplicationInsights, Source::Otlp] {
            telemetry.set_fault(source, Fault::new(FaultKind::None));
        }
        let statuses = both(&telemetry).await.map(|got| got.unwrap().status);
        assert_eq!(statuses, [200, 200], "{kind:?}");
    }
}

#[tokio::test]
async fn every_second_item_is_refused_with_the_status_that_is_asked_for() {
    let telemetry = faulty(FaultKind::Partial);

    let [tracked, exported] = both(&telemetry).await.map(Option::unwrap);

    assert_eq!(tracked.status, 206);
    let answer = tracked.json();
    assert_eq!(
        (&answer["itemsReceived"], &answer["itemsAccepted"]),
        (&json!(3), &json!(1))
    );
    let errors = answer["errors"].as_array().unwrap();
    let told: Vec<_> = errors
        .iter()
        .map(|e| (&e["index"], &e["statusCode"]))
        .collect();
    assert_eq!(told, [(&json!(0), &json!(439)), (&json!(2), &json!(439))]);
    let answer = ExportTraceServiceResponse::decode(exported.body).unwrap();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);
    let trace = get(&telemetry, &format!("/telemetry/traces/{TRACE}"))
        .await
        .json();
    assert_eq!(trace["spans"].as_array().unwrap().len(), 1);
    assert_eq!(trace["logs"][0]["message"], "one");
}

#[tokio::test]
async fn an_answer_can_be_longer_than_anybody_should_read() {
    for got in both(&faulty(FaultKind::Huge)).await {
        let got = got.expect("an answer");
        assert_eq!(got.status, 200);
        assert!(got.body.len() > 100_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_the_right_one_in_the_end() {
    let telemetry = faulty(FaultKind::Slow);
    let started = tokio::time::Instant::now();

    let statuses = both(&telemetry).await.map(|got| got.unwrap().status);

    assert_eq!(started.elapsed().as_secs(), 14);
    assert_eq!(statuses, [200, 200]);
}

#[tokio::test]
async fn the_ingestion_s_port_is_shut_while_it_is_down_and_otlp_broken_off() {
    let telemetry = faulty(FaultKind::Down);
    let shut = telemetry.faults(Source::ApplicationInsights).shut();
    assert!(*shut.borrow());

    let [tracked, exported] = both(&telemetry).await;

    assert!(tracked.is_none() && exported.is_none());
    let otlp = &telemetry.report()["sources"]["otlp"];
    assert_eq!(
        (&otlp["requests"], &otlp["statuses"]),
        (&json!(1), &json!({}))
    );
}

#[tokio::test]
async fn a_fault_of_one_source_leaves_the_other_and_the_page_alone() {
    let telemetry = telemetry();
    telemetry.set_fault(Source::Otlp, Fault::new(FaultKind::Status));

    let statuses = both(&telemetry).await.map(|got| got.unwrap().status);

    assert_eq!(statuses, [200, 500]);
    assert_eq!(get(&telemetry, "/telemetry/summary").await.status, 200);
    assert_eq!(telemetry.report()["faults"]["otlp"]["kind"], "status");
    assert_eq!(
        telemetry.report()["faults"]["applicationInsights"],
        Value::Null
    );
}
