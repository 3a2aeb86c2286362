use std::io::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt as _, Full};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};
use prost::Message as _;
use serde_json::json;

use crate::tenant::{self, Tenant, TokenRequest, Version};

use super::*;

mod faults;
mod ingestion;
mod local;
mod memory;
mod otlp_http;
mod terminal;

const PORT: u16 = 7072;
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const ROOT: &str = "b7ad6b7169203331";
const CHILD: &str = "00f067aa0ba902b7";
/// 2026-03-14T09:26:51.123Z.
const BEGAN: u64 = 1_773_480_411_123_000_000;
const BEGAN_TEXT: &str = "2026-03-14T09:26:51.123Z";

/// Keys take their time, and no test changes the tenant.
static TENANT: LazyLock<Tenant> = LazyLock::new(|| Tenant::new("http://127.0.0.1:7072"));

fn telemetry() -> Telemetry {
    Telemetry::new("https://devhost.ingestion.localhost:7074", PORT)
}

#[derive(Debug)]
struct Got {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    async fn of(response: http::Response<Full<Bytes>>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }
}

fn for_ingestion() -> TokenRequest {
    TokenRequest {
        kind: tenant::Kind::App,
        audience: RESOURCE.to_owned(),
        version: Version::V1,
        ..TokenRequest::default()
    }
}

fn bearer(token: &TokenRequest) -> String {
    format!("Bearer {}", TENANT.mint(token))
}

async fn track_with(
    telemetry: &Telemetry,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Option<Got> {
    let mut request = Request::post("/v2/track").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::<Bytes>::from(body.into())).unwrap();
    let response = telemetry.serve_ingestion(&TENANT, request).await?;
    Some(Got::of(response).await)
}

/// Sends items with a right token.
async fn track(telemetry: &Telemetry, items: &Value) -> Got {
    let token = bearer(&for_ingestion());
    let headers = [("authorization", token.as_str())];
    let got = track_with(telemetry, &headers, items.to_string()).await;
    got.expect("an answer")
}

async fn local(
    telemetry: &Telemetry,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Option<Got> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header(header::HOST, format!("127.0.0.1:{PORT}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::<Bytes>::from(body.into())).unwrap();
    let response = telemetry.serve_local(request).await?;
    Some(Got::of(response).await)
}

async fn get(telemetry: &Telemetry, path: &str) -> Got {
    let got = local(telemetry, "GET", path, &[], "").await;
    got.expect("an answer")
}

/// Sends spans as OTLP.
async fn export(telemetry: &Telemetry, spans: Vec<Span>) -> Got {
    let headers = [("content-type", "application/x-protobuf")];
    let got = local(telemetry, "POST", "/v1/traces", &headers, request_of(spans)).await;
    got.expect("an answer")
}

fn request_of(spans: Vec<Span>) -> Vec<u8> {
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![attribute("service.name", "orders")],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    request.encode_to_vec()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Any::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// An invocation that was turned away, after 2.5 ms.
fn root_span() -> Span {
    Span {
        trace_id: bytes_of(TRACE),
        span_id: bytes_of(ROOT),
        parent_span_id: bytes_of("00000000000000aa"),
        name: "create-order".to_owned(),
        kind: span::SpanKind::Server.into(),
        start_time_unix_nano: BEGAN + 456_789,
        end_time_unix_nano: BEGAN + 456_789 + 2_500_000,
        attributes: vec![
            attribute("faas.name", "create-order"),
            attribute("faas.trigger", "http"),
            attribute("stockade.outcome", "denied"),
            attribute("error.type", "missing_token"),
        ],
        ..Span::default()
    }
}

fn child_span() -> Span {
    Span {
        span_id: bytes_of(CHILD),
        parent_span_id: bytes_of(ROOT),
        name: "authentication".to_owned(),
        kind: span::SpanKind::Internal.into(),
        start_time_unix_nano: BEGAN + 1_456_789,
        end_time_unix_nano: BEGAN + 2_456_789,
        attributes: Vec::new(),
        ..root_span()
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

fn envelope(base_type: &str, base_data: &Value) -> Value {
    json!({
        "name": "Microsoft.ApplicationInsights.Item",
        "time": BEGAN_TEXT,
        "iKey": "00000000-0000-0000-0000-000000000000",
        "tags": {
            "ai.operation.id": TRACE,
            "ai.operation.parentId": ROOT,
            "ai.cloud.role": "orders",
        },
        "data": {"baseType": base_type, "baseData": base_data},
    })
}

/// What is told of [`root_span`] to Application Insights.
fn request() -> Value {
    let mut request = envelope(
        "RequestData",
        &json!({
            "ver": 2,
            "id": ROOT,
            "name": "create-order",
            "duration": "0.00:00:00.002500",
            "responseCode": "401",
            "success": false,
            "properties": {
                "faas.name": "create-order",
                "stockade.outcome": "denied",
                "error.type": "missing_token",
                "service.name": "orders",
            },
        }),
    );
    request["tags"]["ai.operation.parentId"] = "00000000000000aa".into();
    request
}

fn message(text: &str, properties: &Value) -> Value {
    envelope(
        "MessageData",
        &json!({"ver": 2, "message": text, "severityLevel": 2, "properties": properties}),
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}
