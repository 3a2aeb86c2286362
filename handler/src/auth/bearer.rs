//! Finds the bearer token of a request (RFC 6750 §2.1).
//!
//! The `Authorization` header is the only place that counts: a token in the query, the body or a
//! cookie is not looked at, and two headers are refused, since two readers could pick differently.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::denial::Denial;

/// The token of a request.
///
/// # Errors
///
/// [`Denial::MissingToken`], [`Denial::NotBearer`], [`Denial::SeveralCredentials`],
/// [`Denial::MalformedCredentials`] or [`Denial::TokenTooLong`].
pub(crate) fn token(headers: &HeaderMap, max_bytes: usize) -> Result<&str, Denial> {
    let mut credentials = headers.get_all(AUTHORIZATION).iter();
    let credential = credentials.next().ok_or(Denial::MissingToken)?;
    if credentials.next().is_some() {
        return Err(Denial::SeveralCredentials);
    }
    let text = credential.as_bytes();
    let end_of_scheme = text.iter().position(|byte| *byte == b' ');
    let (scheme, token) = text.split_at(end_of_scheme.unwrap_or(text.len()));
    // Scheme names ignore case (RFC 9110 §11.1); the token itself does not.
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(Denial::NotBearer);
    }
    let token = token.get(1..).unwrap_or_default();
    if token.len() > max_bytes {
        return Err(Denial::TokenTooLong);
    }
    match str::from_utf8(token) {
        Ok(text) if is_b64token(token) => Ok(text),
        _ => Err(Denial::MalformedCredentials),
    }
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750 §2.1).
fn is_b64token(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let unpadded = &text[..text.len() - padding];
    // Every byte is looked at: a token has a thousand, and a loop without a way out is quick.
    let known = unpadded.iter().fold(true, |known, byte| {
        known
            & (byte.is_ascii_alphanumeric()
                | matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/'))
    });
    !unpadded.is_empty() && known
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&[u8]]) -> Result<String, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                AUTHORIZATION,
                HeaderValue::from_bytes(value).expect("a value"),
            );
        }
        token(&headers, 16)
            .map(str::to_owned)
            .map_err(|denial| denial.rule())
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
            assert_eq!(
                read(&[format!("{scheme} a.b_c-d").as_bytes()]),
                Ok("a.b_c-d".to_owned())
            );
        }
    }

    #[test]
    fn every_other_form_is_refused_by_its_own_rule() {
        let rows: [(&[&[u8]], &str); 16] = [
            (&[], "missing_token"),
            (&[b"Bearer a", b"Bearer a"], "several_credentials"),
            (&[b"Bearer a", b"Basic a"], "several_credentials"),
            (&[b""], "not_bearer"),
            (&[b"a.b.c"], "not_bearer"),
            (&[b"Basic YQ=="], "not_bearer"),
            (&[b"Bearers a"], "not_bearer"),
            (&[b"Bearer\ta"], "not_bearer"),
            (&[b"Bearer"], "malformed_credentials"),
            (&[b"Bearer "], "malformed_credentials"),
            (&[b"Bearer  a"], "malformed_credentials"),
            (&[b"Bearer a b"], "malformed_credentials"),
            (&[b"Bearer a, Bearer b"], "malformed_credentials"),
            (&[b"Bearer =a"], "malformed_credentials"),
            (&[b"Bearer \xc3\xa4"], "malformed_credentials"),
            (&[b"Bearer 12345678901234567"], "token_too_long"),
        ];
        for (values, rule) in rows {
            assert_eq!(read(values), Err(rule), "{values:?}");
        }
    }

    #[test]
    fn a_token_of_exactly_the_greatest_length_is_read() {
        assert_eq!(
            read(&[b"Bearer 1234567890123456"]),
            Ok("1234567890123456".to_owned())
        );
    }
}
