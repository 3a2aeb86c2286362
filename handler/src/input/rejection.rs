//! Input that is not what a function asks for. It is never the same thing as a failure.

use std::fmt;

use http::StatusCode;

use crate::failure::NOT_READY;
use crate::problem::{FieldError, Problem};

/// Why an input was turned down: a code, fixed words, and the places that are wrong.
#[derive(Debug, Clone)]
pub struct Rejection {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    errors: Vec<FieldError>,
}

impl Rejection {
    pub(crate) const BODY_TOO_LARGE: Self = Self::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        "The body is too large.",
    );
    pub(crate) const BODY_BROKEN_OFF: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "broken_off",
        "The body ended before its declared length.",
    );
    pub(crate) const NO_BODY: Self =
        Self::new(StatusCode::BAD_REQUEST, "no_body", "A body is required.");
    /// The host passes a chunked body on only where it proxies (host 4.1037, HttpRequestExtensions).
    pub(crate) const LENGTH_REQUIRED: Self = Self::new(
        StatusCode::LENGTH_REQUIRED,
        "length_required",
        "Send the body with a Content-Length.",
    );
    /// The host decodes every body as text except for octet-stream and multipart, and what is not
    /// UTF-8 is lost on the way (host 4.1037, HttpRequestExtensions).
    pub(crate) const BODY_DAMAGED: Self = Self::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "body_damaged",
        "The body cannot be carried as it was sent; send UTF-8 text without a byte order mark.",
    );
    pub(crate) const NOT_ACCEPTABLE_TYPE: Self = Self::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "Send application/json, in UTF-8 and not compressed.",
    );
    pub(crate) const MESSAGE_TOO_LARGE: Self = Self::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        "The message is too large.",
    );

    pub(crate) const NOT_AN_ENVELOPE: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "not_an_envelope",
        "The invocation is not in the form that the host uses.",
    );

    /// Nothing is wrong with the input: what an argument needs is not there just now.
    pub(crate) const fn not_ready() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            NOT_READY,
            "Try again shortly.",
        )
    }

    pub(crate) fn is_not_ready(&self) -> bool {
        self.code == NOT_READY
    }

    const fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self {
            status,
            code,
            title,
            errors: Vec::new(),
        }
    }

    /// Parts of the input that break their rules. Problems and logs name the places, never values.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_input",
                "The input is not valid.",
            )
        }
    }

    /// The code, for programs and logs.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong, place by place.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    pub(crate) fn problem(&self) -> Problem {
        Problem::new(self.status, self.code, self.title).with_errors(self.errors.clone())
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)?;
        for (at, error) in self.errors.iter().enumerate() {
            let before = if at == 0 { ": " } else { ", " };
            write!(f, "{before}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Rejection {}
