//! TLS for the stand-ins that clients refuse to speak to without it.
//!
//! The authority is made at each start and signs one certificate. Its key is gone once that is done,
//! the certificate's key never leaves the process, and the authority's own certificate says that it
//! vouches for names below `localhost` alone: whoever trusts it trusts nothing else.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// Where systems keep their roots in one file: Debian, Fedora, SUSE, Alpine and macOS.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A certificate for some names, and the authority that vouches for it.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    /// The authority's certificate.
    pub(crate) authority: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// Makes keys and certificates for these names, which are `localhost` or below it.
    pub(crate) fn make(names: &[&str]) -> Self {
        let made = Self::try_make(names);
        made.expect("names below localhost are all that goes into a certificate")
    }

    fn try_make(names: &[&str]) -> Result<Self, rcgen::Error> {
        let authority = CertifiedIssuer::self_signed(authority(), KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = leaf(names)?.signed_by(&key, &authority)?;
        Ok(Self {
            acceptor: acceptor(certificate.der().clone(), &key),
            authority: authority.pem(),
        })
    }
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("devhost authority, good for localhost only");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("localhost".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    params
}

fn leaf(names: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = named("devhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .expect("the key is the certificate's");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// The authority's certificate and all that a client trusted before: the file that it was told of, or
/// else the system's. `SSL_CERT_FILE` replaces a client's roots, so without them it could not reach
/// anything else.
pub(crate) fn with_roots(authority: &str, told: Option<&str>) -> String {
    let files = told.into_iter().chain(SYSTEM_ROOTS);
    let before = files
        .map(Path::new)
        .find_map(|file| fs::read_to_string(file).ok())
        .unwrap_or_default();
    format!("{}\n{authority}", before.trim_end())
        .trim_start()
        .to_owned()
}
