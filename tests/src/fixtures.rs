//! Recorded traffic and made envelopes, as they lie in `tests/fixtures`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::http::Request;

/// The lines of a recording, each a JSON object.
pub fn recording(name: &str) -> Vec<Value> {
    let text = read(&folder().join("recorded").join(format!("{name}.jsonl")));
    text.lines().map(|line| parse(line, name)).collect()
}

/// One made envelope.
pub fn envelope(name: &str) -> Value {
    parse(&read(&folder().join(format!("{name}.json"))), name)
}

/// The names of all made envelopes, in order.
pub fn envelopes() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("the fixtures are there");
    let mut names: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_json = path.extension()? == "json";
            is_json.then(|| path.file_stem()?.to_str().map(str::to_owned))?
        })
        .collect();
    names.sort();
    names
}

/// What a recorded host sent to its handler, for a handler on `port`.
pub fn received(recorded: &Value, port: u16) -> Request {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut request = Request::new(&text(&recorded["method"]), &text(&recorded["target"]));
    let (mut is_chunked, mut has_length) = (false, false);
    for header in recorded["headers"].as_array().into_iter().flatten() {
        let (name, value) = (text(&header[0]), text(&header[1]));
        match name.to_lowercase().as_str() {
            // The client here writes these itself.
            "transfer-encoding" => is_chunked = true,
            "content-length" => has_length = true,
            "connection" => {}
            _ => request = request.header(&name, &value.replace("<port>", &port.to_string())),
        }
    }
    let body = body(recorded);
    match (is_chunked, has_length || !body.is_empty()) {
        (true, _) => request.chunked([body]),
        (false, true) => request.bytes(body),
        (false, false) => request,
    }
}

/// A text in a recording.
///
/// # Panics
///
/// When it is none.
pub fn text(value: &Value) -> &str {
    value.as_str().expect("it was recorded as text")
}

/// The JSON in a text of a recording.
///
/// # Panics
///
/// When there is none.
pub fn json(value: &Value) -> Value {
    parse(text(value), "a recorded text")
}

/// The body of a recorded request.
pub fn body(recorded: &Value) -> Vec<u8> {
    match (recorded["text"].as_str(), recorded["base64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(base64)) => STANDARD.decode(base64).expect("it was recorded as base64"),
        (None, None) => Vec::new(),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(text: &str, name: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}
