//! Keys for tests, in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{
    KeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm,
    OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaSignatureEncoding, UnparsedPublicKey,
    VerificationAlgorithm,
};
use futures_util::future::{self, BoxFuture, FutureExt as _};
use zeroize::Zeroizing;

use crate::keys::vault::{KeyError, Keys as Vault};
use crate::keys::{
    Declared, Decrypted, DecryptionAlgorithm, Key, KeyVersion, Signature, SigningAlgorithm,
};
use crate::secrets::vault::{ObjectName, ObjectVersion};

/// The keys of a test: one for each name, of every kind, made at the first use.
///
/// ```
/// use stockade::keys::SigningAlgorithm;
/// use stockade::test::Keys;
///
/// stockade::key! { OrderSigning: "order-signing" }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), stockade::Error> {
/// let keys = Keys::new();
/// let key = keys.key::<OrderSigning>(); // for the state of the app under test
///
/// let es256 = SigningAlgorithm::Es256;
/// let signature = key.sign(es256, b"an order").await?;
///
/// assert!(keys.verifies::<OrderSigning>(es256, b"an order", signature.as_bytes()));
/// assert!(!keys.verifies::<OrderSigning>(es256, b"another", signature.as_bytes()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Keys(Arc<Mutex<BTreeMap<ObjectName, Arc<Numbers>>>>);

/// The numbers of one key.
#[derive(Default)]
struct Numbers {
    rsa: OnceLock<(KeyPair, OaepPrivateDecryptingKey)>,
    p256: OnceLock<EcdsaKeyPair>,
    p384: OnceLock<EcdsaKeyPair>,
    p521: OnceLock<EcdsaKeyPair>,
}

impl Keys {
    /// No key yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A key of an app, which these sign and decrypt for.
    pub fn key<K: Declared>(&self) -> Key<K> {
        Key::of(Arc::new(self.clone()))
    }

    /// The one version of a key.
    pub fn version<K: Declared>(&self) -> KeyVersion {
        version(Key::<K>::VERSION).into()
    }

    /// Whether a signature of the key is that of a message.
    pub fn verifies<K: Declared>(
        &self,
        algorithm: SigningAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let numbers = self.numbers(Key::<K>::NAME);
        let public = match method(algorithm) {
            Method::Rsa(..) => numbers.rsa().0.public_key().as_ref().to_vec(),
            Method::Curve(curve) => numbers.pair(curve).public_key().as_ref().to_vec(),
        };
        UnparsedPublicKey::new(verification(algorithm), public)
            .verify(message, signature)
            .is_ok()
    }

    /// What others send who have the key's public half.
    ///
    /// # Panics
    ///
    /// When the plaintext is longer than a key of 2048 bits takes.
    pub fn encrypt<K: Declared>(
        &self,
        algorithm: DecryptionAlgorithm,
        plaintext: &[u8],
    ) -> Vec<u8> {
        let numbers = self.numbers(Key::<K>::NAME);
        let pkcs8 = numbers.rsa().0.as_der();
        let pkcs8: Pkcs8V1Der<'_> = pkcs8.expect("an own key has a PKCS #8 form");
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref());
        let public = key.expect("an own key is read back").public_key();
        let public = OaepPublicEncryptingKey::new(public).expect("a key of 2048 bits fits");
        let mut room = vec![0; public.ciphertext_size()];
        let sealed = public.encrypt(oaep(algorithm), plaintext, &mut room, None);
        sealed.expect("the plaintext is short enough").to_vec()
    }

    fn numbers(&self, name: ObjectName) -> Arc<Numbers> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(name).or_default())
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Vault for Keys {
    fn sign<'a>(
        &'a self,
        name: ObjectName,
        pinned: Option<ObjectVersion>,
        algorithm: SigningAlgorithm,
        digest: &'a [u8],
    ) -> BoxFuture<'a, Result<Signature, KeyError>> {
        let signed = self.numbers(name).sign(algorithm, digest);
        let signed = signed.map(|bytes| Signature::new(bytes, version(pinned).into()));
        future::ready(signed).boxed()
    }

    fn decrypt<'a>(
        &'a self,
        name: ObjectName,
        _: ObjectVersion,
        algorithm: DecryptionAlgorithm,
        ciphertext: &'a [u8],
    ) -> BoxFuture<'a, Result<Decrypted, KeyError>> {
        let numbers = self.numbers(name);
        let key = &numbers.rsa().1;
        let mut room = Zeroizing::new(vec![0; key.min_output_size()]);
        let decrypted = key.decrypt(oaep(algorithm), ciphertext, &mut room, None);
        let decrypted = decrypted.map(|plaintext| Zeroizing::new(plaintext.to_vec()));
        let decrypted = decrypted.map(Decrypted::new).map_err(|_| KeyError::Refused);
        future::ready(decrypted).boxed()
    }
}

impl Numbers {
    fn sign(&self, algorithm: SigningAlgorithm, digest: &[u8]) -> Result<Vec<u8>, KeyError> {
        let digest = Digest::import_less_safe(digest, algorithm.digest());
        let digest = digest.map_err(|_| KeyError::Refused)?;
        match method(algorithm) {
            Method::Rsa(encoding) => {
                let (pair, _) = self.rsa();
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign_digest(encoding, &digest, &mut signature);
                signed.map(|()| signature).map_err(|_| KeyError::Refused)
            }
            Method::Curve(curve) => {
                let signed = self.pair(curve).sign_digest(&digest);
                let signed = signed.map(|signature| signature.as_ref().to_vec());
                signed.map_err(|_| KeyError::Refused)
            }
        }
    }

    fn rsa(&self) -> &(KeyPair, OaepPrivateDecryptingKey) {
        self.rsa.get_or_init(|| {
            let key =
                PrivateDecryptingKey::generate(KeySize::Rsa2048).expect("there is randomness");
            let pkcs8: Pkcs8V1Der<'_> = key.as_der().expect("an own key has a PKCS #8 form");
            let pair = KeyPair::from_pkcs8(pkcs8.as_ref()).expect("an own key is read back");
            let key = OaepPrivateDecryptingKey::new(key).expect("a key of 2048 bits fits");
            (pair, key)
        })
    }

    fn pair(&self, curve: Curve) -> &EcdsaKeyPair {
        let (pair, algorithm): (_, &'static EcdsaSigningAlgorithm) = match curve {
            Curve::P256 => (&self.p256, &ECDSA_P256_SHA256_FIXED_SIGNING),
            Curve::P384 => (&self.p384, &ECDSA_P384_SHA384_FIXED_SIGNING),
            Curve::P521 => (&self.p521, &ECDSA_P521_SHA512_FIXED_SIGNING),
        };
        pair.get_or_init(|| EcdsaKeyPair::generate(algorithm).expect("there is randomness"))
    }
}

fn version(pinned: Option<ObjectVersion>) -> ObjectVersion {
    pinned.unwrap_or_else(|| ObjectVersion::for_tests(1))
}

enum Method {
    Rsa(&'static RsaSignatureEncoding),
    Curve(Curve),
}

#[derive(Clone, Copy)]
enum Curve {
    P256,
    P384,
    P521,
}

fn method(algorithm: SigningAlgorithm) -> Method {
    match algorithm {
        SigningAlgorithm::Rs256 => Method::Rsa(&RSA_PKCS1_SHA256),
        SigningAlgorithm::Rs384 => Method::Rsa(&RSA_PKCS1_SHA384),
        SigningAlgorithm::Rs512 => Method::Rsa(&RSA_PKCS1_SHA512),
        SigningAlgorithm::Ps256 => Method::Rsa(&RSA_PSS_SHA256),
        SigningAlgorithm::Ps384 => Method::Rsa(&RSA_PSS_SHA384),
        SigningAlgorithm::Ps512 => Method::Rsa(&RSA_PSS_SHA512),
        SigningAlgorithm::Es256 => Method::Curve(Curve::P256),
        SigningAlgorithm::Es384 => Method::Curve(Curve::P384),
        SigningAlgorithm::Es512 => Method::Curve(Curve::P521),
    }
}

fn verification(algorithm: SigningAlgorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        SigningAlgorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        SigningAlgorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        SigningAlgorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        SigningAlgorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        SigningAlgorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        SigningAlgorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        SigningAlgorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
        SigningAlgorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
        SigningAlgorithm::Es512 => &ECDSA_P521_SHA512_FIXED,
    }
}

fn oaep(algorithm: DecryptionAlgorithm) -> &'static OaepAlgorithm {
    match algorithm {
        DecryptionAlgorithm::RsaOaep => &OAEP_SHA1_MGF1SHA1,
        DecryptionAlgorithm::RsaOaep256 => &OAEP_SHA256_MGF1SHA256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::key! { Orders: "orders" }
    crate::key! { Invoices: "invoices" at "0123456789abcdef0123456789abcdef" }

    #[tokio::test]
    async fn each_algorithm_signs_for_its_message_and_its_key_alone() {
        let keys = Keys::new();
        for algorithm in [
            SigningAlgorithm::Rs256,
            SigningAlgorithm::Rs384,
            SigningAlgorithm::Rs512,
            SigningAlgorithm::Ps256,
            SigningAlgorithm::Ps384,
            SigningAlgorithm::Ps512,
            SigningAlgorithm::Es256,
            SigningAlgorithm::Es384,
            SigningAlgorithm::Es512,
        ] {
            let signature = keys.key::<Orders>().sign(algorithm, b"order").await;
            let signature = signature.expect("a signature");
            let bytes = signature.as_bytes();

            assert_eq!(signature.version(), keys.version::<Orders>());
            assert!(
                keys.verifies::<Orders>(algorithm, b"order", bytes),
                "{algorithm:?}"
            );
            assert!(
                !keys.verifies::<Orders>(algorithm, b"other", bytes),
                "{algorithm:?}"
            );
            assert!(
                !keys.verifies::<Invoices>(algorithm, b"order", bytes),
                "{algorithm:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_encrypted_for_a_key_is_decrypted_by_it_alone() {
        let keys = Keys::new();
        for algorithm in [
            DecryptionAlgorithm::RsaOaep256,
            DecryptionAlgorithm::RsaOaep,
        ] {
            let sealed = keys.encrypt::<Invoices>(algorithm, b"a plaintext");
            let version = keys.version::<Invoices>();

            let own = keys
                .key::<Invoices>()
                .decrypt(algorithm, version, &sealed)
                .await;
            let foreign = keys
                .key::<Orders>()
                .decrypt(algorithm, version, &sealed)
                .await;

            assert_eq!(own.expect("a plaintext").expose_secret(), b"a plaintext");
            let error = foreign.err().expect("another key").to_string();
            assert!(error.starts_with("undecryptable"), "{error}");
        }
    }
}
