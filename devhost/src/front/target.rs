//! Request targets: decoded as Kestrel does, written again as .NET's `Uri` does.

use std::fmt::Write;

/// A request target, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Decoded, except for `%2F`, and without dot segments.
    pub(crate) path: String,
    /// As it came, with its question mark; empty where there is none.
    pub(crate) query: String,
}

impl Target {
    /// Takes a target apart; `None` where Kestrel answers 400.
    pub(crate) fn parse(target: &str) -> Option<Self> {
        let target = match target.split_once("://") {
            Some((scheme, rest)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
                rest.find(['/', '?']).map_or("/", |start| &rest[start..])
            }
            _ => target,
        };
        let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        let decoded = decode_path(if path.is_empty() { "/" } else { path })?;
        Some(Self {
            path: remove_dot_segments(&decoded),
            query: query.to_owned(),
        })
    }
}

/// Decodes escapes that make UTF-8; a NUL is refused and a slash stays escaped
/// (.NET 8, `UrlDecoder.DecodeInPlace`).
fn decode_path(path: &str) -> Option<String> {
    decode(path, |byte| byte != b'/').filter(|decoded| !decoded.contains('\0'))
}

/// Decodes every escape that makes UTF-8 (`Uri.UnescapeDataString`).
pub(crate) fn unescape(text: &str) -> String {
    decode(text, |_| true).unwrap_or_default()
}

/// Decodes runs of escapes. Bytes that are not UTF-8 stay escaped, as do those not `wanted`.
fn decode(text: &str, wanted: impl Fn(u8) -> bool) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('%') {
        decoded.push_str(&rest[..start]);
        let run = escape_run(&rest[start..]);
        if run.is_empty() {
            decoded.push('%');
            rest = &rest[start + 1..];
            continue;
        }
        let length = run.len() * 3;
        decode_run(&rest[start..start + length], &run, &wanted, &mut decoded);
        rest = &rest[start + length..];
    }
    decoded.push_str(rest);
    Some(decoded)
}

fn decode_run(spelled: &str, bytes: &[u8], wanted: &impl Fn(u8) -> bool, decoded: &mut String) {
    let mut index = 0;
    while index < bytes.len() {
        let width = (1..=4.min(bytes.len() - index)).find(|width| {
            std::str::from_utf8(&bytes[index..index + width])
                .is_ok_and(|text| text.chars().count() == 1)
        });
        match width {
            Some(width) if wanted(bytes[index]) => {
                decoded.push_str(
                    std::str::from_utf8(&bytes[index..index + width]).unwrap_or_default(),
                );
                index += width;
            }
            _ => {
                decoded.push_str(&spelled[index * 3..index * 3 + 3]);
                index += 1;
            }
        }
    }
}

/// The bytes of the `%XX` sequences that follow each other at the start.
fn escape_run(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(3).map_while(escaped_byte).collect()
}

fn escaped_byte(escape: &[u8]) -> Option<u8> {
    let [b'%', high, low] = escape else {
        return None;
    };
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(high)? * 16 + digit(low)?)
}

/// RFC 3986 §5.2.4, on a decoded path.
fn remove_dot_segments(path: &str) -> String {
    if !path.contains("/.") {
        return path.to_owned();
    }
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        match *segment {
            "." if is_last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

/// A path with everything escaped that a path cannot hold (`PathString.ToUriComponent`): an escape
/// that is there already stays.
pub(crate) fn escape_path(path: &str) -> String {
    escape(path, is_path_character, EscapesThere::Stay)
}

/// The same with each percent sign escaped once more, as the reverse proxy does
/// (YARP, `RequestUtilities.EncodePath`).
pub(crate) fn escape_path_again(path: &str) -> String {
    escape(path, is_path_character, EscapesThere::Repeat)
}

/// What `UrlEncoder.Default` makes of a query's name or value.
pub(crate) fn escape_value(text: &str) -> String {
    escape(
        text,
        |c| c.is_ascii_alphanumeric() || "!$()*,-.;@_~".contains(c),
        EscapesThere::Repeat,
    )
}

/// What .NET's `Uri` makes of a path or a query: escapes of unreserved characters go, those of
/// UTF-8 are respelled, and a stray percent sign becomes `%25`.
pub(crate) fn canonical(text: &str) -> String {
    let unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || !byte.is_ascii();
    let decoded = decode(text, unreserved).unwrap_or_default();
    escape(
        &decoded,
        |c| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=".contains(c),
        EscapesThere::Stay,
    )
}

fn is_path_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/".contains(character)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EscapesThere {
    Stay,
    Repeat,
}

fn escape(text: &str, is_plain: impl Fn(char) -> bool, there: EscapesThere) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, character) in text.char_indices() {
        let stays = character == '%'
            && there == EscapesThere::Stay
            && text
                .as_bytes()
                .get(index..index + 3)
                .and_then(escaped_byte)
                .is_some();
        if stays || is_plain(character) {
            escaped.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(escaped, "%{byte:02X}").expect("a string takes every write");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(target: &str) -> Option<String> {
        Target::parse(target).map(|target| target.path)
    }

    #[test]
    fn a_path_is_decoded_once_and_keeps_an_escaped_slash() {
        for (target, expected) in [
            ("/a%20b%2Fc%3Fd%C3%A9", "/a b%2Fc?dé".to_owned()),
            ("/%zz/%4", "/%zz/%4".to_owned()),
            ("/%2541", "/%41".to_owned()),
            ("/%ff%41", "/%ffA".to_owned()),
            ("/a/../b/./%2e%2e/c", "/c".to_owned()),
            ("/api/..", "/".to_owned()),
            ("http://host/x?y", "/x".to_owned()),
            ("http://host?y", "/".to_owned()),
        ] {
            assert_eq!(path(target).as_ref(), Some(&expected), "{target}");
        }
        assert_eq!(path("/a%00"), None);
    }

    #[test]
    fn a_target_is_written_again_as_dotnet_does() {
        assert_eq!(
            canonical("?u=%c3%a9&z=%zz&t=%7e&s=a+b%20c&b=%5B%00"),
            "?u=%C3%A9&z=%25zz&t=~&s=a+b%20c&b=%5B%00"
        );
        assert_eq!(escape_path("/a b%2Fc?dé"), "/a%20b%2Fc%3Fd%C3%A9");
        assert_eq!(escape_path_again("/a b%2Fc?dé"), "/a%20b%252Fc%3Fd%C3%A9");
        assert_eq!(escape_value("1,2 /é%[]&;"), "1,2%20%2F%C3%A9%25%5B%5D%26;");
    }

    proptest::proptest! {
        #[test]
        fn every_target_is_taken_or_refused_and_written_again_without_a_panic(target in "[ -~]{0,60}") {
            let Some(parsed) = Target::parse(&target) else { return Ok(()) };

            let written = canonical(&(escape_path(&parsed.path) + &parsed.query));

            proptest::prop_assert!(written.is_ascii() && !written.contains(' '));
            proptest::prop_assert_eq!(canonical(&written), written);
        }
    }
}
