//! Recorded traffic and made envelopes, as they lie in `tests/fixtures`.

use std::path::{Path, PathBuf};

use serde_json::Value;

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

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(text: &str, name: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}
