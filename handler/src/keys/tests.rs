use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use super::*;
use crate::failure::Failure;
use crate::secrets::vault::VaultError;

const VERSION: &str = "0123456789abcdef0123456789abcdef";

crate::key! {
    Latest: "order-signing"
}

crate::key! {
    Pinned: "order-signing" at "0123456789abcdef0123456789abcdef"
}

/// Errors have no clones.
type Fault = fn() -> KeyError;

/// Gives what it is told to, and remembers what it was asked.
#[derive(Default)]
struct Fake {
    fault: Option<Fault>,
    bytes: usize,
    asked: Mutex<Vec<(Option<ObjectVersion>, Vec<u8>)>>,
}

impl Fake {
    fn asked(&self) -> Vec<(Option<ObjectVersion>, Vec<u8>)> {
        self.asked.lock().expect("no test panics in it").clone()
    }

    fn outcome(
        &self,
        version: Option<ObjectVersion>,
        input: &[u8],
    ) -> Result<(Vec<u8>, KeyVersion), KeyError> {
        let mut asked = self.asked.lock().expect("no test panics in it");
        asked.push((version, input.to_vec()));
        match self.fault {
            Some(fault) => Err(fault()),
            None => Ok((vec![1; self.bytes], VERSION.parse().expect("a version"))),
        }
    }
}

impl Keys for Fake {
    fn sign<'a>(
        &'a self,
        _: ObjectName,
        version: Option<ObjectVersion>,
        _: SigningAlgorithm,
        digest: &'a [u8],
    ) -> BoxFuture<'a, Result<Signature, KeyError>> {
        let outcome = self.outcome(version, digest);
        Box::pin(async { outcome.map(|(bytes, version)| Signature::new(bytes, version)) })
    }

    fn decrypt<'a>(
        &'a self,
        _: ObjectName,
        version: ObjectVersion,
        _: DecryptionAlgorithm,
        ciphertext: &'a [u8],
    ) -> BoxFuture<'a, Result<Decrypted, KeyError>> {
        let outcome = self.outcome(Some(version), ciphertext);
        Box::pin(async { outcome.map(|(bytes, _)| Decrypted::new(Zeroizing::new(bytes))) })
    }
}

fn giving(bytes: usize) -> Arc<Fake> {
    Arc::new(Fake {
        bytes,
        ..Fake::default()
    })
}

fn failing(fault: Fault) -> Arc<Fake> {
    Arc::new(Fake {
        fault: Some(fault),
        ..Fake::default()
    })
}

const ALL: [(SigningAlgorithm, usize, usize); 9] = [
    (SigningAlgorithm::Rs256, 32, 256),
    (SigningAlgorithm::Rs384, 48, 384),
    (SigningAlgorithm::Rs512, 64, 512),
    (SigningAlgorithm::Ps256, 32, 256),
    (SigningAlgorithm::Ps384, 48, 384),
    (SigningAlgorithm::Ps512, 64, 512),
    (SigningAlgorithm::Es256, 32, 64),
    (SigningAlgorithm::Es384, 48, 96),
    (SigningAlgorithm::Es512, 64, 132),
];

#[tokio::test]
async fn the_digest_is_all_of_a_message_that_is_sent() {
    let message = vec![b'm'; 1_000_000];
    for (algorithm, digest_bytes, signature_bytes) in ALL {
        let fake = giving(signature_bytes);

        let signature = Key::<Latest>::of(fake.clone())
            .sign(algorithm, &message)
            .await
            .expect("a signature");

        assert_eq!(signature.as_bytes().len(), signature_bytes);
        assert_eq!(signature.version().as_str(), VERSION);
        let digest = digest::digest(algorithm.digest(), &message);
        assert_eq!(digest.as_ref().len(), digest_bytes, "{algorithm:?}");
        assert_eq!(fake.asked(), [(None, digest.as_ref().to_vec())]);
    }
}

#[tokio::test]
async fn a_signature_has_the_length_that_its_algorithm_gives_it() {
    for (algorithm, _, bytes) in ALL {
        for wrong in [0, bytes - 1, bytes + 1, 100_000] {
            let key = Key::<Latest>::of(giving(wrong));
            let signature = key.sign(algorithm, b"order").await;
            let error = signature.expect_err("no signature").to_string();
            assert!(error.contains("no signature"), "{algorithm:?}: {error}");
        }
    }
}

#[tokio::test]
async fn a_pinned_version_is_the_one_that_signs_and_decrypts() {
    let fake = giving(256);
    let key = Key::<Pinned>::of(fake.clone());
    let pinned: KeyVersion = VERSION.parse().expect("a version");
    let other: KeyVersion = VERSION.replace('0', "f").parse().expect("a version");
    let oaep = DecryptionAlgorithm::RsaOaep256;

    key.sign(SigningAlgorithm::Ps256, b"order")
        .await
        .expect("a signature");
    key.decrypt(oaep, pinned, &[9; 256])
        .await
        .expect("a plaintext");
    let wrong = key.decrypt(oaep, other, &[9; 256]).await;

    assert!(wrong.is_err_and(|error| error.to_string() == "undecryptable"));
    let versions: Vec<_> = fake.asked().into_iter().map(|asked| asked.0).collect();
    assert_eq!(versions, [ObjectVersion::new(VERSION); 2]);
}

#[tokio::test]
async fn what_is_no_ciphertext_by_its_length_is_rejected_without_a_question() {
    let fake = giving(16);
    let key = Key::<Latest>::of(fake.clone());
    let version = VERSION.parse().expect("a version");
    for bytes in [0, 1, 255, 257, 511, 513, 1_000_000] {
        for algorithm in [
            DecryptionAlgorithm::RsaOaep,
            DecryptionAlgorithm::RsaOaep256,
        ] {
            let wrong = key.decrypt(algorithm, version, &vec![9; bytes]).await;
            assert!(wrong.is_err_and(|error| error.to_string() == "undecryptable"));
        }
    }
    assert!(fake.asked().is_empty());

    for bytes in [256, 384, 512] {
        let oaep = DecryptionAlgorithm::RsaOaep256;
        let right = key.decrypt(oaep, version, &vec![9; bytes]).await;
        assert_eq!(right.expect("a plaintext").expose_secret(), [1; 16]);
    }
}

#[tokio::test]
async fn what_the_vault_does_not_do_is_tried_again_and_what_it_never_will_is_not() {
    let rows: [(Fault, &str, &str); 6] = [
        (|| KeyError::NotFound, "retry", "retry"),
        (|| KeyError::Disabled, "retry", "retry"),
        (|| KeyError::Forbidden, "retry", "retry"),
        (|| KeyError::Refused, "fatal", "undecryptable"),
        (|| VaultError::TimedOut.into(), "retry", "retry"),
        (
            || VaultError::Throttled { retry_after: None }.into(),
            "retry",
            "retry",
        ),
    ];
    for (fault, signing, decrypting) in rows {
        let key = Key::<Latest>::of(failing(fault));
        let version = VERSION.parse().expect("a version");

        let signed = key.sign(SigningAlgorithm::Es256, b"order").await;
        let decrypted = key.decrypt(DecryptionAlgorithm::RsaOaep, version, &[9; 256]);

        let text = format!("the key `order-signing` could not be used: {}", fault());
        for (error, rule) in [
            (signed.expect_err("no signature"), signing),
            (decrypted.await.err().expect("no plaintext"), decrypting),
        ] {
            assert_eq!(error.to_string(), format!("{rule}: {text}"));
            assert_eq!(Failure::Function(error).rule(), rule);
        }
    }
}

#[test]
fn a_version_is_read_from_its_own_form_alone() {
    let version: KeyVersion = VERSION.parse().expect("a version");
    assert_eq!(version.to_string(), VERSION);
    for wrong in ["", "latest", "../../secrets/erp-key", &VERSION[1..]] {
        assert_eq!(wrong.parse::<KeyVersion>(), Err(NotAKeyVersion), "{wrong}");
    }
}

#[test]
fn settings_that_name_no_vault_are_told_by_name() {
    let error = Key::<Latest>::open(&BTreeMap::new()).expect_err("no vault");

    let text = error.to_string();
    assert!(text.starts_with("fatal: "), "{text}");
    assert!(text.contains("STOCKADE__SECRETS__VAULT_URI"), "{text}");
}

#[test]
fn debug_shows_the_name_of_a_key() {
    let key = Key::<Latest>::of(giving(0));
    assert_eq!(format!("{key:?}"), r#"Key("order-signing")"#);
}
