//! Checks for `#[validate(custom(function = …))]`, stricter than those that `validator` has.
//!
//! `validator` 0.21 lets some things pass that a service must not act on: `url` accepts
//! `javascript:`, `file:` and the addresses of metadata services, `email` accepts `a@b` and
//! `a@[127.0.0.1]`, and `range` accepts NaN.
//!
//! ```
//! use stockade::input::checks;
//! use validator::Validate;
//!
//! #[derive(Validate)]
//! struct Subscription {
//!     #[validate(custom(function = checks::https_url))]
//!     callback: String,
//!     #[validate(custom(function = checks::email), length(max = 200))]
//!     contact: Option<String>,
//!     #[validate(custom(function = checks::finite))]
//!     ratio: f64,
//! }
//! ```

use url::{Host, Url};
use validator::ValidationError;

/// An `https` URL of a host with a public-looking name, without user name, password or port 0.
///
/// Refused are addresses in any notation, single-label names and the suffixes `localhost`,
/// `local`, `internal` and `home.arpa` (RFC 6761, RFC 6762, RFC 8375).
///
/// A name may still resolve to a private address: whoever calls the URL has to look at the address
/// that it connects to.
///
/// # Errors
///
/// Code `https_url`.
pub fn https_url(text: &str) -> Result<(), ValidationError> {
    // The parser drops tabs and line feeds and turns backslashes into slashes (WHATWG URL §4.4), so
    // what it accepts is not yet what others read.
    let odd =
        |character: char| character.is_control() || character.is_whitespace() || character == '\\';
    let sound = !text.contains(odd) && Url::parse(text).is_ok_and(|url| is_public_https(&url));
    require(sound, "https_url")
}

fn is_public_https(url: &Url) -> bool {
    let Some(Host::Domain(name)) = url.host() else {
        return false;
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let private = PRIVATE_SUFFIXES.iter().any(|suffix| {
        name.strip_suffix(suffix)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    url.scheme() == "https"
        && url.username().is_empty()
        && url.password().is_none()
        && url.port() != Some(0)
        && name.contains('.')
        && !private
}

/// A number that is neither infinite nor NaN.
///
/// JSON has no such numbers, but a computed field or another source may.
///
/// # Errors
///
/// Code `finite`.
pub fn finite<N: Copy + Into<f64>>(number: N) -> Result<(), ValidationError> {
    require(number.into().is_finite(), "finite")
}

/// A text on one line: no control characters, tab and line breaks included, nor any that reorder
/// the text around them.
///
/// The reader already refuses most of these; this adds tab, line feed and carriage return.
///
/// # Errors
///
/// Code `no_control`.
pub fn no_control(text: &str) -> Result<(), ValidationError> {
    let forbidden =
        |character: char| character.is_control() || super::text::is_forbidden(character);
    require(!text.contains(forbidden), "no_control")
}

/// An address such as `ada@example.com`: a dot-string (RFC 5321 §4.1.2) at a domain name of at
/// least two labels.
///
/// Quoted local parts, address literals, comments and international addresses are refused, though
/// RFC 5321 and RFC 6531 have them. That mail arrives there is for a message to find out.
///
/// # Errors
///
/// Code `email`.
pub fn email(text: &str) -> Result<(), ValidationError> {
    let sound = text.rsplit_once('@').is_some_and(|(local, domain)| {
        // RFC 5321 §4.5.3.1: 64 and 255 bytes, and 256 for the path with its brackets.
        text.len() <= 254 && local.len() <= 64 && is_dot_string(local) && is_domain(domain)
    });
    require(sound, "email")
}

fn is_dot_string(local: &str) -> bool {
    let atom_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(atom_byte))
}

/// RFC 1035 §2.3.1, and a last label that is no number.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    domain.len() <= 253
        && domain.split('.').all(is_label)
        && domain
            .rsplit_once('.')
            .is_some_and(|(_, last)| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

fn require(sound: bool, code: &'static str) -> Result<(), ValidationError> {
    if sound {
        Ok(())
    } else {
        Err(ValidationError::new(code))
    }
}

const PRIVATE_SUFFIXES: [&str; 4] = ["localhost", "local", "internal", "home.arpa"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_https_url_has_a_public_name_and_no_credentials() {
        for accepted in [
            "https://example.com",
            "https://example.com:8443/hook?a=b#c",
            "HTTPS://EXAMPLE.com/",
            "https://mylocal.example",
            "https://internal.example.com/",
        ] {
            assert!(https_url(accepted).is_ok(), "{accepted}");
        }
        for refused in [
            "",
            "example.com",
            "http://example.com",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:text/html,x",
            "https://",
            "https://169.254.169.254/metadata",
            "https://0xa9fea9fe/",
            "https://2852039166/",
            "https://127.1/",
            "https://[::1]/",
            "https://localhost/",
            "https://localhost./",
            "https://app.localhost/",
            "https://metadata.google.internal/",
            "https://printer.local",
            "https://intranet/",
            "https://user@example.com/",
            "https://user:word@example.com/",
            "https://example.com\\@evil.example/",
            "https://exam\tple.com/",
            "https://example.com/\n",
            " https://example.com",
            "https://example.com:0/",
        ] {
            assert!(https_url(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn an_email_address_is_a_dot_string_at_a_domain() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        for accepted in [
            "ada@example.com",
            "ada.lovelace+orders@mail.example.co",
            "a@b-c.example",
            "o'hara@example.com",
        ] {
            assert!(email(accepted).is_ok(), "{accepted}");
        }
        for refused in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "ada@example.com.",
            "ada@-example.com",
            "ada@exa_mple.com",
            ".ada@example.com",
            "ada..l@example.com",
            "ada l@example.com",
            "\"ada l\"@example.com",
            "ada@example.com\n",
            "ada@exämple.com",
            &long_local,
        ] {
            assert!(email(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn only_finite_numbers_pass() {
        assert!(finite(1.5_f64).is_ok());
        assert!(finite(-0.0_f32).is_ok());
        for refused in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(finite(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_text_on_one_line_has_no_control_characters() {
        assert!(no_control("Grüße, 世界").is_ok());
        for refused in ["a\tb", "a\nb", "a\0b", "a\u{7f}b", "a\u{85}b", "a\u{202e}b"] {
            assert!(no_control(refused).is_err(), "{refused:?}");
        }
    }
}
