use super::*;
use rcgen::{
    CertificateParams, CertifiedIssuer, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_RSA_SHA256, SignatureAlgorithm, date_time_ymd,
};

/// What a certificate's secret holds.
struct Parts {
    key: String,
    leaf: String,
    issuer: String,
}

impl Parts {
    fn of(algorithm: &'static SignatureAlgorithm) -> Self {
        let issuer = CertifiedIssuer::self_signed(
            CertificateParams::default(),
            KeyPair::generate().expect("a key"),
        )
        .expect("an authority");
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(2050, 1, 2);
        let leaf = params.signed_by(&key, &issuer).expect("a certificate");
        Self {
            key: key.serialize_pem(),
            leaf: leaf.pem(),
            issuer: issuer.pem(),
        }
    }

    fn usual() -> Self {
        Self::of(&PKCS_ECDSA_P256_SHA256)
    }

    fn pem(&self) -> String {
        [&*self.key, &*self.leaf, &*self.issuer].concat()
    }
}

fn read(text: impl Into<String>) -> Result<ClientCertificate, &'static str> {
    <ClientCertificate as Form>::read(SecretString::from(text.into()))
}

#[test]
fn a_key_and_its_chain_are_read_whatever_kind_the_key_is_of() {
    for algorithm in [
        &PKCS_ECDSA_P256_SHA256,
        &PKCS_ECDSA_P384_SHA384,
        &PKCS_RSA_SHA256,
    ] {
        let parts = Parts::of(algorithm);

        let certificate = read(parts.pem()).expect("a certificate");

        assert_eq!(certificate.chain().len(), 2);
        let issuer = CertificateDer::from_pem_slice(parts.issuer.as_bytes());
        assert_eq!(certificate.chain()[1], issuer.expect("PEM"));
        let key = PrivateKeyDer::from_pem_slice(parts.key.as_bytes()).expect("PEM");
        assert_eq!(certificate.expose_key(), key);
        let _ = certificate.identity();
    }
}

#[test]
fn text_between_the_sections_is_passed_over() {
    let Parts { key, leaf, .. } = Parts::usual();
    let text = format!("Bag Attributes\n    localKeyID: 01\n{key}\nsubject=CN = app\n{leaf}");
    assert_eq!(read(text).expect("a certificate").chain().len(), 1);
}

#[test]
fn what_is_no_key_with_its_chain_is_refused_in_words_that_hold_nothing_of_it() {
    let (parts, other) = (Parts::usual(), Parts::usual());
    let Parts { key, leaf, issuer } = &parts;
    let sec1 = key.replace("PRIVATE KEY", "EC PRIVATE KEY");
    let many = issuer.repeat(10);
    let rows = [
        ("nothing", String::new(), "no private key"),
        ("no PEM", "open sesame".to_owned(), "no private key"),
        ("no key", format!("{leaf}{issuer}"), "no private key"),
        (
            "two keys",
            format!("{key}{}{leaf}", other.key),
            "more than one",
        ),
        ("no certificate", key.clone(), "no certificate"),
        (
            "a foreign key",
            format!("{}{leaf}{issuer}", other.key),
            "is not that of",
        ),
        (
            "the issuer first",
            format!("{key}{issuer}{leaf}"),
            "is not that of",
        ),
        (
            "another form of key",
            format!("{sec1}{leaf}"),
            "not in PKCS #8",
        ),
        (
            "too many",
            format!("{key}{leaf}{many}"),
            "more certificates",
        ),
        ("broken off", parts.pem()[..300].to_owned(), "not PEM"),
        (
            "no certificate in the section",
            format!("{key}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "cannot be read",
        ),
        (
            "something else",
            format!("{key}{leaf}-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"),
            "something other",
        ),
    ];
    for (row, text, why) in rows {
        let told = read(text).expect_err(row);
        assert!(told.contains(why), "{row}: {told}");
    }
    assert!(read(parts.pem()).is_ok());
}

#[test]
fn pkcs_12_is_told_apart_with_the_way_out() {
    // The beginning of a PFX, with a length of the long and of the indefinite form (RFC 7292 §4).
    for begins in [
        &[0x30, 0x82, 0x0a, 0x28, 2, 1, 3, 0x30][..],
        &[0x30, 0x80, 2, 1, 3, 0x30, 0x80][..],
    ] {
        let pfx = STANDARD.encode([begins, &[0x42; 64]].concat());
        let why = read(pfx).expect_err("PKCS #12");
        assert!(why.contains("application/x-pem-file"), "{why}");
    }
    let der = CertificateDer::from_pem_slice(Parts::usual().leaf.as_bytes());
    let why = read(STANDARD.encode(der.expect("PEM"))).expect_err("no PEM");
    assert!(!why.contains("PKCS #12"), "{why}");
}

#[test]
fn a_certificate_counts_through_its_last_second() {
    let pem = Parts::usual().pem();
    let at = |now| ClientCertificate::read(SecretString::from(pem.as_str()), now);
    let expires = at(UNIX_EPOCH).expect("a certificate").expires();

    assert!(at(expires - Duration::from_secs(1)).is_ok());
    assert_eq!(at(expires).err(), Some("its certificate has expired"));
    let midnight = UNIX_EPOCH + Duration::from_secs(2_524_694_400);
    assert_eq!(expires, midnight + Duration::from_secs(1));
}

#[test]
fn debug_shows_nothing() {
    let certificate = read(Parts::usual().pem()).expect("a certificate");
    assert_eq!(format!("{certificate:?}"), "ClientCertificate { .. }");
}
