//! The content type of a text body: ASP.NET always adds or replaces its charset.

/// What the trigger's own answers have.
pub(super) const JSON: &str = "application/json; charset=utf-8";

const DEFAULT: &str = "text/plain";

/// A header of this type.
pub(super) fn header(content_type: &str) -> (String, String) {
    ("Content-Type".to_owned(), content_type.to_owned())
}

/// The type with the charset that is used, and the text in it: UTF-16 when the type asks for it,
/// else UTF-8, whatever it asks for.
pub(super) fn encode(content_type: Option<&str>, text: &str) -> (String, Vec<u8>) {
    let content_type = content_type.unwrap_or(DEFAULT);
    let Some((start, end)) = charset(content_type) else {
        return (
            format!("{content_type}; charset=utf-8"),
            text.as_bytes().to_vec(),
        );
    };
    let declared = &content_type[start..end];
    if declared.eq_ignore_ascii_case("utf-16") {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        return (content_type.to_owned(), units.collect());
    }
    let content_type = if declared.eq_ignore_ascii_case("utf-8") {
        content_type.to_owned()
    } else {
        format!("{}utf-8{}", &content_type[..start], &content_type[end..])
    };
    (content_type, text.as_bytes().to_vec())
}

/// Where the charset's value stands, without quotes.
fn charset(content_type: &str) -> Option<(usize, usize)> {
    let mut at = content_type.find(';')?;
    for parameter in content_type[at..].split_inclusive(';') {
        let start = at;
        at += parameter.len();
        let parameter = parameter.trim_end_matches(';');
        let Some((name, value)) = parameter.split_once('=') else {
            continue;
        };
        if name.trim().eq_ignore_ascii_case("charset") {
            let unquoted = value.trim_matches([' ', '\t', '"']);
            let blanks = value.len() - value.trim_start_matches([' ', '\t', '"']).len();
            let start = start + name.len() + 1 + blanks;
            return Some((start, start + unquoted.len()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charset_is_added_or_replaced() {
        let cases = [
            (None, "text/plain; charset=utf-8"),
            (Some("application/json"), "application/json; charset=utf-8"),
            (
                Some("application/json; charset=us-ascii"),
                "application/json; charset=utf-8",
            ),
            (Some("a/b;charset=x; q=1"), "a/b;charset=utf-8; q=1"),
            (
                Some("a/b; q=1; Charset=\"x\""),
                "a/b; q=1; Charset=\"utf-8\"",
            ),
            (Some("a/b; charset=UTF-8"), "a/b; charset=UTF-8"),
            (Some("a/b;"), "a/b;; charset=utf-8"),
        ];
        for (given, sent) in cases {
            assert_eq!(
                encode(given, "é"),
                (sent.to_owned(), "é".as_bytes().to_vec()),
                "{given:?}"
            );
        }
    }

    #[test]
    fn utf_16_is_kept_and_used() {
        let (content_type, body) = encode(Some("text/plain; charset=utf-16"), "a");

        assert_eq!(content_type, "text/plain; charset=utf-16");
        assert_eq!(body, [b'a', 0]);
    }
}
