//! Finds a part of a value, in whatever form it is written.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

/// How many bytes of a value are a part of it.
const PART: usize = 8;

/// Every part of some values, in every form, by its first bytes.
#[derive(Debug)]
pub struct Search(HashMap<[u8; PART], BTreeSet<(String, &'static str)>>);

impl Search {
    /// Looks for parts of these values.
    ///
    /// # Panics
    ///
    /// When a value is so short that a part of it may be there by chance.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut needles = BTreeSet::new();
        for value in values {
            assert!(value.len() >= 32, "it is too short to be told from chance");
            for start in 0..=value.len() - PART {
                let part = &value.as_bytes()[start..start + PART];
                needles.extend(forms(part).map(|(form, text)| (text, form)));
            }
            // What is escaped is a text, so its parts are whole characters.
            let ends = value.char_indices().map(|(start, _)| start);
            for start in ends {
                let rest = &value[start..];
                let mut until = rest.char_indices().map(|(at, _)| at);
                let end = until.find(|at| *at >= PART).unwrap_or(rest.len());
                if end >= PART {
                    let part = &rest[..end];
                    needles.extend(escapes(part).map(|(form, text)| (text, form)));
                }
            }
        }
        let mut by_start = HashMap::<_, BTreeSet<_>>::new();
        for (needle, form) in needles {
            let start = needle.as_bytes().first_chunk().copied();
            let start = start.expect("no form is shorter than what it writes");
            by_start.entry(start).or_default().insert((needle, form));
        }
        Self(by_start)
    }

    /// The forms in which parts of a value are there.
    pub fn find(&self, text: impl AsRef<[u8]>) -> BTreeSet<&'static str> {
        let text = text.as_ref();
        let mut found = BTreeSet::new();
        for (at, start) in text.windows(PART).enumerate() {
            let known = start.first_chunk().and_then(|start| self.0.get(start));
            for (needle, form) in known.into_iter().flatten() {
                if text[at..].starts_with(needle.as_bytes()) {
                    found.insert(*form);
                }
            }
        }
        found
    }
}

/// Bytes, written so that any bytes can be. The plain ones are left out where they are no text.
fn forms(part: &[u8]) -> impl Iterator<Item = (&'static str, String)> {
    let each = |write: &dyn Fn(u8) -> String| part.iter().map(|byte| write(*byte)).collect();
    let mut forms: Vec<(_, String)> = vec![
        ("hex", each(&|byte| format!("{byte:02x}"))),
        ("HEX", each(&|byte| format!("{byte:02X}"))),
        ("percent", each(&|byte| format!("%{byte:02X}"))),
        ("percent", each(&|byte| format!("%{byte:02x}"))),
        (
            "percent of what has to be",
            each(&|byte| match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            }),
        ),
    ];
    for before in 0..3 {
        // Digits that hang on the part alone, whatever stands before and after it (RFC 4648 §4).
        let bytes = [&[0_u8; 2][..before], part].concat();
        let digits = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
        for (form, engine) in [("base64", &STANDARD), ("base64url", &URL_SAFE)] {
            forms.push((form, engine.encode(&bytes)[digits.clone()].to_owned()));
        }
    }
    if let Ok(text) = std::str::from_utf8(part) {
        forms.push(("plain", text.to_owned()));
    }
    forms.into_iter()
}

/// Text, written so that a JSON document or a literal can hold it.
fn escapes(part: &str) -> impl Iterator<Item = (&'static str, String)> {
    let json = Value::from(part).to_string();
    let inside = json[1..json.len() - 1].to_owned();
    let mut ascii = String::new();
    for character in inside.chars() {
        if character.is_ascii() {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(ascii, "\\u{unit:04x}");
        }
    }
    [
        ("plain", part.to_owned()),
        ("JSON", inside),
        ("JSON in ASCII", ascii),
        ("Debug", part.escape_debug().collect()),
        ("escaped", part.escape_default().collect()),
    ]
    .into_iter()
}

#[test]
fn a_part_is_found_in_each_form_wherever_it_stands() {
    let value = "k\"7\\f\n:ä☃zQ+/~%9\u{1}wertyuiopasdfghjkl";
    let search = Search::of([value]);
    let hex = |bytes: &str| -> String {
        let bytes = bytes.bytes().map(|byte| format!("{byte:02x}"));
        bytes.collect()
    };
    let percent = |bytes: &str| -> String {
        let bytes = bytes.bytes().map(|byte| format!("%{byte:02X}"));
        bytes.collect()
    };
    let quoted = Value::from(value).to_string();
    let part = "ä☃zQ+/~";
    for (form, text) in [
        ("plain", "…wertyuio…".to_owned()),
        ("JSON", quoted[..quoted.len() - 20].to_owned()),
        ("Debug", format!("{:?}", &value[..16])),
        ("escaped", value[..12].escape_default().to_string()),
        ("JSON in ASCII", r"\u00e4\u2603zQ+/".to_owned()),
        ("hex", hex(part)),
        ("HEX", hex(part).to_uppercase()),
        ("percent", percent(part)),
        ("percent", percent(part).to_lowercase()),
        (
            "percent of what has to be",
            "%C3%A4%E2%98%83zQ%2B".to_owned(),
        ),
    ] {
        assert!(search.find(&text).contains(form), "{form}: {text}");
    }
    for before in ["", "1", "12", "123"] {
        for after in ["", "1", "12"] {
            let text = format!("{before}{part}{after}");
            let standard = search.find(STANDARD.encode(&text));
            let url = search.find(URL_SAFE.encode(&text));
            assert!(standard.contains("base64"), "{text}");
            assert!(url.contains("base64url"), "{text}");
        }
    }
    assert_eq!(search.find("wertyui opasdfg"), BTreeSet::new());
}
