//! Request bodies as text, the way a .NET `StreamReader` decodes them.

/// Decodes UTF-8 with replacement; a byte order mark chooses the encoding and is dropped, and a
/// declared charset changes nothing (recorded).
pub(super) fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xFF, 0xFE, 0, 0, rest @ ..] => utf32(rest, u32::from_le_bytes),
        [0, 0, 0xFE, 0xFF, rest @ ..] => utf32(rest, u32::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, rest) = bytes.as_chunks();
    let units = pairs.iter().copied().map(unit);
    let mut text: String = char::decode_utf16(units)
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> String {
    let (units, _) = bytes.as_chunks();
    units
        .iter()
        .copied()
        .map(|bytes| char::from_u32(unit(bytes)).unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_chooses_the_encoding_and_is_dropped() {
        for (name, bytes) in [
            ("UTF-8", b"\xEF\xBB\xBFa\xC3\xA9".as_slice()),
            ("UTF-16 LE", b"\xFF\xFEa\0\xE9\0"),
            ("UTF-16 BE", b"\xFE\xFF\0a\0\xE9"),
            ("UTF-32 LE", b"\xFF\xFE\0\0a\0\0\0\xE9\0\0\0"),
            ("no mark", "aé".as_bytes()),
        ] {
            assert_eq!(decode(bytes), "aé", "{name}");
        }
        assert_eq!(decode(b"h\xE9llo"), "h\u{fffd}llo");
    }
}
