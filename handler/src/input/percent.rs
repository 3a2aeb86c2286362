//! Percent-decoding that refuses what is not meant (RFC 3986 §2.1).

use std::borrow::Cow;

use super::fault::{Code, Fault};
use super::text::is_forbidden;

/// How a part of a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// `+` is a space (WHATWG URL §5.1).
    Query,
    /// `+` is itself, and an escaped slash stays escaped: routing keeps it that way (ASP.NET Core,
    /// and seen on host 4.1037), so a segment never turns into two.
    Path,
    /// Nothing is escaped (RFC 9110 §5.5).
    Header,
}

/// Decodes one name or value.
///
/// # Errors
///
/// An escape without two hexadecimal digits, bytes that are not UTF-8, control characters of any
/// kind and characters that reorder text.
pub(super) fn decode(raw: &str, part: Part, free_text: bool) -> Result<Cow<'_, str>, Fault> {
    let text = unescape(raw, part)?;
    let forbidden = |character: char| character.is_control() || is_forbidden(character);
    if !free_text && text.contains(forbidden) {
        return Err(Fault::new(Code::ControlCharacter));
    }
    Ok(text)
}

fn unescape(raw: &str, part: Part) -> Result<Cow<'_, str>, Fault> {
    let is_special = |byte: u8| match part {
        Part::Query => byte == b'%' || byte == b'+',
        Part::Path => byte == b'%',
        Part::Header => false,
    };
    if !raw.bytes().any(is_special) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    loop {
        rest = match rest {
            [] => break,
            [b'%', b'2', b'F' | b'f', rest @ ..] if part == Part::Path => {
                bytes.extend_from_slice(b"%2F");
                rest
            }
            [b'%', high, low, rest @ ..] => {
                bytes.push(hex(*high)? << 4 | hex(*low)?);
                rest
            }
            [b'%', ..] => return Err(Fault::new(Code::Syntax)),
            [b'+', rest @ ..] if part == Part::Query => {
                bytes.push(b' ');
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        };
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Owned(text)),
        Err(_) => Err(Fault::new(Code::InvalidUtf8)),
    }
}

fn hex(digit: u8) -> Result<u8, Fault> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(Fault::new(Code::Syntax)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_decoded_as_the_part_wants_them() {
        for (raw, query, path) in [
            ("plain", "plain", "plain"),
            ("a+b", "a b", "a+b"),
            ("a%20b", "a b", "a b"),
            ("%C3%A9", "é", "é"),
            ("%c3%a9", "é", "é"),
            ("a%2Fb", "a/b", "a%2Fb"),
            ("a%2fb", "a/b", "a%2Fb"),
            ("a%252Fb", "a%2Fb", "a%2Fb"),
            ("%25zz", "%zz", "%zz"),
            ("%2B", "+", "+"),
        ] {
            assert_eq!(decode(raw, Part::Query, false).unwrap(), query, "{raw}");
            assert_eq!(decode(raw, Part::Path, false).unwrap(), path, "{raw}");
        }
    }

    #[test]
    fn broken_escapes_and_texts_are_refused() {
        for (raw, code) in [
            ("%", Code::Syntax),
            ("%4", Code::Syntax),
            ("%zz", Code::Syntax),
            ("%+1", Code::Syntax),
            ("%C3", Code::InvalidUtf8),
            ("%C0%AF", Code::InvalidUtf8),
            ("%ED%A0%80", Code::InvalidUtf8),
            ("a%00b", Code::ControlCharacter),
            ("a%0Ab", Code::ControlCharacter),
            ("a%09b", Code::ControlCharacter),
            ("%C2%85", Code::ControlCharacter),
            ("%E2%80%AE", Code::ControlCharacter),
            ("a\u{7f}", Code::ControlCharacter),
        ] {
            for part in [Part::Query, Part::Path] {
                let fault = decode(raw, part, false).unwrap_err();
                assert_eq!(fault.code(), code, "{raw} {part:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn an_escaped_text_decodes_to_itself(text in "[^\\p{C}/]{0,20}") {
            let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();

            for part in [Part::Query, Part::Path] {
                prop_assert_eq!(&decode(&escaped, part, false).unwrap(), &text);
            }
        }

        #[test]
        fn no_text_panics(raw in any::<String>()) {
            let _ = decode(&raw, Part::Query, false);
            let _ = decode(&raw, Part::Path, true);
        }
    }
}
