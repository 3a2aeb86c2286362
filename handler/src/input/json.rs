//! Strict JSON, straight into a type.
//!
//! Beyond the grammar of RFC 8259 a document has to satisfy the following; each is a code of its
//! own in the answer.
//!
//! - UTF-8 without a byte order mark, and nothing after the value.
//! - No nesting beyond [`JsonLimits::depth`], no more members and elements in total than
//!   [`JsonLimits::members`].
//! - No name twice in an object, whatever the object is read into: of two, readers differ in which
//!   counts (RFC 8259 §4).
//! - No member that a struct does not know, whether or not the type says `deny_unknown_fields`;
//!   [`Lenient`](crate::input::Lenient) is the written exception.
//! - No array in place of a struct: `serde` would fill the fields by position.
//! - No control characters in names and texts (`text` has the list);
//!   [`FreeText`](crate::input::FreeText) is the written exception. No halves of surrogate pairs.
//!
//! # Why an own reader
//!
//! The choices were a scan of the bytes before `serde_json`, a wrapper around `serde_json`'s
//! deserialiser, and a reader of our own. A scan has to read the whole grammar to find names and
//! depth, so everything is read twice, and it cannot see which members a type knows. A wrapper sees
//! that, yet meets names and texts only after `serde_json` has copied or dropped what it needs, has
//! to carry errors through an error type that is not ours, and doubles every call. The reader does
//! all of it in the pass that was needed anyway; `benches/input.rs` compares it with plain
//! `serde_json`, which checks none of the above.
//!
//! Places cost nothing until something is wrong: an error collects the way back up as it passes
//! through the containers.
//!
//! # What it does not see
//!
//! `serde` reads `flatten`ed structs and untagged or internally tagged enums into a buffer first
//! and fills the type from there. Names, depth, counts and texts in them are checked like all
//! others, unknown members and arrays in place of structs are not, and errors in them name the
//! place of the whole. Such a type has to say `deny_unknown_fields` itself; `buffered` finds the
//! enums that do not.

mod access;
mod key;
pub(crate) mod number;
mod reader;
#[cfg(test)]
mod tests;
pub(crate) mod trace;

use serde::de::DeserializeOwned;

use self::reader::Reader;
use self::trace::Trace;
use crate::input::fault::{Code, Fault};

/// How much a document may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonLimits {
    /// Its length in bytes.
    pub(crate) bytes: usize,
    /// How deep arrays and objects may stand inside each other.
    pub(crate) depth: usize,
    /// How many members and elements there may be, all together.
    pub(crate) members: usize,
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self {
            bytes: 1024 * 1024,
            depth: 32,
            members: 10_000,
        }
    }
}

/// Reads one document.
///
/// # Errors
///
/// The first thing that is wrong, with its place.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], limits: &JsonLimits) -> Result<T, Fault> {
    let mut reader = Reader::new(text(bytes, limits)?, limits);
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// What stands where in a document that [`parse`] accepts.
pub(crate) fn trace<'de, T: DeserializeOwned>(bytes: &'de [u8], limits: &JsonLimits) -> Trace<'de> {
    let Ok(text) = text(bytes, limits) else {
        return Trace::default();
    };
    let mut reader = Reader::traced(text, limits);
    // Only the way matters here; a type that fails the second time is traced up to there.
    let _ = T::deserialize(&mut reader);
    reader.into_trace()
}

/// Where the value of a document starts.
pub(crate) fn start(bytes: &[u8]) -> usize {
    let space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
    bytes.iter().take_while(|byte| space(byte)).count()
}

fn text<'de>(bytes: &'de [u8], limits: &JsonLimits) -> Result<&'de str, Fault> {
    if bytes.len() > limits.bytes {
        return Err(Fault::new(Code::TooLarge));
    }
    // A byte order mark is no white space, so the reader refuses it as syntax (RFC 8259 §8.1).
    std::str::from_utf8(bytes).map_err(|_| Fault::new(Code::InvalidUtf8))
}
