//! What came, byte for byte: whoever looks for what must not leave an app trusts no reading of it.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::record::Source;

/// How many bytes of requests are kept; older ones give way.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// What a request takes beside its bytes, about.
const OVERHEAD: usize = 256;

/// The latest requests whose bodies were read, whatever became of them.
#[derive(Debug, Default)]
pub(super) struct Received {
    requests: VecDeque<Request>,
    bytes: usize,
    dropped: u64,
}

#[derive(Debug)]
struct Request {
    source: Source,
    /// Path and query.
    target: String,
    headers: Vec<(String, Bytes)>,
    /// Unpacked.
    body: Bytes,
}

impl Request {
    /// The token of whoever sends stays out: it is meant for the receiver, and for nobody who asks here.
    fn of(source: Source, parts: &Parts, body: Bytes) -> Self {
        let headers: &HeaderMap = &parts.headers;
        let told = headers
            .iter()
            .filter(|(name, _)| *name != header::AUTHORIZATION);
        Self {
            source,
            target: parts.uri.to_string(),
            headers: told
                .map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes())))
                .collect(),
            body,
        }
    }

    fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
        OVERHEAD + self.target.len() + headers + self.body.len()
    }

    fn told(&self) -> Value {
        let headers = self.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value);
            format!("{name}: {value}")
        });
        json!({
            "source": self.source,
            "target": self.target,
            "headers": headers.collect::<Vec<_>>(),
            "body": STANDARD.encode(&self.body),
        })
    }
}

impl Received {
    pub(super) fn push(&mut self, source: Source, parts: &Parts, body: Bytes) {
        let request = Request::of(source, parts, body);
        self.bytes += request.bytes();
        self.requests.push_back(request);
        while self.bytes > MAX_BYTES {
            let Some(oldest) = self.requests.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes();
            self.dropped += 1;
        }
    }

    /// `{requests: [{source, target, headers, body}], dropped}`, the oldest first, bodies in base64.
    pub(super) fn report(&self) -> Value {
        let requests = self.requests.iter().map(Request::told);
        json!({"requests": requests.collect::<Vec<_>>(), "dropped": self.dropped})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts {
        let request = http::Request::post("/v1/logs?a=b")
            .header("authorization", "Bearer of-the-sender")
            .header("user-agent", "an app")
            .body(());
        request.unwrap().into_parts().0
    }

    #[test]
    fn the_bytes_are_kept_without_the_senders_token() {
        let mut received = Received::default();

        received.push(Source::Otlp, &parts(), Bytes::from_static(b"\xff\x00"));

        let report = received.report();
        assert_eq!(
            report["requests"],
            json!([{
                "source": "otlp",
                "target": "/v1/logs?a=b",
                "headers": ["user-agent: an app"],
                "body": "/wA=",
            }])
        );
    }

    #[test]
    fn the_oldest_give_way_and_are_counted() {
        let mut received = Received::default();
        let large = Bytes::from(vec![0; MAX_BYTES / 2 - OVERHEAD - 100]);

        for _ in 0..5 {
            received.push(Source::Otlp, &parts(), large.clone());
        }

        assert_eq!(received.requests.len(), 2);
        assert_eq!(received.dropped, 3);
        assert!(received.bytes <= MAX_BYTES);
    }
}
