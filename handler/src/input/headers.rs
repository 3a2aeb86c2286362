//! The headers of a request, into a type.
//!
//! Header names are lower case in every mode, so a member is usually renamed with
//! `#[serde(rename_all = "kebab-case")]`. Headers that the type does not know are the platform's and
//! the client's own business, and are let through; those that carry credentials are never read.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, header};

use super::fault::{Code, Fault};
use super::parameters::Parameters;
use super::percent::Part;
use super::traits::Input;
use crate::problem::{FieldError, ParameterSource};

/// Reads and validates the headers.
///
/// A header that came several times counts as one value, joined by commas (RFC 9110 §5.2), since
/// that is how forwarding and proxying deliver it.
///
/// # Errors
///
/// The first header that cannot be read, or all that break a rule.
pub(crate) fn read<T: Input>(headers: &HeaderMap) -> Result<T, Vec<FieldError>> {
    let values: Result<Vec<_>, Fault> = headers
        .keys()
        .filter(|name| !CREDENTIALS.contains(name))
        .map(|name| Ok((name.as_str(), joined(headers, name)?)))
        .collect();
    let values =
        values.map_err(|fault| vec![fault.into_parameter_error(ParameterSource::Header)])?;
    let all = values
        .iter()
        .map(|(name, value)| (Cow::Borrowed(*name), &**value));
    Parameters {
        part: Part::Header,
        all: all.collect(),
        separator: ',',
        ignored: |_| true,
        check: |_| Ok(()),
    }
    .read(ParameterSource::Header)
}

fn joined<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Cow<'h, str>, Fault> {
    let mut values = headers.get_all(name).iter().map(|value| {
        let text = std::str::from_utf8(value.as_bytes());
        text.map_err(|_| Fault::new(Code::InvalidUtf8))
    });
    let mut joined = Cow::Borrowed(values.next().transpose()?.unwrap_or_default());
    for value in values {
        let joined = joined.to_mut();
        joined.push_str(", ");
        joined.push_str(value?);
    }
    Ok(joined)
}

/// What no function has to see: the pipeline has dealt with it.
const CREDENTIALS: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use validator::Validate;

    use super::*;

    #[derive(Debug, Deserialize, Validate, JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    struct Wanted {
        #[validate(range(max = 9))]
        x_page: u8,
        x_note: Option<String>,
        authorization: Option<String>,
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_header_is_read_into_its_type_and_the_rest_is_let_through() {
        let sent = headers(&[("x-page", "7"), ("x-note", "a%20b"), ("accept", "*/*")]);

        let wanted: Wanted = read(&sent).unwrap();

        assert_eq!(
            (wanted.x_page, wanted.x_note.as_deref()),
            (7, Some("a%20b"))
        );
    }

    #[test]
    fn a_header_that_breaks_its_rules_is_named() {
        for (value, code) in [("10", "range"), ("seven", "type")] {
            let errors = read::<Wanted>(&headers(&[("x-page", value)])).unwrap_err();

            assert_eq!(errors[0].code(), code, "{errors:?}");
        }
        assert_eq!(
            read::<Wanted>(&headers(&[])).unwrap_err()[0].code(),
            "missing_parameter"
        );
    }

    #[test]
    fn repeated_headers_are_one_value_and_credentials_are_none() {
        let sent = headers(&[
            ("x-page", "1"),
            ("x-note", "a"),
            ("x-note", "b"),
            ("authorization", "Bearer x"),
        ]);

        let wanted: Wanted = read(&sent).unwrap();

        assert_eq!(wanted.x_note.as_deref(), Some("a, b"));
        assert_eq!(wanted.authorization, None);
    }
}
