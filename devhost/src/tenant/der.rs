//! As much of DER as a self-signed certificate takes (X.690, RFC 5280 §4.1).

/// `SEQUENCE`.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

/// `SET` of one element.
pub(super) fn set(part: &[u8]) -> Vec<u8> {
    element(0x31, part)
}

/// An element with an explicit context tag.
pub(super) fn tagged(tag: u8, part: &[u8]) -> Vec<u8> {
    element(0xa0 | tag, part)
}

/// A positive `INTEGER` from its big-endian bytes.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let significant = &bytes[bytes.iter().take_while(|b| **b == 0).count()..];
    // The top bit is the sign, and zero has a byte of its own.
    let pad = significant.first().is_none_or(|first| *first >= 0x80);
    element(0x02, &[&[0][..usize::from(pad)], significant].concat())
}

/// `OBJECT IDENTIFIER` from its encoded content.
pub(super) fn oid(content: &[u8]) -> Vec<u8> {
    element(0x06, content)
}

/// `NULL`.
pub(super) fn null() -> Vec<u8> {
    element(0x05, &[])
}

/// `UTF8String`.
pub(super) fn utf8(text: &str) -> Vec<u8> {
    element(0x0c, text.as_bytes())
}

/// `GeneralizedTime` from `YYYYMMDDHHMMSSZ`.
pub(super) fn time(text: &str) -> Vec<u8> {
    element(0x18, text.as_bytes())
}

/// `BIT STRING` of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    element(0x03, &[&[0], bytes].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ ..0x80) => out.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let significant = &length[length.iter().take_while(|b| **b == 0).count()..];
            out.push(0x80 | u8::try_from(significant.len()).expect("a length has at most 8 bytes"));
            out.extend_from_slice(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        assert_eq!(utf8("ab"), [0x0c, 2, b'a', b'b']);
        assert_eq!(utf8(&"a".repeat(127))[..2], [0x0c, 127]);
        assert_eq!(utf8(&"a".repeat(128))[..3], [0x0c, 0x81, 128]);
        assert_eq!(utf8(&"a".repeat(256))[..4], [0x0c, 0x82, 1, 0]);
    }

    #[test]
    fn integers_are_positive_and_as_short_as_can_be() {
        assert_eq!(integer(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0]), [2, 1, 0]);
    }
}
