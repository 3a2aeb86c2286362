//! Certificates for tests, made at run time. They are good until a test changes something.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

pub(super) type Issuer = CertifiedIssuer<'static, KeyPair>;

/// What a good client certificate says at the time of the test clock.
pub(super) fn client() -> CertificateParams {
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
pub(super) fn self_signed(params: &CertificateParams) -> Certificate {
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
