//! The parameters of a route, into a type.
//!
//! Values are decoded once. A slash that the caller escaped arrives as the three characters `%2F`
//! in every HTTP mode (seen on host 4.1037; proxying sends `%252F` for it), so a value never has
//! more segments than the route gave it. `.` and `..` are refused: names of files and of resources
//! are made of these values. A catch-all may be a text, or a list of its segments.

use std::borrow::Cow;

use super::fault::{Code, Fault};
use super::parameters::Parameters;
use super::percent::Part;
use super::traits::Input;
use crate::problem::{FieldError, ParameterSource};

/// Reads and validates what the route's template captured, undecoded.
///
/// # Errors
///
/// The first parameter that cannot be read, or all that break a rule.
pub(crate) fn read<T: Input>(captured: &[(&'static str, &str)]) -> Result<T, Vec<FieldError>> {
    let all = captured
        .iter()
        .map(|&(name, raw)| (Cow::Borrowed(name), raw));
    Parameters {
        part: Part::Path,
        all: all.collect(),
        separator: '/',
        ignored: |_| false,
        check: refuse_dot_segments,
    }
    .read(ParameterSource::Path)
}

/// RFC 3986 §3.3. The escaped slash counts as one: whoever decodes once more would see it.
fn refuse_dot_segments(text: &str) -> Result<(), Fault> {
    let mut segments = text.split(['/', '\\']).flat_map(|part| part.split("%2F"));
    if segments.any(|segment| matches!(segment, "." | "..")) {
        return Err(Fault::new(Code::Value));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
