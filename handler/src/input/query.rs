//! The query string, into a type.
//!
//! The source is the raw query in every HTTP mode, since the host's own map joins repeated names.
//! The modes still differ in what they let through (seen on host 4.1037), so the rules are such
//! that a caller gets the same answer in all of them wherever that can be had:
//!
//! - `?b` is `?b=`: forwarding writes the second for the first.
//! - A list is given as `?tag=a&tag=b` or `?tag=a,b`: forwarding turns the first into the second.
//!   `%2C` is a comma inside an item.
//! - `+` is a space: forwarding writes `%20` for it.
//! - `code` may always be there, since that is where a function key travels.
//!
//! A repeated scalar is refused in the envelope and in proxying; in forwarding it arrives joined by
//! a comma, and a text cannot tell.

use std::borrow::Cow;

use super::fault::{Code, Fault};
use super::parameters::Parameters;
use super::percent::{Part, decode};
use super::traits::Input;
use crate::problem::{FieldError, ParameterSource};

/// Reads and validates the query string, without its `?`.
///
/// # Errors
///
/// The first parameter that cannot be read, or all that break a rule.
pub(crate) fn read<T: Input>(raw: &str) -> Result<T, Vec<FieldError>> {
    let all =
        split(raw).map_err(|fault| vec![fault.into_parameter_error(ParameterSource::Query)])?;
    Parameters {
        part: Part::Query,
        all,
        separator: ',',
        ignored: |name| name == FUNCTION_KEY,
        check: |_| Ok(()),
    }
    .read(ParameterSource::Query)
}

fn split(raw: &str) -> Result<Vec<(Cow<'_, str>, &str)>, Fault> {
    if raw.is_empty() {
        return Ok(Vec::new());
    }
    if raw.split('&').count() > MOST {
        return Err(Fault::new(Code::TooManyMembers));
    }
    let pair = |piece| {
        let (name, value) = str::split_once(piece, '=').unwrap_or((piece, ""));
        Ok((decode(name, Part::Query, false)?, value))
    };
    raw.split('&').map(pair).collect()
}

/// Where the host takes a function key from when it is not in a header.
const FUNCTION_KEY: &str = "code";

/// Names are compared with one another, so their number is bounded.
const MOST: usize = 100;

#[cfg(test)]
mod tests;
