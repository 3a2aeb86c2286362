//! The header in which App Service hands a client certificate on.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls_pki_types::CertificateDer;

use super::super::denial::Denial;

/// What came in `X-ARR-ClientCert`. Only authentication can look into it.
pub(crate) struct ClientCertificateHeader(Box<Sent>);

enum Sent {
    Once(HeaderValue),
    /// A client's own beside the front end's, or two of a client's: nobody can tell which counts.
    Several,
}

impl ClientCertificateHeader {
    /// The header among those of a request, if it came.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(NAME).iter();
        let first = values.next()?.clone();
        let sent = match values.next() {
            None => Sent::Once(first),
            Some(_) => Sent::Several,
        };
        Some(Self(Box::new(sent)))
    }

    /// The one value, if it is not too long.
    pub(super) fn value(&self) -> Result<&[u8], Denial> {
        let malformed = Denial::CertificateMalformed;
        match &*self.0 {
            Sent::Several => Err(malformed("X-ARR-ClientCert came more than once")),
            Sent::Once(value) if value.len() > MAX_BYTES => {
                Err(malformed("X-ARR-ClientCert is longer than 16 KiB"))
            }
            Sent::Once(value) => Ok(value.as_bytes()),
        }
    }
}

impl fmt::Debug for ClientCertificateHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a client certificate")
    }
}

/// The DER of a header's value: base64 in its one spelling, bare or in PEM armour on the same line.
/// Microsoft's samples for Node.js and Python expect it bare, the one for Java takes both.
pub(super) fn decode(value: &[u8]) -> Result<CertificateDer<'static>, Denial> {
    let base64 = match value.strip_prefix(BEGIN) {
        Some(rest) => rest
            .strip_suffix(END)
            .ok_or(Denial::CertificateMalformed(
                "the PEM armour in X-ARR-ClientCert has no end",
            ))?
            .trim_ascii(),
        None => value,
    };
    match STANDARD.decode(base64) {
        Ok(der) => Ok(der.into()),
        Err(_) if base64.contains(&b'%') => Err(Denial::CertificateMalformed(
            "X-ARR-ClientCert is URL-encoded, which App Service does not send",
        )),
        Err(_) => Err(Denial::CertificateMalformed(
            "X-ARR-ClientCert is not base64",
        )),
    }
}

const NAME: HeaderName = HeaderName::from_static("x-arr-clientcert");

/// A certificate has one to three KiB; a front end takes no more headers than this in all.
const MAX_BYTES: usize = 16 * 1024;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(values: &[&str]) -> Option<ClientCertificateHeader> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, value.parse().expect("a value"));
        }
        ClientCertificateHeader::of(&headers)
    }

    #[test]
    fn one_value_counts_and_several_do_not_even_if_they_are_the_same() {
        assert!(sent(&[]).is_none());
        assert_eq!(
            sent(&["AAAA"]).expect("it came").value().ok(),
            Some(&b"AAAA"[..])
        );
        assert!(sent(&["AAAA", "AAAA"]).expect("it came").value().is_err());
    }

    #[test]
    fn sixteen_kibibytes_are_looked_at_and_no_more() {
        let longest = "A".repeat(16 * 1024);

        assert!(sent(&[&longest]).expect("it came").value().is_ok());
        assert!(sent(&[&(longest + "A")]).expect("it came").value().is_err());
    }

    #[test]
    fn base64_is_read_bare_and_in_armour_and_has_one_spelling() {
        for good in [
            "AAEC",
            "-----BEGIN CERTIFICATE-----AAEC-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE----- AAEC -----END CERTIFICATE-----",
        ] {
            assert_eq!(
                decode(good.as_bytes()).ok(),
                Some(vec![0, 1, 2].into()),
                "{good}"
            );
        }
        for bad in [
            "AAE",
            "AAECAA",
            "AAECAB==",
            "AAEC,AAEC",
            "AA EC",
            "AAE%43",
            "AA-_",
            "-----BEGIN CERTIFICATE-----AAEC",
            "AAEC-----END CERTIFICATE-----",
            "-----BEGIN TRUSTED CERTIFICATE-----AAEC-----END TRUSTED CERTIFICATE-----",
        ] {
            assert!(decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        let header = sent(&["AAEC"]).expect("it came");

        assert_eq!(format!("{header:?}"), "a client certificate");
    }
}
