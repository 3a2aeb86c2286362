//! Which characters a text may hold, and a fast search for those that need a look.
//!
//! Refused, in JSON texts and in parameters alike:
//!
//! - U+0000 to U+001F except tab, line feed and carriage return (parameters: no exception), U+007F
//!   and U+0080 to U+009F: terminals and log viewers obey them.
//! - U+202A to U+202E and U+2066 to U+2069: they reorder the text around them, so what a person
//!   reads is not what the program compares (Unicode Technical Standard 55, §4.1).
//!
//! Everything else passes, also the marks U+200E, U+200F and U+061C that right-to-left text needs.
//! Look-alikes, unassigned characters and normalisation are not looked at.

/// Whether a text must not hold this character, apart from the three that only layout text.
pub(crate) fn is_forbidden(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

/// The index of the first byte at or after `at` that is a quote, a backslash, DEL, below U+0020 or
/// the start of a forbidden character of more than one byte.
///
/// `bytes` is valid UTF-8.
pub(crate) fn end_of_plain(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = end_of_ascii(bytes, at);
        while let Some(&byte) = bytes.get(at)
            && byte >= 0x80
        {
            if starts_forbidden(&bytes[at..]) {
                return at;
            }
            at += 1;
        }
        match bytes.get(at) {
            Some(&byte) if is_plain_ascii(byte) => at += 1,
            _ => return at,
        }
    }
}

/// The length in bytes of the forbidden character that starts here, if one does.
fn starts_forbidden(bytes: &[u8]) -> bool {
    match bytes {
        [0xc2, second, ..] => *second < 0xa0,
        [0xe2, 0x80, third, ..] => matches!(third, 0xaa..=0xae),
        [0xe2, 0x81, third, ..] => matches!(third, 0xa6..=0xa9),
        _ => false,
    }
}

/// Skips eight bytes at a time while all of them are plain ASCII; stops at the first that is not.
fn end_of_ascii(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<WIDTH>()) {
        let stops = stops(u64::from_le_bytes(*chunk));
        if stops != 0 {
            return at + stops.trailing_zeros() as usize / 8;
        }
        at += WIDTH;
    }
    while let Some(&byte) = bytes.get(at)
        && is_plain_ascii(byte)
    {
        at += 1;
    }
    at
}

/// The high bit of each byte that is not plain ASCII; exact up to the first such byte.
///
/// The zero-byte test of Mycroft and Lamport: a subtraction borrows into the high bit only where
/// the byte was smaller than what is taken away.
fn stops(chunk: u64) -> u64 {
    let below_space = chunk.wrapping_sub(ONES * 0x20);
    let quote = (chunk ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
    let backslash = (chunk ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
    let delete = (chunk ^ (ONES * 0x7f)).wrapping_sub(ONES);
    (below_space | quote | backslash | delete | chunk) & HIGH
}

fn is_plain_ascii(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\'
}

const WIDTH: usize = size_of::<u64>();
const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_plain(character: char) -> bool {
        !is_forbidden(character) && !matches!(character, '"' | '\\' | '\t' | '\n' | '\r')
    }

    #[test]
    fn every_character_is_judged_the_same_by_both_searches() {
        for character in '\0'..=char::MAX {
            for padding in ["", "1234567890"] {
                let text = format!("{padding}{character}{padding}");

                let end = end_of_plain(text.as_bytes(), 0);

                let expected = if is_plain(character) {
                    text.len()
                } else {
                    padding.len()
                };
                assert_eq!(end, expected, "U+{:04X}", u32::from(character));
            }
        }
    }

    proptest! {
        #[test]
        fn the_search_stops_at_the_first_character_that_is_not_plain(
            text in "[a-zé\u{7f}\"\\\\\u{202e}\u{85}日\n ]{0,40}",
        ) {
            let expected = text.find(|c| !is_plain(c)).unwrap_or(text.len());

            prop_assert_eq!(end_of_plain(text.as_bytes(), 0), expected);
        }
    }
}
