//! The authorities whose certificates are accepted, and the chain to them.
//!
//! They come from one PEM file. Only the caller's own certificate arrives with a request, so whatever
//! stands between it and a root has to be in the file. A certificate that bears its own issuer's name
//! is a root and is trusted; every other one is an intermediate, which counts only if it leads to a
//! root.

use std::fmt;
use std::time::Duration;

use rustls_pki_types::pem::{PemObject as _, SectionKind};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    Error, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, KeyUsage,
    RequiredEkuNotFoundContext, anchor_from_trusted_cert,
};

use super::super::denial::Denial;
use super::certificate::{Certificate, SIGNATURES, Validity};

/// Roots that are trusted, and what leads to them.
#[derive(Clone)]
pub(crate) struct Authorities {
    roots: Vec<Root>,
    intermediates: Vec<CertificateDer<'static>>,
    /// The dates of all of them.
    validities: Vec<Validity>,
}

#[derive(Clone)]
struct Root {
    anchor: TrustAnchor<'static>,
    validity: Validity,
}

/// Why a file is no list of authorities. Certificates are counted from 1.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAuthorities {
    #[error("holds no certificate in PEM form")]
    Empty,
    #[error("holds more than {MOST} certificates")]
    TooMany,
    #[error(
        "is damaged or holds something other than certificates; a private key never belongs here"
    )]
    OtherThings,
    #[error("certificate {0} is not an X.509 v3 certificate in DER")]
    Unreadable(usize),
    #[error(
        "certificate {0} is not an authority's: basicConstraints or keyUsage do not let it sign"
    )]
    NotAnAuthority(usize),
    #[error("certificate {0} has a key or a signature that is too weak")]
    Weak(usize),
    #[error("certificate {0} leads to no other in the file; add its issuer, up to the root")]
    Unconnected(usize),
    #[error("holds no root, which is a certificate that bears its own issuer's name")]
    NoRoot,
}

impl Authorities {
    /// Reads the contents of a PEM file.
    pub(super) fn read(pem: &[u8]) -> Result<Self, NoAuthorities> {
        let certificates = sections(pem)?;
        let mut authorities = Self {
            roots: Vec::new(),
            intermediates: Vec::new(),
            validities: Vec::new(),
        };
        let mut subjects = Vec::new();
        let mut issuers = Vec::new();
        for (number, der) in (1..).zip(&certificates) {
            let certificate =
                Certificate::read(der).map_err(|_| NoAuthorities::Unreadable(number))?;
            if !certificate.is_authority() {
                return Err(NoAuthorities::NotAnAuthority(number));
            }
            let is_root = certificate.is_self_issued();
            // A root is believed for its own sake; nobody verifies its signature.
            let strength = match is_root {
                true => certificate.check_key(),
                false => certificate.check_strength(),
            };
            strength.map_err(|_| NoAuthorities::Weak(number))?;
            if is_root {
                let anchor = anchor_from_trusted_cert(der);
                authorities.roots.push(Root {
                    anchor: anchor
                        .map_err(|_| NoAuthorities::Unreadable(number))?
                        .to_owned(),
                    validity: certificate.validity(),
                });
            } else {
                authorities.intermediates.push(der.clone());
                issuers.push((number, certificate.chained().issuer().to_vec()));
            }
            authorities.validities.push(certificate.validity());
            subjects.push(certificate.chained().subject().to_vec());
        }
        if let Some((number, _)) = issuers.iter().find(|(_, name)| !subjects.contains(name)) {
            return Err(NoAuthorities::Unconnected(*number));
        }
        if authorities.roots.is_empty() {
            return Err(NoAuthorities::NoRoot);
        }
        Ok(authorities)
    }

    /// Verifies that a certificate chains to a root (RFC 5280 §6.1), every link within its own dates.
    /// Tells the NumericDate up to which no date of an authority changes that.
    pub(super) fn verify(&self, leaf: &Certificate<'_>, now: u64) -> Result<u64, Denial> {
        let roots = self.roots.iter().filter(|root| root.validity.contains(now));
        let anchors: Vec<_> = roots.map(|root| root.anchor.clone()).collect();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let chained = leaf.chained();
        let path = chained.verify_for_usage(
            SIGNATURES,
            &anchors,
            &self.intermediates,
            time,
            ForClients,
            None,
            None,
        );
        path.map_err(|error| denial(&error))?;
        let ends = self.validities.iter().map(|validity| validity.end());
        Ok(ends.filter(|end| *end >= now).min().unwrap_or(now))
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorities")
            .field("roots", &self.roots.len())
            .field("intermediates", &self.intermediates.len())
            .finish()
    }
}

/// Each certificate in PEM text, which holds nothing else.
fn sections(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, NoAuthorities> {
    let mut certificates = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        match section {
            Ok((SectionKind::Certificate, der)) => certificates.push(CertificateDer::from(der)),
            Ok(_) | Err(_) => return Err(NoAuthorities::OtherThings),
        }
        if certificates.len() > MOST {
            return Err(NoAuthorities::TooMany);
        }
    }
    // The reader passes over sections of kinds that it does not know.
    let begun = pem.windows(BEGIN.len()).filter(|it| *it == BEGIN).count();
    if begun != certificates.len() {
        return Err(NoAuthorities::OtherThings);
    }
    if certificates.is_empty() {
        return Err(NoAuthorities::Empty);
    }
    Ok(certificates)
}

/// Every extended key usage on the way has to allow TLS clients, as far as it is there.
struct ForClients;

impl ExtendedKeyUsageValidator for ForClients {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut is_restricted = false;
        for purpose in purposes {
            is_restricted = true;
            if CLIENTS.contains(&purpose?) {
                return Ok(());
            }
        }
        match is_restricted {
            false => Ok(()),
            true => Err(Error::RequiredEkuNotFoundContext(
                RequiredEkuNotFoundContext {
                    required: KeyUsage::client_auth(),
                    present: Vec::new(),
                },
            )),
        }
    }
}

/// What a broken chain is called. The certificate's own dates and purposes were checked before.
fn denial(error: &Error) -> Denial {
    Denial::CertificateUntrusted(match error {
        Error::CaUsedAsEndEntity => {
            return Denial::CertificatePurpose("it is an authority's own certificate");
        }
        Error::UnknownIssuer => {
            "it is not pinned, and no listed authority that counts now has issued it"
        }
        Error::InvalidSignatureForPublicKey => {
            "it names a listed authority as its issuer, which has not signed it"
        }
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => {
            "an authority between it and the root is outside its own dates"
        }
        Error::RequiredEkuNotFoundContext(_) => {
            "an authority between it and the root may not issue certificates for clients"
        }
        Error::NameConstraintViolation => "an authority may not issue certificates for its names",
        Error::PathLenConstraintViolated => "there are more authorities in its chain than allowed",
        _ => "its chain breaks a rule of RFC 5280",
    })
}

/// id-kp-clientAuth and anyExtendedKeyUsage (RFC 5280 §4.2.1.12).
const CLIENTS: [KeyPurposeId<'static>; 2] = [
    KeyPurposeId::new(&[0x2b, 6, 1, 5, 5, 7, 3, 2]),
    KeyPurposeId::new(&[0x55, 0x1d, 0x25, 0]),
];

const BEGIN: &[u8] = b"-----BEGIN ";

/// How many certificates a file may hold.
const MOST: usize = 100;
