//! Recorded invocations: what the host would have delivered, taken out of its envelope.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde_json::Value;

use crate::cli::failed::Failed;

/// The `Data` of an envelope.
#[derive(Debug)]
pub(super) struct Fixture {
    data: Value,
    file: String,
}

impl Fixture {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no envelope.
    pub(super) fn read(path: &Path) -> Result<Self, Failed> {
        let file = path.display().to_string();
        let wrong = |why: String| {
            Failed::usage(
                format!("{file} {why}."),
                "ls tests/fixtures  (recorded invocations)",
            )
        };
        let text =
            std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let mut envelope: Value = serde_json::from_slice(&text)
            .map_err(|error| wrong(format!("is not JSON: {error}")))?;
        match envelope["Data"].take() {
            data @ Value::Object(_) => Ok(Self { data, file }),
            _ => Err(wrong(
                "is no invocation: it has no object `Data`".to_owned(),
            )),
        }
    }

    /// The body of an HTTP request.
    pub(super) fn body(&self) -> Option<String> {
        let body = &self.request()["Body"];
        body.as_str().map(str::to_owned)
    }

    /// The query of an HTTP request, without its `?`.
    pub(super) fn query(&self) -> String {
        let url = self.request()["Url"].as_str().map(Url::parse);
        let query = url.and_then(|url| url.ok()?.query().map(str::to_owned));
        query.unwrap_or_default()
    }

    /// The value of an event's trigger as text; none for a timer, whose value nobody chooses.
    ///
    /// # Errors
    ///
    /// Bytes that are not text: the host takes none by hand.
    pub(super) fn value(&self, binding: &str) -> Result<Option<String>, Failed> {
        let members = self.data.as_object();
        let value = match &self.data[binding] {
            Value::Null => members.and_then(|members| members.values().next()),
            value => Some(value),
        };
        let Some(text) = value.and_then(Value::as_str) else {
            return Ok(None);
        };
        // The host writes a text as its JSON text, and bytes as base64 (host 4.1037,
        // GetHttpScriptInvocationContextValue).
        if let Ok(text) = serde_json::from_str::<String>(text) {
            return Ok(Some(text));
        }
        match STANDARD.decode(text) {
            Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| {
                Failed::work(
                    format!(
                        "{} holds bytes that are not text, and the host takes only text by hand.",
                        self.file
                    ),
                    "choose another fixture, or use --data",
                )
            }),
            Err(_) => Ok(Some(text.to_owned())),
        }
    }

    fn request(&self) -> &Value {
        &self.data["req"]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(data: Value) -> Option<String> {
        let fixture = Fixture {
            data,
            file: "a file".to_owned(),
        };
        fixture.value("item").ok()?
    }

    #[test]
    fn a_message_is_taken_out_of_its_encoding() {
        let message = r#"{"a":1}"#;
        let text = serde_json::to_string(message).unwrap();

        assert_eq!(value(json!({"item": text})).as_deref(), Some(message));
        assert_eq!(
            value(json!({"item": STANDARD.encode(message)})).as_deref(),
            Some(message)
        );
        assert_eq!(value(json!({"order": text})).as_deref(), Some(message));
    }

    #[test]
    fn bytes_that_are_not_text_are_refused() {
        assert_eq!(value(json!({"item": STANDARD.encode([0xff, 0xfe])})), None);
    }

    #[test]
    fn a_timer_has_no_value_to_send() {
        assert_eq!(value(json!({"timer": {"IsPastDue": false}})), None);
    }
}
