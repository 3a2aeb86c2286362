//! What the tests share: the recordings of a real host.

use serde_json::Value;

/// The cases of one recording.
pub(crate) fn recorded(name: &str) -> Vec<Value> {
    let path = format!(
        "{}/../tests/fixtures/recorded/{name}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let lines = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A recorded body: text, or base64 where it is not UTF-8.
pub(crate) fn bytes_of(body: &Value) -> Vec<u8> {
    match body["base64"].as_str() {
        Some(base64) => crate::outputs::from_base64(base64).unwrap(),
        None => body["text"].as_str().unwrap().as_bytes().to_vec(),
    }
}

/// What the handler received in one case, parsed.
pub(crate) fn received(recording: &str, case: &str) -> Value {
    let cases = recorded(recording);
    let case = cases
        .iter()
        .find(|c| c["case"] == case)
        .expect("a recorded case");
    let text = case["handlerReceived"]["text"]
        .as_str()
        .expect("a text body");
    serde_json::from_str(text).expect("a JSON body")
}
