//! The HTTP output: from the value in the answer to what the client gets.
//!
//! The host takes two ways. An output named in function.json is read into a class of its own, which
//! knows status code, headers and body and drops the rest ([`response`]). A value that comes by
//! `$return`, or as a member of a returned object, is looked at as it is ([`returned`]).

mod content_type;
#[cfg(test)]
mod tests;

use super::answer::is_absent;
use super::write::{Bound, value};
use super::{Answered, Binding, Collector, OutputError};
use crate::newtonsoft::Token;

/// An HTTP response as it goes to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code; not always one that HTTP has.
    pub status: u16,
    /// Headers in the order they were set, names as spelled, `Content-Type` among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// The value of a header, its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether the client cannot read this as HTTP: a status line outside it, or a framing header
    /// from the function that does not go with the body. The host has sent the head by the time it
    /// notices, and breaks off.
    pub fn is_broken(&self) -> bool {
        let promised = self
            .header("content-length")
            .and_then(|length| length.parse::<u64>().ok());
        let is_cut = promised.is_some_and(|length| length != self.body.len() as u64);
        // 100 is never the last word (RFC 9110 §15.2).
        !(101..1000).contains(&self.status)
            || self.header("transfer-encoding").is_some()
            || (is_cut && !has_no_body(self.status))
    }

    fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

/// What the client of an HTTP function gets for an answer, whichever way it was given.
///
/// # Errors
///
/// [`OutputError`] says why the function fails; its client then gets 500 and no body.
pub fn answer(bindings: &[Binding], answered: &Answered) -> Result<HttpAnswer, OutputError> {
    let by_return = |value: &Token| match value {
        Token::Null => Ok(HttpAnswer::empty(204)),
        Token::String(text) => write(200, None, Body::Text(text.clone())),
        value => Ok(HttpAnswer {
            status: 200,
            headers: vec![content_type::header(content_type::JSON)],
            body: value.to_compact().into_bytes(),
        }),
    };
    let Some(http) = bindings.iter().find(|b| b.collector == Collector::Http) else {
        // Without an output for it, the trigger itself answers with the return value.
        return by_return(&answered.return_value);
    };
    let is_returned = http.name == "$return"
        || answered
            .return_value
            .get(&http.name)
            .is_some_and(|value| !value.is_null());
    if is_returned {
        return value(http, bindings, answered)
            .map_or(Ok(HttpAnswer::empty(204)), |v| returned(&v));
    }
    match &answered.outputs {
        Some(outputs) => response(
            outputs
                .iter()
                .find(|(name, _)| *name == http.name)
                .map(|(_, value)| value),
        ),
        None => by_return(&answered.return_value),
    }
}

/// What the client gets for a named HTTP output; `None` when `Outputs` does not have it.
///
/// # Errors
///
/// A value that is no object (nor JSON text of one), members of the wrong type, and headers that
/// cannot be sent.
pub fn response(output: Option<&Token>) -> Result<HttpAnswer, OutputError> {
    let Some(output) = output else {
        return write(200, None, Body::Text("{}".to_owned()));
    };
    let refused = OutputError::NotAResponse;
    if output.is_null() {
        return Err(refused("null"));
    }
    // The host prints the value and reads it again, whatever it is.
    let parsed = Token::parse(&output.to_dotnet_string()).map_err(|_| refused("not JSON"))?;
    if !matches!(parsed, Token::Object(_)) {
        return Err(refused("not an object"));
    }
    scalar(parsed.property("status"))?;
    let status = match scalar(parsed.property("statusCode"))? {
        // Printed as JSON: 201.0 is not a whole number to the host.
        Some(Token::Float(value)) => parse_status(&Token::Float(*value).to_compact()),
        Some(value) => parse_status(&value.to_dotnet_string()),
        None => None,
    };
    let headers = match parsed.property("headers") {
        Some(Token::Object(headers)) => Some(headers.as_slice()),
        None => None,
        Some(token) if is_absent(token) => None,
        Some(_) => return Err(refused("headers is not an object")),
    };
    let body = parsed
        .property("body")
        .map_or_else(String::new, Token::to_dotnet_string);
    write(status.unwrap_or(200), headers, Body::Text(body))
}

/// What the client gets for a value that came by `$return` or inside a returned object.
///
/// # Errors
///
/// A status code beyond 32 bits, and headers that cannot be sent.
pub fn returned(value: &Bound) -> Result<HttpAnswer, OutputError> {
    let content = match value {
        Bound::Bytes(bytes) => return write(200, None, Body::Bytes(bytes.clone())),
        // Text that is JSON of any kind is taken for what it says.
        Bound::Token(Token::String(text)) if text.trim().is_empty() => Token::Null,
        Bound::Token(Token::String(text)) => {
            Token::parse(text).unwrap_or_else(|_| text.as_str().into())
        }
        // Printed and read again, like the named output.
        Bound::Token(object @ Token::Object(_)) => Token::parse(&object.to_compact())
            .map_err(|_| OutputError::NotAResponse("nested too deep"))?,
        Bound::Token(token) => token.clone(),
    };
    let Some(body) = entry(&content, "body") else {
        return write(200, None, Body::Text(content.to_dotnet_string()));
    };
    let status = match entry(&content, "statusCode").or_else(|| entry(&content, "status")) {
        Some(Token::Integer(digits)) => digits
            .parse()
            .map(Some)
            .map_err(|_| OutputError::NotAResponse("status is out of range"))?,
        Some(Token::String(text)) => parse_status(text),
        _ => None,
    };
    let headers: Option<Vec<(String, Token)>> = match entry(&content, "headers") {
        Some(Token::Object(headers)) => Some(
            headers
                .iter()
                .map(|(name, value)| (name.clone(), dynamic(value)))
                .collect(),
        ),
        _ => None,
    };
    let body = match body {
        object @ Token::Object(_) => object.to_compact(),
        body => dynamic(body).to_dotnet_string(),
    };
    write(status.unwrap_or(200), headers.as_deref(), Body::Text(body))
}

/// A value inside a dynamic object: containers are .NET types there, and print as their names.
fn dynamic(value: &Token) -> Token {
    match value {
        Token::Array(_) => "System.Collections.Generic.List`1[System.Object]".into(),
        Token::Object(_) => "System.Dynamic.ExpandoObject".into(),
        scalar => scalar.clone(),
    }
}

/// A member of a dynamic object: the exact name, else the first that differs in case only.
fn entry<'a>(object: &'a Token, name: &str) -> Option<&'a Token> {
    let Token::Object(members) = object else {
        return None;
    };
    object.get(name).or_else(|| {
        members
            .iter()
            .find(|(k, _)| k.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// A member that is read into a string; containers cannot be.
fn scalar(member: Option<&Token>) -> Result<Option<&Token>, OutputError> {
    match member {
        None | Some(Token::Null) => Ok(None),
        Some(Token::Array(_) | Token::Object(_)) => {
            Err(OutputError::NotAResponse("status is not a scalar"))
        }
        Some(value) => Ok(Some(value)),
    }
}

/// `int.TryParse` with the invariant culture: blanks around and a sign are fine.
fn parse_status(text: &str) -> Option<i32> {
    text.trim().parse().ok()
}

enum Body {
    Text(String),
    Bytes(Vec<u8>),
}

/// Puts the response together (host 4.1037, `RawScriptResult`).
fn write(
    status: i32,
    headers: Option<&[(String, Token)]>,
    body: Body,
) -> Result<HttpAnswer, OutputError> {
    let mut sent: Vec<(String, String)> = Vec::new();
    let mut content_type = None;
    for (name, value) in headers.unwrap_or_default() {
        let refused = |reason| OutputError::Header {
            name: name.clone(),
            reason,
        };
        if value.is_null() {
            return Err(refused("is null"));
        }
        let value = value.to_dotnet_string();
        // Kestrel sends tabs and printable ASCII, nothing else; blanks around do not survive.
        if !value.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')) {
            return Err(refused("has a character that cannot be sent"));
        }
        let value = value.trim().to_owned();
        if name.eq_ignore_ascii_case("content-type") {
            content_type = Some(value).filter(|v| !v.is_empty());
        } else if name.eq_ignore_ascii_case("content-length") && value.parse::<u64>().is_err() {
            return Err(refused("is not a number"));
        } else if name.is_empty() || !name.bytes().all(is_token_char) {
            return Err(refused("has a name that cannot be sent"));
        } else if !sent.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            // Of names that differ in case only, the host keeps the first.
            sent.push((name.clone(), value));
        }
    }
    let (content_type, body) = match body {
        Body::Bytes(bytes) => (content_type, bytes),
        Body::Text(text) => {
            let (content_type, body) = content_type::encode(content_type.as_deref(), &text);
            (Some(content_type), body)
        }
    };
    if let Some(content_type) = content_type {
        sent.insert(0, content_type::header(&content_type));
    }
    // .NET keeps any 32-bit status; all of them outside HTTP break the answer alike.
    let status = u16::try_from(status).unwrap_or(0);
    let body = if has_no_body(status) {
        Vec::new()
    } else {
        body
    };
    Ok(HttpAnswer {
        status,
        headers: sent,
        body,
    })
}

fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Kestrel sends no body with these, whatever was written.
fn has_no_body(status: u16) -> bool {
    matches!(status, 204 | 205 | 304)
}
