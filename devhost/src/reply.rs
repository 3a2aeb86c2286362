//! Answers of the stand-ins, as hyper sends them.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

/// A JSON document.
pub(crate) fn answer(status: StatusCode, document: &impl Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(document).expect("documents have string keys only");
    json_response(status, body)
}

/// Bytes that say of themselves that they are JSON.
pub(crate) fn json_response(status: StatusCode, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// A page of something that stands in the way.
pub(crate) fn garbage() -> Response<Full<Bytes>> {
    json_response(
        StatusCode::OK,
        b"<html><body>Gateway</body></html>".to_vec(),
    )
}

/// A status alone.
pub(crate) fn bare(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
