//! How the host puts .NET values on the wire, and what it tells a function about its trigger.
//!
//! One function of the host decides every value of `Data` and `Metadata`
//! (host 4.1037, `GetHttpScriptInvocationContextValue`): bytes are base64, dates are cut to whole
//! seconds, objects stay objects, and everything else becomes its JSON text inside a string.

mod metadata;
mod retry;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use metadata::{Metadata, merge_payload, scalar_text, sys};
pub use retry::{Cause, Failed, retry_context};

use crate::newtonsoft::{Date, DateKind, Token};

/// A .NET value before it is put on the wire.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `byte[]`.
    Bytes(Vec<u8>),
    /// `string`.
    Text(String),
    /// `DateTime`, always UTC.
    DateTime(Date),
    /// `DateTimeOffset`, always at offset zero.
    DateTimeOffset(Date),
    /// Anything that serialises to an object.
    Object(Token),
    /// Numbers, bools, arrays and the rest, as the JSON they serialise to.
    Json(Token),
}

impl Value {
    /// The value as the handler receives it.
    pub fn wire(&self) -> Token {
        match self {
            Self::Bytes(bytes) => Token::text(STANDARD.encode(bytes)),
            Self::Text(text) => Token::text(Token::text(text.as_str()).to_compact()),
            Self::DateTime(date) => Token::text(date.to_iso_seconds()),
            Self::DateTimeOffset(date) => Token::text(date.to_iso_seconds() + "+00:00"),
            Self::Object(token) => token.clone(),
            Self::Json(object @ Token::Object(_)) => object.clone(),
            Self::Json(token) => Token::text(token.to_compact()),
        }
    }

    /// The value inside a path expression; `None` where the host has no text for it.
    pub fn dotnet_string(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::DateTime(date) => Some(date.with_kind(DateKind::Utc).to_iso()),
            Self::DateTimeOffset(date) => Some(date.with_kind(DateKind::Local).to_iso()),
            Self::Json(Token::Array(_) | Token::Object(_) | Token::Null)
            | Self::Object(_)
            | Self::Bytes(_) => None,
            Self::Json(scalar) => Some(scalar.to_dotnet_string()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Json(number.into())
    }
}

/// The body of an invocation request: `Data` by binding name, and `Metadata`.
pub fn envelope(data: &[(String, Value)], metadata: &Metadata) -> Token {
    let data = data
        .iter()
        .map(|(name, value)| (name.clone(), value.wire()));
    Token::object([("Data", Token::object(data)), ("Metadata", metadata.wire())])
}
