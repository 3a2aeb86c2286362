//! An HTTP request, in the same shape whichever way it came.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::{Params, Rejection};
use crate::auth::ClientCertificateHeader;
use crate::failure::Failure;
use crate::limits::InputLimits;

/// A request with a body of type `B`: [`Body`] as it arrived, `Bytes` once it was read.
#[derive(Debug)]
pub struct Request<B> {
    pub(crate) method: Method,
    /// Path and query, in the caller's own spelling as far as the host keeps it.
    pub(crate) uri: Uri,
    /// Without the headers that claim an identity.
    pub(crate) headers: HeaderMap,
    /// The captured parts of the route.
    pub(crate) params: Params,
    /// Only authentication reads it, and behind it nobody has it any more.
    pub(crate) certificate: Option<ClientCertificateHeader>,
    pub(crate) body: B,
}

/// A body that nobody has read yet.
#[derive(Debug)]
pub enum Body {
    /// It came whole.
    Full(Bytes),
    /// It is still on its way.
    Stream(axum::body::Body),
    /// The host did not pass it on as the caller sent it.
    Lost(Rejection),
}

impl Body {
    /// Reads the body, up to the limit.
    pub(crate) async fn read(self, limits: &InputLimits) -> Result<Bytes, Failure> {
        match self {
            Self::Full(bytes) if bytes.len() > limits.max_body_bytes => {
                Err(Rejection::BODY_TOO_LARGE.into())
            }
            Self::Full(bytes) => Ok(bytes),
            Self::Stream(stream) => Ok(collect(stream, limits.max_body_bytes).await?),
            Self::Lost(rejection) => Err(rejection.into()),
        }
    }
}

impl Default for Body {
    /// An empty body.
    fn default() -> Self {
        Self::Full(Bytes::new())
    }
}

impl Request<Body> {
    /// The same request with its body read.
    pub(crate) fn with_body(self, body: Bytes) -> Request<Bytes> {
        Request {
            method: self.method,
            uri: self.uri,
            headers: self.headers,
            params: self.params,
            certificate: None,
            body,
        }
    }

    /// The request as axum takes it, its body under the limit and otherwise unread.
    pub(crate) fn into_axum(
        self,
        limits: &InputLimits,
    ) -> Result<http::Request<axum::body::Body>, Failure> {
        let body = match self.body {
            Body::Full(bytes) if bytes.len() > limits.max_body_bytes => {
                return Err(Rejection::BODY_TOO_LARGE.into());
            }
            Body::Full(bytes) => axum::body::Body::from(bytes),
            Body::Stream(stream) => {
                axum::body::Body::new(Limited::new(stream, limits.max_body_bytes))
            }
            Body::Lost(rejection) => return Err(rejection.into()),
        };
        let mut request = http::Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        Ok(request)
    }

    /// The length that the caller declared, if it declared a single sound one.
    pub(crate) fn declared_length(&self) -> Option<u64> {
        declared_length(&self.headers)
    }
}

/// The value of `Content-Length`, if there is exactly one and it is a number.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = values.next()?.to_str().ok()?.parse().ok()?;
    values.next().is_none().then_some(length)
}

async fn collect(stream: axum::body::Body, limit: usize) -> Result<Bytes, Rejection> {
    match Limited::new(stream, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Rejection::BODY_TOO_LARGE),
        Err(_) => Err(Rejection::BODY_BROKEN_OFF),
    }
}
