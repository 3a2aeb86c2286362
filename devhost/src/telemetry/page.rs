//! The page, and the JSON that it shows. Whoever has this machine's loopback may read it: the page is for
//! the developer, and no other page can read it or be shown in its place.

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;

use crate::reply::{answer, bare};

use super::Telemetry;
use super::service::Answer;
use super::view::Wanted;

mod files;

pub(super) use files::FILES;

/// What a browser may load for the page: nothing from elsewhere.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PROTECTION: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Whether a path is the page's.
pub(super) fn owns(path: &str) -> bool {
    path.starts_with("/telemetry/") || FILES.iter().any(|(own, ..)| *own == path)
}

/// Answers a request for the page or for what it shows.
pub(super) fn serve(telemetry: &Telemetry, parts: &Parts) -> Answer {
    let mut response = match parts.method {
        Method::GET | Method::HEAD => get(telemetry, parts),
        _ => bare(StatusCode::METHOD_NOT_ALLOWED),
    };
    for (name, value) in PROTECTION {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

fn get(telemetry: &Telemetry, parts: &Parts) -> Answer {
    let path = parts.uri.path();
    if let Some((_, kind, content)) = FILES.iter().find(|(own, ..)| *own == path) {
        let mut response = Response::new(Full::from(*content));
        let kind = HeaderValue::from_static(kind);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        return response;
    }
    let wanted = match Wanted::of(path, parts.uri.query().unwrap_or_default()) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return bare(StatusCode::NOT_FOUND),
        Err(why) => return answer(StatusCode::BAD_REQUEST, &serde_json::json!({"error": why})),
    };
    let store = telemetry.lock();
    let version = store.version;
    if wanted.since == Some(version) || has_tag(parts, version) {
        return tagged(bare(StatusCode::NOT_MODIFIED), version);
    }
    let Some(mut document) = store.view(&wanted) else {
        return bare(StatusCode::NOT_FOUND);
    };
    drop(store);
    document["version"] = Value::from(version);
    tagged(answer(StatusCode::OK, &document), version)
}

fn tag(version: u64) -> String {
    format!("\"{version}\"")
}

fn has_tag(parts: &Parts, version: u64) -> bool {
    let known = parts.headers.get(header::IF_NONE_MATCH);
    known.is_some_and(|known| known.as_bytes() == tag(version).as_bytes())
}

fn tagged(mut response: Answer, version: u64) -> Answer {
    let tag = HeaderValue::try_from(tag(version)).expect("digits and quotes");
    response.headers_mut().insert(header::ETAG, tag);
    response
}
