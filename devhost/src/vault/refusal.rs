//! What the vault says when it does not do what it is asked for, in the words of a real one.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::json;

use crate::reply::json_response;

use super::key::KeyError;
use super::secret::NotASecret;

/// Why the vault does not do what it is asked for.
pub(super) enum Refused {
    Unknown,
    Name(String),
    NotFound(Kind, String),
    Disabled(Kind, &'static str),
    /// A key signs between its dates only.
    OutOfTime(&'static str),
    /// The action that no role of the caller has.
    Forbidden(&'static str),
    NotASecret(NotASecret),
    Key(KeyError),
    Body,
}

/// What an object is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Secret,
    Key,
    Certificate,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Key => "key",
            Self::Certificate => "certificate",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::Key => "Key",
            Self::Certificate => "Certificate",
        }
    }
}

impl Refused {
    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        match self {
            Self::Unknown => refusal(
                StatusCode::NOT_FOUND,
                "NotFound",
                "The stand-in has no such address.",
                None,
            ),
            Self::Name(name) => {
                bad_parameter(&format!("The request URI contains an invalid name: {name}"))
            }
            Self::NotFound(kind, name) => refusal(
                StatusCode::NOT_FOUND,
                &format!("{}NotFound", kind.title()),
                &format!(
                    "A {} with (name/id) {name} was not found in this key vault.",
                    kind.word()
                ),
                None,
            ),
            Self::Disabled(kind, operation) => refusal(
                StatusCode::FORBIDDEN,
                "Forbidden",
                &format!(
                    "Operation {operation} is not allowed on a disabled {}.",
                    kind.word()
                ),
                Some(&format!("{}Disabled", kind.title())),
            ),
            Self::OutOfTime(operation) => refusal(
                StatusCode::FORBIDDEN,
                "Forbidden",
                &format!("Operation {operation} is not allowed before or after the key's dates."),
                None,
            ),
            Self::Forbidden(action) => refusal(
                StatusCode::FORBIDDEN,
                "Forbidden",
                &format!(
                    "Caller is not authorized to perform action on resource.\r\nAction: \
                     'Microsoft.KeyVault/vaults/{action}'\r\nAssignment: (not found)"
                ),
                Some("ForbiddenByRbac"),
            ),
            Self::NotASecret(why) => bad_parameter(&why.to_string()),
            Self::Key(why) => bad_parameter(&why.to_string()),
            Self::Body => bad_parameter("The request's body is not what the operation takes."),
        }
    }
}

pub(super) fn unauthorized(message: &str, challenge: HeaderValue) -> Response<Full<Bytes>> {
    let mut response = refusal(StatusCode::UNAUTHORIZED, "Unauthorized", message, None);
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, challenge);
    response
}

pub(super) fn bad_parameter(message: &str) -> Response<Full<Bytes>> {
    refusal(StatusCode::BAD_REQUEST, "BadParameter", message, None)
}

/// An error as Key Vault writes it.
pub(super) fn refusal(
    status: StatusCode,
    code: &str,
    message: &str,
    inner: Option<&str>,
) -> Response<Full<Bytes>> {
    let mut error = json!({"code": code, "message": message});
    if let Some(inner) = inner {
        error["innererror"] = json!({"code": inner});
    }
    let document = json!({"error": error});
    json_response(status, document.to_string().into_bytes())
}
