//! The HTTP side: which request gets which answer.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body;
use http_body_util::Full;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use serde_json::json;

use crate::fault::Fault;
use crate::reply::{answer, bare};
use crate::tenant::Tenant;

use super::fault::{Before, FaultKind};
use super::record::{Batch, Rejected, Signal, Source};
use super::{RESOURCE, Telemetry, body, insights, otlp, page};

/// OTLP/HTTP, "Binary Protobuf Encoding".
const PROTOBUF: &str = "application/x-protobuf";

/// A whole answer.
pub(super) type Answer = Response<Full<Bytes>>;

impl Telemetry {
    /// Answers a request at the ingestion's port, or not at all.
    pub async fn serve_ingestion<B>(
        &self,
        tenant: &Tenant,
        request: http::Request<B>,
    ) -> Option<Answer>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        if !matches!(parts.uri.path(), "/v2/track" | "/v2.1/track") {
            return Some(bare(StatusCode::NOT_FOUND));
        }
        if parts.method != Method::POST {
            return Some(bare(StatusCode::METHOD_NOT_ALLOWED));
        }
        let source = Source::ApplicationInsights;
        let answered = match self.before(source, &parts).await {
            Ok(fault) => Some(self.track(tenant, &parts, body, fault).await),
            Err(instead) => instead.map(|instead| *instead),
        };
        self.count(source, answered)
    }

    /// Answers a request for one of `Telemetry::owns`'s addresses, or not at all.
    pub async fn serve_local<B>(&self, request: http::Request<B>) -> Option<Answer>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        if !self.is_meant(&parts) {
            return Some(bare(StatusCode::FORBIDDEN));
        }
        let Some(signal) = signal_of(parts.uri.path()) else {
            return Some(page::serve(self, &parts));
        };
        if parts.method != Method::POST {
            return Some(bare(StatusCode::METHOD_NOT_ALLOWED));
        }
        let answered = match self.before(Source::Otlp, &parts).await {
            Ok(fault) => Some(self.export(signal, &parts, body, fault).await),
            Err(instead) => instead.map(|instead| *instead),
        };
        self.count(Source::Otlp, answered)
    }

    /// Whether a path of the tenant's port belongs here.
    pub(crate) fn owns(path: &str) -> bool {
        signal_of(path).is_some() || page::owns(path)
    }

    /// A page that reached its own name to be this machine's would name itself here.
    fn is_meant(&self, parts: &Parts) -> bool {
        let port = self.shared.port;
        let mut hosts = parts.headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        let own = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        let is_own = host.is_some_and(|host| own.iter().any(|own| host.eq_ignore_ascii_case(own)));
        is_own && hosts.next().is_none()
    }

    /// The fault for a request that is answered, or the answer that it gets instead.
    async fn before(
        &self,
        source: Source,
        parts: &Parts,
    ) -> Result<Option<Fault<FaultKind>>, Option<Box<Answer>>> {
        let Some(fault) = self.faults(source).next() else {
            return Ok(None);
        };
        if fault.kind == FaultKind::Slow {
            tokio::time::sleep(Duration::from_secs(fault.seconds)).await;
        }
        match fault.before(parts.uri.path()) {
            Before::Answer => Ok(Some(fault)),
            Before::Instead(instead) => Err(Some(instead)),
            Before::Nothing => Err(None),
        }
    }

    fn count(&self, source: Source, answered: Option<Answer>) -> Option<Answer> {
        let status = answered.as_ref().map(Response::status);
        self.lock().count_request(source, status);
        answered
    }

    /// Reads a body and keeps it as it is.
    async fn read<B>(&self, source: Source, parts: &Parts, sent: B) -> Result<Bytes, StatusCode>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = body::read(&parts.headers, sent).await?;
        self.lock().received.push(source, parts, body.clone());
        Ok(body)
    }

    async fn track<B>(
        &self,
        tenant: &Tenant,
        parts: &Parts,
        sent: B,
        fault: Option<Fault<FaultKind>>,
    ) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if self.asks_for_token() && !is_authorized(tenant, &parts.headers) {
            return bare(StatusCode::UNAUTHORIZED);
        }
        let read = self.read(Source::ApplicationInsights, parts, sent).await;
        let mut batch = match read.map(|body| insights::read(&body)) {
            Err(status) => return bare(status),
            Ok(Err(no_batch)) => return bare(no_batch.status()),
            Ok(Ok(batch)) => batch,
        };
        let received = batch.items.len() + batch.rejected.len();
        if let Some(fault) = fault.as_ref().filter(|f| f.kind == FaultKind::Partial) {
            batch.refuse_every_second(fault.status);
        }
        batch.rejected.sort_by_key(|rejected| rejected.index);
        let accepted = batch.items.len();
        let errors = batch.rejected.iter().map(|rejected| {
            json!({
                "index": rejected.index,
                "statusCode": rejected.status,
                "message": rejected.why,
            })
        });
        let mut document = json!({
            "itemsReceived": received,
            "itemsAccepted": accepted,
            "errors": errors.collect::<Vec<_>>(),
        });
        if let Some(fault) = fault.as_ref().filter(|f| f.kind == FaultKind::Huge) {
            document["padding"] = "x".repeat(fault.bytes).into();
        }
        let is_whole = batch.rejected.is_empty();
        let is_fault = fault.is_some_and(|fault| fault.kind == FaultKind::Partial);
        self.lock().take(Source::ApplicationInsights, batch);
        let status = match (is_whole, accepted) {
            (true, _) => StatusCode::OK,
            (false, 0) if !is_fault => StatusCode::BAD_REQUEST,
            (false, _) => StatusCode::PARTIAL_CONTENT,
        };
        answer(status, &document)
    }

    async fn export<B>(
        &self,
        signal: Signal,
        parts: &Parts,
        sent: B,
        fault: Option<Fault<FaultKind>>,
    ) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if !is_protobuf(&parts.headers) {
            return bare(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let read = self.read(Source::Otlp, parts, sent).await;
        let mut batch = match read.map(|body| otlp::read(signal, &body)) {
            Err(status) => return bare(status),
            Ok(Err(no_batch)) => return bare(no_batch.status()),
            Ok(Ok(batch)) => batch,
        };
        let kind = fault.as_ref().map(|fault| fault.kind).unwrap_or_default();
        if kind == FaultKind::Partial {
            batch.refuse_every_second(400);
        }
        let rejected = batch.rejected.iter();
        let rejected = rejected.filter(|rejected| rejected.signal == signal);
        let why: Vec<&str> = rejected.map(|rejected| rejected.why).collect();
        let mut message = why.first().copied().unwrap_or_default().to_owned();
        if let Some(fault) = fault.filter(|_| kind == FaultKind::Huge) {
            message = "x".repeat(fault.bytes);
        }
        let document = response(signal, why.len(), message);
        self.lock().take(Source::Otlp, batch);
        let mut response = Response::new(Full::from(document));
        let protobuf = HeaderValue::from_static(PROTOBUF);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, protobuf);
        response
    }
}

impl Batch {
    /// The first one, the third, and so on.
    fn refuse_every_second(&mut self, status: u16) {
        let items = std::mem::take(&mut self.items);
        let (refused, kept) = items.into_iter().partition(|item| item.index % 2 == 0);
        self.items = kept;
        self.rejected
            .extend(refused.into_iter().map(|item| Rejected {
                index: item.index,
                signal: item.content.signal(),
                status,
                why: "the item is refused by a fault",
            }));
    }
}

/// The answer to an export; nothing that was rejected is told by leaving the member out.
fn response(signal: Signal, rejected: usize, error_message: String) -> Vec<u8> {
    let is_told = rejected > 0 || !error_message.is_empty();
    let rejected = i64::try_from(rejected).unwrap_or(i64::MAX);
    match signal {
        Signal::Traces => ExportTraceServiceResponse {
            partial_success: is_told.then_some(ExportTracePartialSuccess {
                rejected_spans: rejected,
                error_message,
            }),
        }
        .encode_to_vec(),
        Signal::Logs => ExportLogsServiceResponse {
            partial_success: is_told.then_some(ExportLogsPartialSuccess {
                rejected_log_records: rejected,
                error_message,
            }),
        }
        .encode_to_vec(),
        Signal::Metrics => ExportMetricsServiceResponse {
            partial_success: is_told.then_some(ExportMetricsPartialSuccess {
                rejected_data_points: rejected,
                error_message,
            }),
        }
        .encode_to_vec(),
    }
}

/// What is taken at a path (OTLP/HTTP, "OTLP/HTTP Request").
fn signal_of(path: &str) -> Option<Signal> {
    Some(match path {
        "/v1/traces" => Signal::Traces,
        "/v1/logs" => Signal::Logs,
        "/v1/metrics" => Signal::Metrics,
        _ => return None,
    })
}

fn is_protobuf(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(PROTOBUF)
}

/// The scheme's name ignores case (RFC 9110 §11.1).
fn is_authorized(tenant: &Tenant, headers: &HeaderMap) -> bool {
    let value = headers.get(header::AUTHORIZATION);
    let value = value.and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .is_some_and(|(_, token)| tenant.verify(token.trim(), RESOURCE).is_ok())
}
