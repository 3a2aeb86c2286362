//! Whether a body is JSON as it stands.

/// Why a body is not read. Both are 415 (RFC 9110 §15.5.16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsupported {
    /// Not `application/json` or a type that ends in `+json`, in UTF-8.
    #[error("the content type is not JSON in UTF-8")]
    MediaType,
    /// Compressed: its size would not be the size that was limited.
    #[error("the body has a content encoding")]
    Encoding,
}

/// Accepts `application/json` and `application/*+json` (RFC 6839 §3.1) with no parameter but
/// `charset=utf-8`, and no content encoding but `identity`.
///
/// The values are the headers', `None` if there is none. A body without a content type is refused:
/// a browser sends one cross-site without asking first only under types other than JSON.
///
/// # Errors
///
/// [`Unsupported`] names the header.
pub(crate) fn require_json(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
) -> Result<(), Unsupported> {
    if !content_type.is_some_and(is_json) {
        return Err(Unsupported::MediaType);
    }
    match content_encoding.map(str::trim) {
        None => Ok(()),
        Some(encoding) if encoding.eq_ignore_ascii_case("identity") => Ok(()),
        Some(_) => Err(Unsupported::Encoding),
    }
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type
        .split(';')
        .map(|part| part.trim_matches([' ', '\t']));
    let media_type = parts.next().unwrap_or_default();
    is_json_type(media_type) && is_charset(parts.next()) && parts.next().is_none()
}

fn is_json_type(media_type: &str) -> bool {
    let Some((kind, subtype)) = media_type.split_once('/') else {
        return false;
    };
    // RFC 6838 §4.2
    let name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    let subtype = subtype.to_ascii_lowercase();
    kind.eq_ignore_ascii_case("application")
        && (subtype == "json"
            || subtype
                .strip_suffix("+json")
                .is_some_and(|rest| !rest.is_empty()))
        && subtype.bytes().all(name_byte)
}

/// JSON between systems is UTF-8 (RFC 8259 §8.1), so saying so is all that can be said.
fn is_charset(parameter: Option<&str>) -> bool {
    let Some((name, value)) = parameter.and_then(|parameter| parameter.split_once('=')) else {
        return parameter.is_none();
    };
    let value = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value);
    name.eq_ignore_ascii_case("charset") && value.eq_ignore_ascii_case("utf-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_types_in_utf_8_are_accepted() {
        for accepted in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/cloudevents+json",
            "application/vnd.orders.v1+json ; charset=utf-8",
        ] {
            assert_eq!(require_json(Some(accepted), None), Ok(()), "{accepted}");
        }
    }

    #[test]
    fn other_types_are_refused() {
        for refused in [
            "",
            "json",
            "text/json",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "application/+json",
            "application/a/b+json",
            "application/json, text/plain",
            "application/json; charset=utf-16",
            "application/json; charset",
            "application/json; charset=utf-8; x=y",
            "application/json;",
            "application/xml; a=+json",
        ] {
            let refusal = require_json(Some(refused), None);
            assert_eq!(refusal, Err(Unsupported::MediaType), "{refused}");
        }
        assert_eq!(require_json(None, None), Err(Unsupported::MediaType));
    }

    #[test]
    fn only_the_identity_encoding_is_accepted() {
        let json = Some("application/json");

        assert_eq!(require_json(json, Some("identity")), Ok(()));
        for refused in ["gzip", "br", "identity, gzip", ""] {
            let refusal = require_json(json, Some(refused));
            assert_eq!(refusal, Err(Unsupported::Encoding), "{refused}");
        }
    }
}
