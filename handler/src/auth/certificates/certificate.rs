//! One certificate: what it says of itself, and what that has to be.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519,
    ParsedPublicKey, VerificationAlgorithm,
};
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, SignatureVerificationAlgorithm, alg_id,
};
use webpki::{EndEntityCert, aws_lc_rs as algorithms};
use x509_cert::TbsCertificate;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode as _, Encode as _, Reader as _, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

use super::super::denial::Denial;
use super::super::keys::Key;

/// A certificate that two parsers understand: one for the facts, and the one that builds the chain,
/// which also knows every critical extension (RFC 5280 §4.2).
pub(super) struct Certificate<'a> {
    chained: EndEntityCert<'a>,
    parsed: x509_cert::Certificate,
    validity: Validity,
}

/// From when to when a certificate counts, both ends included (RFC 5280 §4.1.2.5), as NumericDates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    start: u64,
    end: u64,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate.
    ///
    /// # Errors
    ///
    /// [`Denial::CertificateMalformed`].
    pub(super) fn read(der: &'a CertificateDer<'a>) -> Result<Self, Denial> {
        let chained = EndEntityCert::try_from(der).map_err(|error| match error {
            webpki::Error::UnsupportedCriticalExtension => {
                Denial::CertificateMalformed("it has a critical extension that is not known here")
            }
            webpki::Error::UnsupportedCertVersion => {
                Denial::CertificateMalformed("it is not an X.509 v3 certificate")
            }
            _ => UNREADABLE,
        })?;
        let parsed = x509_cert::Certificate::from_der(der).map_err(|_| UNREADABLE)?;
        let dates = parsed.tbs_certificate().validity();
        let validity = Validity {
            start: dates.not_before.to_unix_duration().as_secs(),
            end: dates.not_after.to_unix_duration().as_secs(),
        };
        Ok(Self {
            chained,
            parsed,
            validity,
        })
    }

    /// Checks what does not depend on who issued it.
    ///
    /// # Errors
    ///
    /// [`Denial`] names the rule that failed.
    pub(super) fn check(&self, now: u64) -> Result<(), Denial> {
        self.validity.check(now)?;
        self.check_purpose()?;
        self.check_strength()
    }

    pub(super) fn validity(&self) -> Validity {
        self.validity
    }

    /// The certificate as the end of a chain.
    pub(super) fn chained(&self) -> &EndEntityCert<'a> {
        &self.chained
    }

    /// Whether the issuer has the subject's name, as that of a root has.
    pub(super) fn is_self_issued(&self) -> bool {
        self.chained.issuer() == self.chained.subject()
    }

    /// Whether it may prove the identity of a TLS client. An extension that is absent restricts
    /// nothing (RFC 5280 §4.2.1.3, §4.2.1.12); a TLS client signs (RFC 8446 §4.4.2.2).
    fn check_purpose(&self) -> Result<(), Denial> {
        let usage = self.facts().get_extension::<KeyUsage>();
        if let Some((_, usage)) = usage.map_err(|_| UNREADABLE)?
            && !usage.digital_signature()
        {
            return Err(Denial::CertificatePurpose(
                "its key usage leaves out digitalSignature",
            ));
        }
        let purposes = self.facts().get_extension::<ExtendedKeyUsage>();
        if let Some((_, ExtendedKeyUsage(purposes))) = purposes.map_err(|_| UNREADABLE)?
            && !purposes.iter().any(|purpose| CLIENTS.contains(purpose))
        {
            return Err(Denial::CertificatePurpose(
                "its extended key usage leaves out clientAuth",
            ));
        }
        Ok(())
    }

    /// Whether its signature and its key are of today's kinds.
    pub(super) fn check_strength(&self) -> Result<(), Denial> {
        let signature = contents(self.parsed.signature_algorithm());
        let is_signed_well = SIGNATURES
            .iter()
            .any(|accepted| accepted.signature_alg_id().as_ref() == signature);
        if !is_signed_well {
            return Err(Denial::CertificateAlgorithm(
                "its signature is of no kind that is accepted; SHA-1 is not",
            ));
        }
        self.check_key()
    }

    /// RSA with 2048 to 8192 bits and the exponent 65537, a point on P-256, P-384 or P-521, or
    /// Ed25519.
    pub(super) fn check_key(&self) -> Result<(), Denial> {
        let key = self.facts().subject_public_key_info();
        let bytes = key.subject_public_key.raw_bytes();
        let kind = contents(&key.algorithm);
        let is_strong = if kind == alg_id::RSA_ENCRYPTION.as_ref() {
            is_strong_rsa(bytes)
        } else {
            CURVES.iter().any(|(id, algorithm)| {
                kind == id.as_ref() && ParsedPublicKey::new(*algorithm, bytes).is_ok()
            })
        };
        if is_strong {
            Ok(())
        } else {
            Err(Denial::CertificateAlgorithm(
                "its key is not RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519",
            ))
        }
    }

    /// Whether it is an authority's that may sign certificates (RFC 5280 §4.2.1.3, §4.2.1.9).
    pub(super) fn is_authority(&self) -> bool {
        let constraints = self.facts().get_extension::<BasicConstraints>();
        let usage = self.facts().get_extension::<KeyUsage>();
        let is_ca = matches!(constraints, Ok(Some((_, constraints))) if constraints.ca);
        let may_sign = match usage {
            Ok(usage) => usage.is_none_or(|(_, usage)| usage.key_cert_sign()),
            Err(_) => false,
        };
        is_ca && may_sign
    }

    fn facts(&self) -> &TbsCertificate {
        self.parsed.tbs_certificate()
    }
}

impl Validity {
    pub(super) fn end(self) -> u64 {
        self.end
    }

    pub(super) fn contains(self, now: u64) -> bool {
        self.check(now).is_ok()
    }

    fn check(self, now: u64) -> Result<(), Denial> {
        if now < self.start {
            Err(Denial::CertificateNotYetValid)
        } else if now > self.end {
            Err(Denial::CertificateExpired)
        } else {
            Ok(())
        }
    }
}

/// What stands in the SEQUENCE of an algorithm identifier.
fn contents(algorithm: &x509_cert::spki::AlgorithmIdentifierOwned) -> Vec<u8> {
    let contents = || -> x509_cert::der::Result<Vec<u8>> {
        let der = algorithm.to_der()?;
        Ok(AnyRef::from_der(&der)?.value().to_vec())
    };
    // What cannot be written again is nothing that is accepted.
    contents().unwrap_or_default()
}

/// Whether these bytes are an RSA public key (RFC 8017 §A.1.1) that counts for tokens, too.
fn is_strong_rsa(bytes: &[u8]) -> bool {
    let read = || -> x509_cert::der::Result<bool> {
        let mut reader = SliceReader::new(bytes)?;
        let is_strong = reader.sequence(|reader| {
            let modulus = UintRef::decode(reader)?;
            let exponent = UintRef::decode(reader)?;
            Ok::<_, x509_cert::der::Error>(
                Key::new(modulus.as_bytes(), exponent.as_bytes()).is_some(),
            )
        })?;
        reader.finish()?;
        Ok(is_strong)
    };
    read().unwrap_or(false)
}

const UNREADABLE: Denial = Denial::CertificateMalformed("it is not the DER of a certificate");

/// id-kp-clientAuth and anyExtendedKeyUsage (RFC 5280 §4.2.1.12).
const CLIENTS: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
];

/// The signatures on certificates that count.
pub(super) const SIGNATURES: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::ECDSA_P521_SHA256,
    algorithms::ECDSA_P521_SHA384,
    algorithms::ECDSA_P521_SHA512,
    algorithms::ED25519,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// The keys that count beside RSA, and what can tell that one is sound.
const CURVES: [(AlgorithmIdentifier, &dyn VerificationAlgorithm); 4] = [
    (alg_id::ECDSA_P256, &ECDSA_P256_SHA256_ASN1),
    (alg_id::ECDSA_P384, &ECDSA_P384_SHA384_ASN1),
    (alg_id::ECDSA_P521, &ECDSA_P521_SHA512_ASN1),
    (alg_id::ED25519, &ED25519),
];
