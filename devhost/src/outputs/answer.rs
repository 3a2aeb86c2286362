//! Reading the handler's response to an invocation.

use crate::newtonsoft::{ParseError, Token};

/// A response that the host understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The output values by name, exactly as spelled; `None` when the response had no `Outputs`.
    pub outputs: Option<Vec<(String, Token)>>,
    /// The lines for the invocation's log.
    pub logs: Vec<String>,
    /// The return value; null when there was none.
    pub return_value: Token,
}

/// Why a response fails the invocation, or never ends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Not 2xx: nothing else in the response is read.
    #[error("Response status code does not indicate success: {0}")]
    Status(u16),
    /// Neither `application/json` nor `text/json`.
    #[error("the response is not JSON by its content type: {0:?}")]
    MediaType(Option<String>),
    /// The bytes are not text in the declared encoding.
    #[error("the response is not text in its encoding")]
    Encoding,
    /// The text is not JSON.
    #[error("the response is not JSON: {0}")]
    Json(#[from] ParseError),
    /// JSON of a shape that cannot be read as a result.
    #[error("the response is not an invocation result: {0}")]
    Shape(&'static str),
    /// No body, or one that reads as null. The host waits on until `functionTimeout`, then kills
    /// the handler (host 4.1037, `ProcessDefaultInvocationRequest`).
    #[error("the response is empty or null, and the invocation never completes")]
    NeverCompletes,
}

/// Reads a handler's response.
///
/// Members are matched without regard to case; members that mean nothing are ignored.
///
/// # Errors
///
/// [`AnswerError`] says what fails the invocation; [`AnswerError::NeverCompletes`] is no failure
/// but an invocation without an end.
pub fn answer(
    status: u16,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Answered, AnswerError> {
    if !(200..300).contains(&status) {
        return Err(AnswerError::Status(status));
    }
    if body.is_empty() {
        return Err(AnswerError::NeverCompletes);
    }
    let charset = media_type(content_type)?;
    let text = decode(charset, body).ok_or(AnswerError::Encoding)?;
    if text.trim().is_empty() {
        return Err(AnswerError::NeverCompletes);
    }
    let result = Token::parse_response(&text)?;
    if is_absent(&result) {
        return Err(AnswerError::NeverCompletes);
    }
    if !matches!(result, Token::Object(_)) {
        return Err(AnswerError::Shape("not an object"));
    }
    Ok(Answered {
        outputs: outputs(result.property("Outputs"))?,
        logs: logs(result.property("Logs"))?,
        return_value: result
            .property("ReturnValue")
            .cloned()
            .unwrap_or(Token::Null),
    })
}

/// Whether a value reads as null where a class is expected: Newtonsoft takes an empty string for one.
pub(super) fn is_absent(token: &Token) -> bool {
    token.is_null() || token.as_str() == Some("")
}

fn outputs(token: Option<&Token>) -> Result<Option<Vec<(String, Token)>>, AnswerError> {
    match token {
        Some(Token::Object(members)) => Ok(Some(members.clone())),
        None => Ok(None),
        Some(token) if is_absent(token) => Ok(None),
        Some(_) => Err(AnswerError::Shape("Outputs is not an object")),
    }
}

fn logs(token: Option<&Token>) -> Result<Vec<String>, AnswerError> {
    let line = |item: &Token| match item {
        Token::Array(_) | Token::Object(_) => Err(AnswerError::Shape("a log line is not a scalar")),
        Token::Date(date) => Ok(date.to_iso()),
        scalar => Ok(scalar.to_dotnet_string()),
    };
    match token {
        Some(Token::Array(lines)) => lines
            .iter()
            .filter(|item| !item.is_null())
            .map(line)
            .collect(),
        None => Ok(Vec::new()),
        Some(token) if is_absent(token) => Ok(Vec::new()),
        Some(_) => Err(AnswerError::Shape("Logs is not an array")),
    }
}

/// The declared charset, once the media type is one the host reads as JSON.
fn media_type(content_type: Option<&str>) -> Result<Option<&str>, AnswerError> {
    let refused = || AnswerError::MediaType(content_type.map(str::to_owned));
    let mut parts = content_type.ok_or_else(refused)?.split(';');
    let media_type = parts.next().unwrap_or_default().trim();
    if !["application/json", "text/json"]
        .iter()
        .any(|json| json.eq_ignore_ascii_case(media_type))
    {
        return Err(refused());
    }
    let charset = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    Ok(charset.map(|(_, value)| value.trim().trim_matches('"')))
}

/// UTF-8 unless the type says UTF-16; a byte order mark overrules both and is dropped.
fn decode(charset: Option<&str>, body: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.as_chunks::<2>();
        let text = char::decode_utf16(units.iter().map(|pair| unit(*pair)))
            .collect::<Result<_, _>>()
            .ok();
        text.filter(|_| rest.is_empty())
    };
    match body {
        [0xef, 0xbb, 0xbf, text @ ..] => String::from_utf8(text.to_vec()).ok(),
        [0xff, 0xfe, text @ ..] => utf16(text, u16::from_le_bytes),
        [0xfe, 0xff, text @ ..] => utf16(text, u16::from_be_bytes),
        text if charset.is_some_and(|c| c.eq_ignore_ascii_case("utf-16")) => {
            utf16(text, u16::from_le_bytes)
        }
        text => String::from_utf8(text.to_vec()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &str) -> Result<Answered, AnswerError> {
        answer(200, Some("application/json"), body.as_bytes())
    }

    #[test]
    fn an_object_is_an_answer_whatever_its_members() {
        let nothing = Answered {
            outputs: None,
            logs: vec![],
            return_value: Token::Null,
        };

        assert_eq!(json("{}"), Ok(nothing.clone()));
        assert_eq!(json(r#"{"key1":"v"}"#), Ok(nothing.clone()));
        assert_eq!(
            json(r#"{"Outputs":"","Logs":null} <trailing>"#),
            Ok(nothing)
        );
    }

    #[test]
    fn members_are_matched_without_regard_to_case_and_outputs_with() {
        let answered =
            json(r#"{"OUTPUTS":{"Res":1},"logs":["a",1,true,null],"returnvalue":2}"#).unwrap();

        assert_eq!(
            answered.outputs.unwrap(),
            [("Res".to_owned(), Token::from(1))]
        );
        assert_eq!(answered.logs, ["a", "1", "True"]);
        assert_eq!(answered.return_value, Token::from(2));
    }

    #[test]
    fn an_answer_that_reads_as_null_never_completes() {
        for body in ["", " \n", "null", "\"\"", "undefined"] {
            assert_eq!(json(body), Err(AnswerError::NeverCompletes), "{body:?}");
        }
        for content_type in [None, Some("text/plain")] {
            assert_eq!(
                answer(200, content_type, b""),
                Err(AnswerError::NeverCompletes)
            );
        }
    }

    #[test]
    fn a_wrong_shape_fails_the_invocation() {
        for body in [
            "[]",
            "1",
            "\"x\"",
            r#"{"Outputs":[]}"#,
            r#"{"Outputs":1}"#,
            r#"{"Logs":"x"}"#,
            r#"{"Logs":[{}]}"#,
            r#"{"Logs":[[]]}"#,
        ] {
            assert!(matches!(json(body), Err(AnswerError::Shape(_))), "{body}");
        }
        assert!(matches!(json("<html>"), Err(AnswerError::Json(_))));
    }

    #[test]
    fn only_json_media_types_are_read() {
        for accepted in [
            "application/json",
            "text/json",
            "Application/JSON; charset=utf-8",
        ] {
            assert!(answer(200, Some(accepted), b"{}").is_ok(), "{accepted}");
        }
        for refused in [
            None,
            Some("text/plain"),
            Some("application/problem+json"),
            Some(""),
        ] {
            assert!(
                matches!(answer(200, refused, b"{}"), Err(AnswerError::MediaType(_))),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn only_2xx_is_read() {
        assert!(answer(299, Some("text/json"), b"{}").is_ok());
        for status in [199, 300, 404, 500] {
            assert_eq!(
                answer(status, Some("text/json"), b"{}"),
                Err(AnswerError::Status(status))
            );
        }
    }

    #[test]
    fn a_byte_order_mark_is_dropped_and_decides() {
        let utf16 = [0xff, 0xfe, b'{', 0, b'}', 0];

        assert!(answer(200, Some("text/json"), b"\xef\xbb\xbf{}").is_ok());
        assert!(answer(200, Some("text/json"), &utf16).is_ok());
        assert!(answer(200, Some("text/json; charset=utf-16"), &utf16[2..]).is_ok());
        assert_eq!(
            answer(200, Some("text/json"), b"{\"\xff\":1}"),
            Err(AnswerError::Encoding)
        );
    }
}
