//! Certificates for tests, made at run time. They are good until a test changes something.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData, SignatureAlgorithm,
    date_time_ymd,
};

pub(super) type Issuer = CertifiedIssuer<'static, KeyPair>;

/// What a good client certificate says at the time of the test clock.
pub(in crate::auth) fn client() -> CertificateParams {
    let mut params = named("client");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// What a good authority's certificate says.
pub(super) fn authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub(super) fn root(name: &str) -> Issuer {
    root_of(authority(name))
}

pub(super) fn root_of(params: CertificateParams) -> Issuer {
    CertifiedIssuer::self_signed(params, key()).expect("a root")
}

pub(super) fn intermediate(name: &str, issuer: &Issuer) -> Issuer {
    intermediate_of(authority(name), issuer)
}

pub(super) fn intermediate_of(params: CertificateParams, issuer: &Issuer) -> Issuer {
    CertifiedIssuer::signed_by(params, key(), issuer).expect("an intermediate")
}

/// The certificate that `issuer` gives to a client.
pub(super) fn issued(params: &CertificateParams, issuer: &Issuer) -> Certificate {
    params.signed_by(&key(), issuer).expect("a certificate")
}

/// A client's certificate that no authority issued.
pub(in crate::auth) fn self_signed(params: &CertificateParams) -> Certificate {
    params.self_signed(&key()).expect("a certificate")
}

pub(super) fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params.not_before = date_time_ymd(2025, 7, 1);
    params.not_after = date_time_ymd(2026, 7, 1);
    params
}

/// A public key whose private half nobody has.
pub(super) struct PublicKey(pub(super) Vec<u8>, pub(super) &'static SignatureAlgorithm);

impl PublicKey {
    /// An RSA key. `modulus` begins with a bit that is set.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        // RFC 8017 §A.1.1.
        let modulus = [&[0], modulus].concat();
        let contents = [tagged(2, &modulus), tagged(2, exponent)].concat();
        Self(tagged(0x30, &contents), &rcgen::PKCS_RSA_SHA256)
    }
}

impl PublicKeyData for PublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.1
    }
}

fn tagged(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len())
        .expect("less than 64 KiB")
        .to_be_bytes();
    let head = match contents.len() {
        0..128 => vec![tag, length[1]],
        128..256 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, contents.to_vec()].concat()
}
