//! Numbers (RFC 8259 §6), for documents and for parameters.

use serde::de::Visitor;

use crate::input::fault::{Code, Fault};

/// A whole number without sign of at most 18 digits, the common case, and its length.
///
/// `None` says nothing about the text: [`length`] and [`visit`] decide.
#[inline]
pub(super) fn short_unsigned(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    let mut length = 0;
    loop {
        match bytes.get(length) {
            Some(digit @ b'0'..=b'9') if length < 18 => {
                value = value * 10 + u64::from(digit - b'0');
            }
            Some(b'0'..=b'9' | b'.' | b'e' | b'E') => return None,
            _ if length == 0 || (length > 1 && bytes[0] == b'0') => return None,
            _ => return Some((value, length)),
        }
        length += 1;
    }
}

/// How many of the bytes are one number.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let some_digits = |from: usize| Some(from + digits(from)).filter(|&end| end > from);

    let start = usize::from(bytes.first() == Some(&b'-'));
    let mut end = match bytes.get(start) {
        Some(b'0') => start + 1,
        _ => some_digits(start)?,
    };
    if bytes.get(end) == Some(&b'.') {
        end = some_digits(end + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = some_digits(end + 1 + sign)?;
    }
    Some(end)
}

/// Hands over a number as the narrowest of `u64`, `i64` and `f64` that holds it.
///
/// A whole number beyond those becomes an `f64`, which a field of an integer type refuses. What is
/// beyond `f64` is refused here: there is no infinity in JSON.
pub(crate) fn visit<'de, V: Visitor<'de>>(token: &str, visitor: V) -> Result<V::Value, Fault> {
    if is_whole(token) {
        if let Ok(value) = token.parse::<u64>() {
            return visitor.visit_u64(value);
        }
        // Minus zero is a float: an integer would lose its sign.
        if let Ok(value) = token.parse::<i64>()
            && value != 0
        {
            return visitor.visit_i64(value);
        }
    }
    match token.parse::<f64>() {
        Ok(value) if value.is_finite() => visitor.visit_f64(value),
        _ => Err(Fault::new(Code::NumberOutOfRange)),
    }
}

/// The same for types of 128 bits.
pub(crate) fn visit_wide<'de, V: Visitor<'de>>(token: &str, visitor: V) -> Result<V::Value, Fault> {
    if let Ok(value) = token.parse::<u64>() {
        return visitor.visit_u64(value);
    }
    if let Ok(value) = token.parse::<i128>() {
        return visitor.visit_i128(value);
    }
    match token.parse::<u128>() {
        Ok(value) => visitor.visit_u128(value),
        Err(_) if is_whole(token) => Err(Fault::new(Code::NumberOutOfRange)),
        Err(_) => Err(Fault::new(Code::Type)),
    }
}

fn is_whole(token: &str) -> bool {
    !token.contains(['.', 'e', 'E'])
}
