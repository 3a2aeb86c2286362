//! A certificate with its private key, to prove by it who the app is.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::{ExposeSecret as _, SecretString};
use x509_cert::der::Decode as _;
use zeroize::Zeroizing;

use super::form::Form;

/// A certificate of the vault with its private key, for mutual TLS with others.
///
/// A Key Vault certificate has a secret of the same name, and only there is its private key; so it is
/// declared as a secret, and its identity needs the role Key Vault Secrets User. It is kept fresh like
/// every other secret: after the vault has renewed it, the next invocation takes the new one.
///
/// ```
/// use stockade::Error;
/// use stockade::secrets::{ClientCertificate, Secret};
///
/// stockade::secret! {
///     /// What the partner knows this app by.
///     pub PartnerCertificate: "partner" as ClientCertificate
/// }
///
/// async fn call_partner(certificate: Secret<PartnerCertificate>) -> Result<(), Error> {
///     let client = reqwest::Client::builder()
///         .identity(certificate.expose_secret().identity())
///         .build()?;
///     // …
/// #   drop(client);
///     Ok(())
/// }
/// ```
///
/// A version counts only if it is PEM with exactly one private key, in PKCS #8, and first the
/// certificate of that key, then those of its issuers; and if it has not expired. PKCS #12, which is the
/// default of Key Vault, is refused: let the certificate's policy say `application/x-pem-file`.
///
/// The key is wiped when the last user of this value drops it. What is made of it, such as a
/// [`reqwest::Identity`], has a copy that nobody wipes.
pub struct ClientCertificate {
    pem: SecretString,
    chain: Vec<CertificateDer<'static>>,
    key: Zeroizing<Vec<u8>>,
    expires: SystemTime,
}

impl ClientCertificate {
    /// As `reqwest` takes it.
    pub fn identity(&self) -> reqwest::Identity {
        reqwest::Identity::from_pem(self.pem.expose_secret().as_bytes())
            .expect("it was one when it was read")
    }

    /// The certificate and those of its issuers, as `rustls` takes them.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The private key in PKCS #8, as `rustls` takes it once it is cloned.
    pub fn expose_key(&self) -> PrivateKeyDer<'_> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.as_slice()))
    }

    /// The end of its time.
    pub fn expires(&self) -> SystemTime {
        self.expires
    }

    fn read(pem: SecretString, now: SystemTime) -> Result<Self, &'static str> {
        if is_pkcs12(pem.expose_secret()) {
            return Err(
                "it is PKCS #12: let the certificate's policy say the content type \
                 application/x-pem-file, and issue a new version",
            );
        }
        let (chain, key) = sections(pem.expose_secret().as_bytes())?;
        let leaf = chain.first().ok_or("it has no certificate")?;
        let leaf = x509_cert::Certificate::from_der(leaf);
        let leaf = leaf.map_err(|_| "its first certificate cannot be read")?;
        let leaf = leaf.tbs_certificate();
        let end = leaf.validity().not_after.to_unix_duration();
        // Both ends are included (RFC 5280 §4.1.2.5).
        let expires = UNIX_EPOCH + end + Duration::from_secs(1);
        if expires <= now {
            return Err("its certificate has expired");
        }
        let certified = leaf
            .subject_public_key_info()
            .subject_public_key
            .raw_bytes();
        let public = public_half(&key).ok_or("its private key is of a kind that is not known")?;
        if public != certified {
            return Err("its private key is not that of its first certificate");
        }
        if reqwest::Identity::from_pem(pem.expose_secret().as_bytes()).is_err() {
            return Err("no TLS client would take it");
        }
        Ok(Self {
            pem,
            chain,
            key,
            expires,
        })
    }
}

impl Form for ClientCertificate {
    type Kept = Self;

    fn read(text: SecretString) -> Result<Self, &'static str> {
        Self::read(text, SystemTime::now())
    }

    fn expose(kept: &Self) -> &Self {
        kept
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

/// The certificates of a PEM file, and its one private key.
type Sections = (Vec<CertificateDer<'static>>, Zeroizing<Vec<u8>>);

fn sections(pem: &[u8]) -> Result<Sections, &'static str> {
    let (mut chain, mut key) = (Vec::new(), None);
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        let (kind, der) = section.map_err(|_| "it is not PEM")?;
        match kind {
            SectionKind::Certificate => chain.push(CertificateDer::from(der)),
            SectionKind::PrivateKey => {
                if key.replace(Zeroizing::new(der)).is_some() {
                    return Err("it has more than one private key");
                }
            }
            SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                drop(Zeroizing::new(der));
                return Err("its private key is not in PKCS #8");
            }
            _ => return Err("it holds something other than a key and certificates"),
        }
        if chain.len() > MAX_CERTIFICATES {
            return Err("it has more certificates than a chain has");
        }
    }
    Ok((chain, key.ok_or("it has no private key")?))
}

/// PKCS #12 is a DER sequence that begins with the number 3 (RFC 7292 §4), and Key Vault writes it in
/// base64.
fn is_pkcs12(text: &str) -> bool {
    let beginning = text.trim_start().get(..16).unwrap_or_default();
    STANDARD.decode(beginning).is_ok_and(|der| {
        // The length of the sequence takes one to five bytes.
        let mut contents = (2..=6).filter_map(|at| der.get(at..));
        der.first() == Some(&0x30) && contents.any(|der| der.starts_with(&[2, 1, 3]))
    })
}

/// The public half of a private key, as a certificate holds it (RFC 5280 §4.1.2.7).
fn public_half(pkcs8: &[u8]) -> Option<Vec<u8>> {
    if let Ok(pair) = rsa::KeyPair::from_pkcs8(pkcs8) {
        return Some(pair.public_key().as_ref().to_vec());
    }
    let curves = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P521_SHA512_ASN1_SIGNING,
    ];
    let pair = curves
        .into_iter()
        .find_map(|curve| EcdsaKeyPair::from_pkcs8(curve, pkcs8).ok())?;
    Some(pair.public_key().as_ref().to_vec())
}

/// A leaf and its issuers; real chains have two to four.
const MAX_CERTIFICATES: usize = 10;

#[cfg(test)]
mod tests;
