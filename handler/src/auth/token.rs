//! Takes a signed JWT apart: compact form (RFC 7515 §7.1) and header, strictly.
//!
//! There is one reading of a token or none. What a header may ask for and we do not honour is
//! refused rather than ignored: a key named or carried by the token itself, an unencoded payload,
//! compression, encryption, or whatever `crit` marks as indispensable (RFC 7515 §4.1.11).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memchr_iter;

use super::denial::Denial;
use super::json::{self, Value};

/// The segments of a token, as it writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compact<'t> {
    /// What the signature covers: header and payload with the dot between them.
    pub(super) signed: &'t str,
    pub(super) header: &'t str,
    payload: &'t str,
    signature: &'t str,
}

/// What a header says, once its rules are satisfied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header<'h> {
    /// The name of the key.
    pub(super) key_id: Cow<'h, str>,
}

impl<'t> Compact<'t> {
    /// Finds the three segments.
    ///
    /// # Errors
    ///
    /// [`Denial::Malformed`] unless there are exactly three and none is empty.
    pub(super) fn split(token: &'t str) -> Result<Self, Denial> {
        let mut dots = memchr_iter(b'.', token.as_bytes());
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(Denial::Malformed("it does not have three segments"));
        };
        let signed = &token[..second];
        let (header, payload) = (&signed[..first], &signed[first + 1..]);
        let signature = &token[second + 1..];
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(Denial::Malformed("one of its segments is empty"));
        }
        Ok(Self {
            signed,
            header,
            payload,
            signature,
        })
    }

    pub(super) fn header(&self) -> Result<Vec<u8>, Denial> {
        decode(self.header)
    }

    pub(super) fn payload(&self) -> Result<Vec<u8>, Denial> {
        decode(self.payload)
    }

    pub(super) fn signature(&self) -> Result<Vec<u8>, Denial> {
        decode(self.signature)
    }
}

impl<'h> Header<'h> {
    /// Reads a decoded header.
    ///
    /// # Errors
    ///
    /// [`Denial::Malformed`], [`Denial::Algorithm`], [`Denial::Header`] or
    /// [`Denial::MicrosoftGraph`].
    pub(super) fn read(text: &'h [u8]) -> Result<Self, Denial> {
        let members =
            json::object(text, MAX_DEPTH).map_err(|fault| Denial::Malformed(fault.describe()))?;
        let (mut algorithm, mut kind, mut key_id) = (None, None, None);
        for (name, value) in members {
            match &*name {
                "alg" => algorithm = Some(value),
                "typ" => kind = Some(value),
                "kid" => key_id = Some(value),
                // Graph's tokens carry a nonce here that is hashed before it is signed.
                "nonce" => return Err(Denial::MicrosoftGraph),
                "crit" | "b64" | "zip" | "enc" | "cty" | "jwk" | "jku" | "x5u" | "x5c" => {
                    return Err(Denial::Header(
                        "it asks for something that is not done here",
                    ));
                }
                _ => {}
            }
        }
        if algorithm != Some(Value::Text("RS256".into())) {
            return Err(Denial::Algorithm);
        }
        if kind != Some(Value::Text("JWT".into())) {
            return Err(Denial::Header("its `typ` is not `JWT`"));
        }
        match key_id {
            Some(Value::Text(key_id)) if is_key_id(&key_id) => Ok(Self { key_id }),
            _ => Err(Denial::Header("its `kid` is missing or malformed")),
        }
    }
}

/// Whether a text can be the name of a key: 1 to 128 visible ASCII characters.
pub(super) fn is_key_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Decodes base64url: no padding, no white space, and the bits left over are zero, so that no two
/// texts mean the same bytes (RFC 7515 §2, RFC 4648 §3.5).
pub(super) fn decode(segment: &str) -> Result<Vec<u8>, Denial> {
    URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|_| Denial::Malformed("one of its segments is not base64url"))
}

/// How deeply a header may be nested.
const MAX_DEPTH: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule<T>(result: Result<T, Denial>) -> &'static str {
        result.map_or_else(|denial| denial.rule(), |_| "accepted")
    }

    #[test]
    fn three_segments_are_needed_and_none_may_be_empty() {
        let compact = Compact::split("aa.bb.cc").expect("three segments");
        assert_eq!(
            (
                compact.signed,
                compact.header,
                compact.payload,
                compact.signature
            ),
            ("aa.bb", "aa", "bb", "cc")
        );

        for token in [
            "",
            "aa",
            "aa.bb",
            "aa.bb.",
            ".bb.cc",
            "aa..cc",
            "..",
            "aa.bb.cc.dd",
            "aa.bb.cc.",
            "a.b.c.d.e",
        ] {
            assert_eq!(rule(Compact::split(token)), "malformed_token", "{token}");
        }
    }

    #[test]
    fn base64url_has_one_spelling() {
        assert_eq!(decode("YQ").expect("base64url"), b"a");
        assert_eq!(decode("-_8").expect("base64url"), [0xfb, 0xff]);

        for other in ["YQ==", "YR", "Y", "Y Q", "YQ\n", "+/8", "YQ%3D", "Yä"] {
            assert_eq!(rule(decode(other)), "malformed_token", "{other}");
        }
    }

    #[test]
    fn a_header_like_entras_is_accepted() {
        let text = br#"{"typ":"JWT","alg":"RS256","x5t":"abc","kid":"abc"}"#;

        let header = Header::read(text).expect("a header");

        assert_eq!(header.key_id, "abc");
    }

    #[test]
    fn each_change_to_the_header_is_refused_by_its_own_rule() {
        for (text, expected) in [
            (r#"{"typ":"JWT","alg":"none","kid":"a"}"#, "algorithm"),
            (r#"{"typ":"JWT","alg":"None","kid":"a"}"#, "algorithm"),
            (r#"{"typ":"JWT","alg":"rs256","kid":"a"}"#, "algorithm"),
            (r#"{"typ":"JWT","alg":"HS256","kid":"a"}"#, "algorithm"),
            (r#"{"typ":"JWT","alg":"RS512","kid":"a"}"#, "algorithm"),
            (r#"{"typ":"JWT","alg":"PS256","kid":"a"}"#, "algorithm"),
            (r#"{"typ":"JWT","alg":["RS256"],"kid":"a"}"#, "algorithm"),
            (r#"{"typ":"JWT","alg":null,"kid":"a"}"#, "algorithm"),
            (r#"{"typ":"JWT","kid":"a"}"#, "algorithm"),
            (r#"{"alg":"RS256","kid":"a"}"#, "token_header"),
            (
                r#"{"typ":"at+jwt","alg":"RS256","kid":"a"}"#,
                "token_header",
            ),
            (r#"{"typ":"jwt","alg":"RS256","kid":"a"}"#, "token_header"),
            (r#"{"typ":"JWT","alg":"RS256"}"#, "token_header"),
            (r#"{"typ":"JWT","alg":"RS256","kid":""}"#, "token_header"),
            (r#"{"typ":"JWT","alg":"RS256","kid":7}"#, "token_header"),
            (r#"{"typ":"JWT","alg":"RS256","kid":"a b"}"#, "token_header"),
            (
                r#"{"typ":"JWT","alg":"RS256","kid":"\u0000"}"#,
                "token_header",
            ),
            (
                r#"{"typ":"JWT","alg":"RS256","kid":"a","kid":"a"}"#,
                "malformed_token",
            ),
            (
                r#"{"typ":"JWT","alg":"RS256","kid":"a","nonce":"a"}"#,
                "microsoft_graph",
            ),
            (r#"["typ","JWT"]"#, "malformed_token"),
            (
                r#"{"a":[[[[[[[[]]]]]]]],"typ":"JWT","alg":"RS256","kid":"a"}"#,
                "malformed_token",
            ),
        ] {
            assert_eq!(rule(Header::read(text.as_bytes())), expected, "{text}");
        }
    }

    #[test]
    fn a_header_that_asks_for_what_we_do_not_do_is_refused() {
        for name in [
            "crit", "b64", "zip", "enc", "cty", "jwk", "jku", "x5u", "x5c",
        ] {
            let text = format!(r#"{{"typ":"JWT","alg":"RS256","kid":"a","{name}":null}}"#);
            assert_eq!(
                rule(Header::read(text.as_bytes())),
                "token_header",
                "{name}"
            );
        }
    }

    #[test]
    fn a_key_id_has_at_most_128_characters() {
        let with = |length| {
            let key_id = "k".repeat(length);
            let text = format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{key_id}"}}"#);
            rule(Header::read(text.as_bytes()))
        };

        assert_eq!(with(128), "accepted");
        assert_eq!(with(129), "token_header");
    }

    proptest! {
        #[test]
        fn what_splits_joins_to_the_same_token(token in "[A-Za-z0-9._-]{0,40}") {
            if let Ok(compact) = Compact::split(&token) {
                let joined = [compact.header, compact.payload, compact.signature].join(".");
                prop_assert_eq!(joined, token);
            }
        }

        #[test]
        fn what_decodes_encodes_to_the_same_segment(segment in "[A-Za-z0-9_=+/ -]{0,12}") {
            if let Ok(bytes) = decode(&segment) {
                prop_assert_eq!(URL_SAFE_NO_PAD.encode(bytes), segment);
            }
        }

        #[test]
        fn no_header_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Header::read(&bytes).is_err());
        }
    }
}
