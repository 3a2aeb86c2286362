//! The names of containers and blobs. They become a path and a part of what is signed, so nothing
//! gets in that two readers could take for two things.

use std::fmt;

use crate::input::is_forbidden;

/// The name of a container: 3 to 63 lower-case letters, digits and single hyphens between them
/// (Microsoft Learn, "Naming and referencing containers, blobs, and metadata").
///
/// The service's own containers, such as `$web`, are none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContainerName(String);

/// The name of a blob: one or more segments with `/` between them, 1024 characters at most.
///
/// Stricter than the service: no segment is empty, is `.` or `..` or ends with a dot or a space, and
/// no backslash, control character or character that reorders text is anywhere. On the way, one
/// program or another turns such names into others. All other characters are fine, and are escaped
/// where they have to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlobName(String);

/// A text that is no name of a container or a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name for it: {0}")]
pub struct NotAName(&'static str);

impl ContainerName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`NotAName`] says what is wrong with it.
    pub fn new(name: impl Into<String>) -> Result<Self, NotAName> {
        let name = name.into();
        if !(3..=63).contains(&name.len()) {
            return Err(NotAName("a container has 3 to 63 characters"));
        }
        let well_formed = |part: &str| {
            let mut bytes = part.bytes();
            !part.is_empty() && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
        };
        if !name.split('-').all(well_formed) {
            return Err(NotAName(
                "a container has lower-case letters, digits and single hyphens between them",
            ));
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl BlobName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`NotAName`] says what is wrong with it.
    pub fn new(name: impl Into<String>) -> Result<Self, NotAName> {
        let name = name.into();
        if name.chars().count() > MOST_CHARACTERS {
            return Err(NotAName("a blob has 1024 characters at most"));
        }
        let forbidden = |character: char| {
            character == '\\' || character.is_control() || is_forbidden(character)
        };
        if name.contains(forbidden) {
            return Err(NotAName(
                "a blob has no backslashes, control characters or characters that reorder text",
            ));
        }
        if name.split('/').any(str::is_empty) {
            return Err(NotAName(
                "no segment is empty, and no slash stands at an end",
            ));
        }
        // `.` and `..` end with a dot, too. The service drops dots at the end of a segment.
        if name.split('/').any(|segment| segment.ends_with(['.', ' '])) {
            return Err(NotAName("no segment ends with a dot or a space"));
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a path: each segment escaped, the slashes as they are.
    pub(super) fn to_path(&self) -> String {
        let segments: Vec<_> = self.0.split('/').map(escaped).collect();
        segments.join("/")
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const MOST_CHARACTERS: usize = 1024;

/// The text with everything escaped but what never needs it (RFC 3986 §2.3).
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => {
                escaped.push('%');
                escaped.push(char::from(HEX[usize::from(byte >> 4)]));
                escaped.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    escaped
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::Url;

    use super::*;

    #[test]
    fn a_container_is_named_as_the_service_has_it() {
        let longest = "c".repeat(63);
        for right in ["abc", "a-1", "123", "order-documents-2", &longest] {
            assert!(ContainerName::new(right).is_ok(), "{right}");
        }
        let longer = "c".repeat(64);
        for wrong in [
            "",
            "ab",
            &longer,
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            "a--b",
            "a/b",
            "a.b",
            "..",
            "...",
            "$web",
            "$root",
            "$logs",
            "über",
            "a b",
            "a\nb",
            "a%2fb",
            "abc/../def",
        ] {
            assert!(ContainerName::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_blob_stays_in_its_container_whatever_it_is_called() {
        let longest = "ü".repeat(1024);
        for right in [
            "a",
            "a/b/c.txt",
            ".hidden",
            "a..b",
            "...a",
            "ü/ж/漢",
            "a b",
            "a?b#c",
            "a%2e%2e/b",
            "%2F",
            "a+b&c=d",
            "~",
            ":",
            "a:b",
            &longest,
        ] {
            assert!(BlobName::new(right).is_ok(), "{right}");
        }
        let longer = "ü".repeat(1025);
        for wrong in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/..",
            "a/./b",
            "a.",
            "a./b",
            "a ",
            "a /b",
            "...",
            "a\\b",
            "..\\a",
            "a\0",
            "a\nb",
            "a\r\nb",
            "a\tb",
            "a\u{7f}",
            "a\u{85}b",
            "a\u{202e}b",
            "a\u{2066}b",
            &longer,
        ] {
            assert!(BlobName::new(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_path_has_its_slashes_and_no_other_meaning() {
        let blob = BlobName::new("a b/ü+%2F?#;~.txt").expect("a name");

        assert_eq!(blob.to_path(), "a%20b/%C3%BC%2B%252F%3F%23%3B~.txt");
    }

    proptest! {
        #[test]
        fn a_url_parser_finds_the_name_again_and_nothing_beside_it(name in "\\PC{1,40}") {
            let Ok(blob) = BlobName::new(name.clone()) else {
                return Ok(());
            };

            let url: Url = format!("https://a.example/box/{}", blob.to_path()).parse().unwrap();

            prop_assert_eq!((url.query(), url.fragment()), (None, None));
            let segments = url.path_segments().unwrap();
            prop_assert_eq!(segments.clone().count(), 1 + name.split('/').count());
            prop_assert_eq!(segments.clone().next(), Some("box"));
            let read = segments.skip(1).map(|segment| {
                let pair = format!("segment={segment}");
                let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
                pairs.next().unwrap().1.into_owned()
            });
            prop_assert_eq!(read.collect::<Vec<_>>().join("/"), name);
        }
    }
}
