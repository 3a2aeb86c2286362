//! What a caller is told when a call is refused: a problem document (RFC 9457).
//!
//! Every word is fixed when the program is compiled. Nothing that a caller sent, and no text of an
//! underlying error, can get into one: places are JSON Pointers made of names that the code wrote
//! and of array indices, and what is wrong is a code with its fixed sentence.
//!
//! `type` is always `about:blank`: the problems have no pages of their own, so the title is the
//! status phrase (RFC 9457 §4.2.1) and the extension member `code` is what programs look at.

use std::fmt::Write as _;

use http::StatusCode;

/// A problem document before it knows which invocation it belongs to.
///
/// ```
/// use http::StatusCode;
/// use stockade::Problem;
///
/// let problem = Problem::new(StatusCode::NOT_FOUND, "unknown_order", "There is no such order.");
/// assert_eq!(
///     problem.to_json("3f0ad7ea-2d4f-4c39-9c12-7d0b8a5c7a10"),
///     concat!(
///         r#"{"type":"about:blank","title":"Not Found","status":404,"#,
///         r#""detail":"There is no such order.","#,
///         r#""instance":"urn:uuid:3f0ad7ea-2d4f-4c39-9c12-7d0b8a5c7a10","code":"unknown_order"}"#,
///     ),
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Option<&'static str>,
    errors: Vec<FieldError>,
}

impl Problem {
    /// The media type of the document (RFC 9457 §3).
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// A problem with its stable machine-readable code and the sentence people read.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: &'static str) -> Self {
        Self {
            detail: Some(detail),
            ..Self::bare(status, code)
        }
    }

    /// A problem whose status phrase says all there is to say.
    #[must_use]
    pub fn bare(status: StatusCode, code: &'static str) -> Self {
        Self {
            status,
            code,
            detail: None,
            errors: Vec::new(),
        }
    }

    /// Adds the places in the input that are wrong.
    #[must_use]
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// The HTTP status that goes with the document.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable machine-readable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The places in the input that are wrong.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The document, with the invocation's id as `instance`.
    ///
    /// An id that is not made of hexadecimal digits and hyphens is left out: a problem document
    /// repeats nothing that somebody else chose.
    #[must_use]
    pub fn to_json(&self, invocation_id: &str) -> String {
        let mut out = String::with_capacity(192 + 96 * self.errors.len());
        out.push_str(r#"{"type":"about:blank","title":"#);
        push_text(&mut out, self.status.canonical_reason().unwrap_or("Error"));
        let _ = write!(out, r#","status":{}"#, self.status.as_u16());
        if let Some(detail) = self.detail {
            out.push_str(r#","detail":"#);
            push_text(&mut out, detail);
        }
        if is_uuid(invocation_id) {
            let _ = write!(out, r#","instance":"urn:uuid:{invocation_id}""#);
        }
        out.push_str(r#","code":"#);
        push_text(&mut out, self.code);
        self.push_errors(&mut out);
        out.push('}');
        out
    }

    fn push_errors(&self, out: &mut String) {
        if self.errors.is_empty() {
            return;
        }
        out.push_str(r#","errors":["#);
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            error.push(out);
        }
        out.push(']');
    }
}

/// One place in the input that is wrong, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    place: Place,
    code: &'static str,
    detail: &'static str,
}

impl FieldError {
    /// A place in a JSON document, as a JSON Pointer (RFC 6901) in plain form; `""` is the whole
    /// document.
    ///
    /// The pointer must be made of names that the code wrote, never of a sender's.
    #[must_use]
    pub fn in_body(pointer: String, code: &'static str, detail: &'static str) -> Self {
        Self {
            place: Place::Pointer(pointer),
            code,
            detail,
        }
    }

    /// A parameter outside the body. `None` is one that has no name here: the caller made it up.
    #[must_use]
    pub fn in_parameter(
        source: ParameterSource,
        name: Option<&'static str>,
        code: &'static str,
        detail: &'static str,
    ) -> Self {
        Self {
            place: Place::Parameter { source, name },
            code,
            detail,
        }
    }

    /// The stable machine-readable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The fixed sentence that goes with the code.
    #[must_use]
    pub fn detail(&self) -> &'static str {
        self.detail
    }

    /// Where it is, if that is a place in a JSON document.
    #[must_use]
    pub fn pointer(&self) -> Option<&str> {
        match &self.place {
            Place::Pointer(pointer) => Some(pointer),
            Place::Parameter { .. } => None,
        }
    }

    /// Which parameter it is, if it is a parameter with a name.
    #[must_use]
    pub fn parameter(&self) -> Option<&'static str> {
        match self.place {
            Place::Parameter { name, .. } => name,
            Place::Pointer(_) => None,
        }
    }

    fn push(&self, out: &mut String) {
        match &self.place {
            Place::Pointer(pointer) => {
                out.push_str(r#"{"pointer":"#);
                push_text(out, pointer);
            }
            Place::Parameter { source, name } => {
                out.push_str(r#"{"in":"#);
                push_text(out, source.as_str());
                if let Some(name) = name {
                    out.push_str(r#","name":"#);
                    push_text(out, name);
                }
            }
        }
        out.push_str(r#","code":"#);
        push_text(out, self.code);
        out.push_str(r#","detail":"#);
        push_text(out, self.detail);
        out.push('}');
    }
}

/// Where a parameter stands; the words are OpenAPI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterSource {
    /// The query string.
    Query,
    /// The path, by the route's template.
    Path,
    /// A header.
    Header,
}

impl ParameterSource {
    /// The word in the problem document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Path => "path",
            Self::Header => "header",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Pointer(String),
    Parameter {
        source: ParameterSource,
        name: Option<&'static str>,
    },
}

/// Writes a JSON string (RFC 8259 §7).
fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str(r#"\""#),
            '\\' => out.push_str(r"\\"),
            '\u{0}'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// The textual form of RFC 9562 §4.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const ID: &str = "3f0ad7ea-2d4f-4c39-9c12-7d0b8a5c7a10";

    fn parsed(problem: &Problem, id: &str) -> Value {
        serde_json::from_str(&problem.to_json(id)).expect("a problem is JSON")
    }

    #[test]
    fn a_problem_without_a_sentence_has_the_status_phrase() {
        let problem = Problem::bare(StatusCode::UNAUTHORIZED, "no_token");

        assert_eq!(
            parsed(&problem, ID),
            json!({
                "type": "about:blank",
                "title": "Unauthorized",
                "status": 401,
                "instance": format!("urn:uuid:{ID}"),
                "code": "no_token",
            })
        );
    }

    #[test]
    fn errors_say_where_and_what() {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "invalid_input", "Not valid.")
            .with_errors([
                FieldError::in_body("/items/0/sku".to_owned(), "length", "Too long."),
                FieldError::in_parameter(ParameterSource::Query, Some("sku"), "type", "No."),
                FieldError::in_parameter(ParameterSource::Header, None, "unknown", "No."),
            ]);

        assert_eq!(
            parsed(&problem, ID)["errors"],
            json!([
                {"pointer": "/items/0/sku", "code": "length", "detail": "Too long."},
                {"in": "query", "name": "sku", "code": "type", "detail": "No."},
                {"in": "header", "code": "unknown", "detail": "No."},
            ])
        );
    }

    #[test]
    fn an_invocation_id_of_another_shape_is_not_repeated() {
        let problem = Problem::bare(StatusCode::GONE, "gone");

        for id in ["", "evil, 3f0ad7ea", "\"}", &ID.replace('3', "x")] {
            assert_eq!(parsed(&problem, id).get("instance"), None, "{id}");
        }
    }

    proptest! {
        #[test]
        fn any_pointer_comes_back_from_the_document(pointer in any::<String>()) {
            let problem = Problem::bare(StatusCode::BAD_REQUEST, "x")
                .with_errors([FieldError::in_body(pointer.clone(), "x", "x")]);

            prop_assert_eq!(&parsed(&problem, ID)["errors"][0]["pointer"], &Value::from(pointer));
        }
    }
}
