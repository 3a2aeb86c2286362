//! Certificates: each with its key, and with both as a secret of the same name and version.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::key::{Key, Kty};
use super::object::{Object, Version};
use super::secret::Secret;

/// How the vault says that a secret is a key and a chain in PEM.
pub(super) const PEM: &str = "application/x-pem-file";

/// A version of a certificate to be made, by an authority of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewCertificate {
    /// The subject's common name.
    pub subject: String,
    /// The DNS names.
    pub names: Vec<String>,
    /// The kind of its key.
    pub kty: Kty,
}

impl Default for NewCertificate {
    fn default() -> Self {
        Self {
            subject: "devhost".to_owned(),
            names: Vec::new(),
            kty: Kty::Ec,
        }
    }
}

/// Why no certificate can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a DNS name is not one that a certificate can have")]
pub struct NotACertificate;

/// The certificate alone, in DER.
#[derive(Debug)]
pub(super) struct Certificate(Vec<u8>);

/// A certificate with what else a vault keeps of it.
pub(super) struct Made {
    pub(super) certificate: Certificate,
    pub(super) key: Key,
    pub(super) secret: Secret,
}

impl NewCertificate {
    /// Makes key, certificate and authority. With RSA that takes some tenths of a second.
    pub(super) fn make(&self) -> Result<Made, NotACertificate> {
        self.try_make().map_err(|_| NotACertificate)
    }

    fn try_make(&self) -> Result<Made, rcgen::Error> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let name = format!("authority of {}", self.subject);
        authority.distinguished_name.push(DnType::CommonName, name);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let key = Key::new(self.kty);
        let pair = KeyPair::try_from(&PrivatePkcs8KeyDer::from(key.pkcs8()))?;
        let mut params = CertificateParams::new(self.names.clone())?;
        params
            .distinguished_name
            .push(DnType::CommonName, self.subject.as_str());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let certificate = params.signed_by(&pair, &authority)?;
        let secret = Secret {
            value: [pair.serialize_pem(), certificate.pem(), authority.pem()].concat(),
            content_type: Some(PEM.to_owned()),
            managed: true,
            ..Secret::default()
        };
        Ok(Made {
            certificate: Certificate(certificate.der().to_vec()),
            key,
            secret,
        })
    }
}

impl Object<Certificate> {
    /// What "Get Certificate" answers.
    pub(super) fn bundle(&self, origin: &str, version: &Version<Certificate>) -> Value {
        let Certificate(der) = version.content();
        let (name, id) = (self.name(), version.id());
        let address = |of: &str| format!("{origin}/{of}/{name}/{id}");
        json!({
            "id": address("certificates"),
            "kid": address("keys"),
            "sid": address("secrets"),
            "x5t": URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, der)),
            "cer": STANDARD.encode(der),
            "attributes": version.told(),
            "policy": {
                "id": format!("{origin}/certificates/{name}/policy"),
                "secret_props": {"contentType": PEM},
            },
        })
    }
}
