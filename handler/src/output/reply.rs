//! Answers to an HTTP caller.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::{Outputs, Plan, Returns};
use crate::failure::Error;
use crate::on::Answers;

/// A JSON answer.
///
/// ```
/// use http::{HeaderValue, header};
/// use stockade::Reply;
///
/// let reply = Reply::created(7).with_header(header::LOCATION, HeaderValue::from_static("/api/orders/7"));
/// ```
#[derive(Debug)]
pub struct Reply<B> {
    status: StatusCode,
    headers: HeaderMap,
    body: B,
}

impl<B> Reply<B> {
    /// 200.
    pub fn ok(body: B) -> Self {
        Self::new(StatusCode::OK, body)
    }

    /// 201.
    pub fn created(body: B) -> Self {
        Self::new(StatusCode::CREATED, body)
    }

    /// 202: accepted, and done later.
    pub fn accepted(body: B) -> Self {
        Self::new(StatusCode::ACCEPTED, body)
    }

    /// Any status.
    pub fn new(status: StatusCode, body: B) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body,
        }
    }

    /// Adds a header. Connection and body framing headers are the server's own and fail the call.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }
}

impl<T: Answers, B: Serialize> Returns<T> for Reply<B> {
    fn describe(_: &mut Plan) {}

    fn write(self, out: &mut Outputs) -> Result<(), Error> {
        let text = serde_json::to_string(&self.body)?;
        out.answer = Some(Answer::new(
            self.status,
            self.headers,
            HeaderValue::from_static("application/json; charset=utf-8"),
            AnswerBody::Text(text),
        )?);
        Ok(())
    }
}

/// A plain text answer, in UTF-8.
#[derive(Debug)]
pub struct TextReply(Reply<String>);

impl TextReply {
    /// 200 with `text`.
    pub fn ok(text: impl Into<String>) -> Self {
        Self::new(StatusCode::OK, text)
    }

    /// Any status with `text`.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self(Reply::new(status, text.into()))
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self(self.0.with_header(name, value))
    }
}

impl<T: Answers> Returns<T> for TextReply {
    fn describe(_: &mut Plan) {}

    fn write(self, out: &mut Outputs) -> Result<(), Error> {
        out.answer = Some(Answer::new(
            self.0.status,
            self.0.headers,
            HeaderValue::from_static("text/plain; charset=utf-8"),
            AnswerBody::Text(self.0.body),
        )?);
        Ok(())
    }
}

/// An answer of bytes. The host's envelope cannot carry it, so it stands alone: a tuple that begins
/// with it does not compile, and an app that is told to use the envelope refuses to start.
#[derive(Debug)]
pub struct BinaryReply(Reply<Bytes>, HeaderValue);

impl BinaryReply {
    /// 200 with `bytes` of type `content_type`.
    pub fn ok(content_type: HeaderValue, bytes: impl Into<Bytes>) -> Self {
        Self(Reply::ok(bytes.into()), content_type)
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self(self.0.with_header(name, value), self.1)
    }
}

impl<T: Answers> Returns<T> for BinaryReply {
    fn describe(plan: &mut Plan) {
        plan.binary = true;
    }

    fn write(self, out: &mut Outputs) -> Result<(), Error> {
        out.answer = Some(Answer::new(
            self.0.status,
            self.0.headers,
            self.1,
            AnswerBody::Bytes(self.0.body),
        )?);
        Ok(())
    }
}

/// What a mounted router answered.
pub(crate) struct StreamedReply(pub(crate) http::Response<axum::body::Body>);

impl<T: Answers> Returns<T> for StreamedReply {
    fn describe(_: &mut Plan) {}

    fn write(self, out: &mut Outputs) -> Result<(), Error> {
        let (parts, body) = self.0.into_parts();
        let mut headers = parts.headers;
        for name in FRAMING {
            headers.remove(name);
        }
        out.answer = Some(Answer {
            status: parts.status,
            headers,
            body: AnswerBody::Stream(body),
        });
        Ok(())
    }
}

/// An answer before `wire` sends it.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: AnswerBody,
}

pub(crate) enum AnswerBody {
    Text(String),
    Bytes(Bytes),
    Stream(axum::body::Body),
}

/// Headers that describe the connection or the framing of the body: the server's own.
const FRAMING: [HeaderName; 5] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::UPGRADE,
];

impl Answer {
    pub(crate) fn new(
        status: StatusCode,
        mut headers: HeaderMap,
        content_type: HeaderValue,
        body: AnswerBody,
    ) -> Result<Self, Error> {
        if let Some(name) = FRAMING.iter().find(|name| headers.contains_key(*name)) {
            return Err(Error::fatal(format!("the handler set the header `{name}`")));
        }
        headers.entry(header::CONTENT_TYPE).or_insert(content_type);
        Ok(Self {
            status,
            headers,
            body,
        })
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
