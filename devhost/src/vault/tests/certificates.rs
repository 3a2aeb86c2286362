use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::*;

#[tokio::test]
async fn a_certificate_comes_with_its_key_and_both_as_a_secret() {
    for kty in [Kty::Ec, Kty::Rsa] {
        let vault = vault();
        let new = NewCertificate {
            subject: "client".to_owned(),
            names: vec!["client.localhost".to_owned()],
            kty,
        };
        let version = vault
            .set_certificate("client", &new)
            .expect("a certificate");

        let certificate = get(&vault, "/certificates/client?api-version=7.6")
            .await
            .json();
        let secret = get_secret(&vault, "client").await.json();
        let path = format!("/keys/client/{version}?api-version=7.6");
        let key = get(&vault, &path).await.json();

        assert_eq!(certificate["sid"], secret["id"]);
        assert_eq!(certificate["kid"], key["key"]["kid"]);
        assert_eq!(secret["kid"], key["key"]["kid"]);
        assert_eq!(
            (&secret["managed"], &secret["contentType"]),
            (&json!(true), &json!("application/x-pem-file"))
        );
        let pem = secret["value"].as_str().unwrap().as_bytes();
        let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let chain = chain.expect("certificates");
        let der = STANDARD
            .decode(certificate["cer"].as_str().unwrap())
            .unwrap();
        assert_eq!((chain.len(), chain[0].as_ref()), (2, der.as_slice()));
        let private = PrivateKeyDer::from_pem_slice(pem).expect("a key");
        // It compares the key with the certificate.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let pair = CertifiedKey::from_der(chain, private, &provider).expect("a pair");
        assert!(pair.keys_match().is_ok(), "{kty:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_is_not_made() {
    let vault = vault();
    let new = NewCertificate {
        names: vec!["\u{e4}".to_owned()],
        ..NewCertificate::default()
    };

    assert_eq!(
        vault.set_certificate("client", &new),
        Err(NotKept::Certificate(NotACertificate))
    );
    assert_eq!(
        vault.set_certificate("under_score", &NewCertificate::default()),
        Err(NotKept::Name(NotAName))
    );
    let missing = get(&vault, "/certificates/client?api-version=7.6").await;
    assert_eq!(
        missing.codes(),
        (404, json!("CertificateNotFound"), Value::Null)
    );
}
