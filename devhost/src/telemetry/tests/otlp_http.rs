use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};

use super::*;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

fn logs(records: Vec<LogRecord>) -> Vec<u8> {
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    request.encode_to_vec()
}

pub(super) fn record(text: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: BEGAN + 400_000,
        severity_number: 13,
        body: Some(AnyValue {
            value: Some(Any::StringValue(text.to_owned())),
        }),
        trace_id: bytes_of(TRACE),
        span_id: bytes_of(ROOT),
        ..LogRecord::default()
    }
}

pub(super) async fn export_logs(telemetry: &Telemetry, records: Vec<LogRecord>) -> Got {
    let got = local(telemetry, "POST", "/v1/logs", &[PROTOBUF], logs(records)).await;
    got.expect("an answer")
}

#[tokio::test]
async fn each_signal_is_taken_at_its_path_and_answered_in_protobuf() {
    let telemetry = telemetry();
    let metrics = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![Metric {
                    name: "stockade.invocations".to_owned(),
                    data: Some(Data::Sum(Sum {
                        data_points: vec![NumberDataPoint {
                            value: Some(Number::AsInt(5)),
                            attributes: vec![attribute("faas.name", "create-order")],
                            ..NumberDataPoint::default()
                        }],
                        aggregation_temporality: 2,
                        is_monotonic: true,
                    })),
                    ..Metric::default()
                }],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    for (path, body) in [
        ("/v1/traces", request_of(vec![root_span()])),
        ("/v1/logs", logs(vec![record("slow")])),
        ("/v1/metrics", metrics.encode_to_vec()),
    ] {
        let got = local(&telemetry, "POST", path, &[PROTOBUF], body).await;

        let got = got.unwrap();
        assert_eq!(got.status, 200, "{path}");
        assert_eq!(got.headers["content-type"], "application/x-protobuf");
        // Nothing was rejected, so no member is there.
        assert!(got.body.is_empty(), "{path}");
    }
    let report = telemetry.report();
    let one = json!({"items": 1, "rejected": 0});
    assert_eq!(
        report["sources"]["otlp"]["signals"],
        json!({"traces": one, "logs": one, "metrics": one})
    );
    assert_eq!(report["app"], "orders");
    assert_eq!(report["metrics"][0]["value"], 5.0);
    assert_eq!(
        report["metrics"][0]["said"]["temporality"],
        "AGGREGATION_TEMPORALITY_CUMULATIVE"
    );
}

#[tokio::test]
async fn only_protobuf_is_taken_and_it_may_be_packed() {
    let body = request_of(vec![root_span()]);
    for (name, kind, coding, sent, status) in [
        ("plain", PROTOBUF.1, "identity", body.clone(), 200),
        ("packed", PROTOBUF.1, "gzip", gzip(&body), 200),
        ("JSON", "application/json", "identity", b"{}".to_vec(), 415),
        ("a form", "text/plain", "identity", body.clone(), 415),
        ("another coding", PROTOBUF.1, "zstd", body.clone(), 415),
        ("no message", PROTOBUF.1, "identity", vec![0xff; 9], 400),
    ] {
        let headers = [("content-type", kind), ("content-encoding", coding)];

        let got = local(&telemetry(), "POST", "/v1/traces", &headers, sent).await;

        assert_eq!(got.unwrap().status, status, "{name}");
    }
}

#[tokio::test]
async fn a_span_without_whole_ids_is_rejected_and_the_others_are_kept() {
    let telemetry = telemetry();
    let broken = |trace: &str, id: &str| Span {
        trace_id: bytes_of(trace),
        span_id: bytes_of(id),
        ..root_span()
    };
    let none = "00000000000000000000000000000000";

    let got = export(
        &telemetry,
        vec![
            broken(none, ROOT),
            broken(TRACE, "00"),
            broken("", ROOT),
            root_span(),
        ],
    )
    .await;

    let answer = ExportTraceServiceResponse::decode(got.body.clone()).unwrap();
    let partial = answer.partial_success.unwrap();
    assert_eq!((got.status, partial.rejected_spans), (200, 3));
    assert!(!partial.error_message.is_empty());
    assert!(telemetry.raw_trace(TRACE).is_some());
}

#[tokio::test]
async fn an_exception_on_a_span_is_a_line_of_its_trace() {
    let telemetry = telemetry();
    let event = span::Event {
        name: "exception".to_owned(),
        time_unix_nano: BEGAN,
        attributes: vec![
            attribute("exception.type", "Overflow"),
            attribute("exception.message", "too much"),
        ],
        ..span::Event::default()
    };
    let span = Span {
        events: vec![event],
        ..root_span()
    };

    export(&telemetry, vec![span]).await;

    let trace = get(&telemetry, &format!("/telemetry/traces/{TRACE}")).await;
    let log = &trace.json()["logs"][0];
    assert_eq!(
        (&log["level"], &log["message"], &log["spanId"]),
        (&json!("ERROR"), &json!("too much"), &json!(ROOT))
    );
}

#[tokio::test]
async fn a_line_of_no_trace_is_kept_apart_and_an_audit_event_is_known_by_its_target() {
    let telemetry = telemetry();
    let loose = LogRecord {
        trace_id: Vec::new(),
        span_id: Vec::new(),
        ..record("keys could not be fetched")
    };
    let audit = LogRecord {
        attributes: vec![attribute("target", "stockade::audit")],
        ..loose.clone()
    };

    let got = export_logs(&telemetry, vec![loose, audit]).await;

    assert_eq!(
        ExportLogsServiceResponse::decode(got.body).unwrap(),
        ExportLogsServiceResponse::default()
    );
    let raw: Value = serde_json::from_str(&telemetry.raw_logs()).unwrap();
    for place in ["logs", "audit"] {
        let said = raw[place].as_array().unwrap();
        assert_eq!(said.len(), 1, "{place}");
        assert_eq!(said[0][0]["said"]["body"], "keys could not be fetched");
    }
    assert_eq!(telemetry.raw_trace(""), None);
}

#[tokio::test]
async fn a_message_of_more_than_can_be_kept_is_refused_before_it_is_read() {
    let nested = |content: Vec<u8>, tag: u32| {
        let mut message = Vec::new();
        prost::encoding::bytes::encode(tag, &content, &mut message);
        message
    };
    let empty = |tag: u32| nested(Vec::new(), tag).repeat(600_000);
    let group = [0x0b, 0x0c];
    for (name, path, body, status) in [
        ("groups", "/v1/logs", empty(1), 413),
        ("spans", "/v1/traces", nested(nested(empty(2), 2), 1), 413),
        (
            "attributes",
            "/v1/traces",
            nested(nested(nested(empty(9), 2), 2), 1),
            413,
        ),
        (
            "points",
            "/v1/metrics",
            nested(nested(nested(nested(empty(1), 7), 2), 2), 1),
            413,
        ),
        (
            "one in a group",
            "/v1/traces",
            [&group[..], &request_of(vec![root_span()])].concat(),
            400,
        ),
        ("cut off", "/v1/traces", vec![0x0a, 9, 0x0a], 400),
    ] {
        assert!(body.len() < body::MAX_BYTES, "{name}");

        let got = local(&telemetry(), "POST", path, &[PROTOBUF], body).await;

        assert_eq!(got.unwrap().status, status, "{name}");
    }
}
