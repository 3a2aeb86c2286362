//! Keys: made when they are first asked for, used here and never told.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{Digest, SHA256, SHA384, SHA512};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey,
    PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::object::Attributes;

/// Which kind of key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Kty {
    /// RSA of 2048 bits.
    #[default]
    #[serde(rename = "RSA")]
    Rsa,
    /// P-256.
    #[serde(rename = "EC")]
    Ec,
}

/// A version of a key to be made. Times are seconds since 1970.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewKey {
    /// Its kind.
    pub kty: Kty,
    /// Whether it may be used.
    pub enabled: bool,
    /// When its use begins.
    pub nbf: Option<i64>,
    /// When its use ends.
    pub exp: Option<i64>,
}

impl Default for NewKey {
    fn default() -> Self {
        Self {
            kty: Kty::default(),
            enabled: true,
            nbf: None,
            exp: None,
        }
    }
}

impl NewKey {
    pub(super) fn attributes(&self) -> Attributes {
        Attributes {
            enabled: self.enabled,
            nbf: self.nbf,
            exp: self.exp,
        }
    }
}

/// Why a key does not do what it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    #[error("the algorithm is none of this key's")]
    Algorithm,
    #[error("the value does not fit the algorithm")]
    Value,
}

/// A key that may not be there yet.
#[derive(Clone)]
pub(super) struct Key {
    kty: Kty,
    material: Arc<OnceLock<Material>>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Key").field(&self.kty).finish()
    }
}

enum Material {
    Rsa(Box<Rsa>),
    Ec { pair: EcdsaKeyPair, pkcs8: Vec<u8> },
}

struct Rsa {
    signing: RsaKeyPair,
    decrypting: OaepPrivateDecryptingKey,
    pkcs8: Vec<u8>,
}

impl Key {
    pub(super) fn new(kty: Kty) -> Self {
        Self {
            kty,
            material: Arc::default(),
        }
    }

    /// Takes some tenths of a second the first time, for RSA.
    fn material(&self) -> &Material {
        self.material.get_or_init(|| match self.kty {
            Kty::Rsa => Material::Rsa(Box::new(Rsa::generate())),
            Kty::Ec => {
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::generate(algorithm).expect("the system has randomness");
                let pkcs8 = pair.to_pkcs8v1().expect("an own key has a PKCS #8 form");
                let pkcs8 = pkcs8.as_ref().to_vec();
                Material::Ec { pair, pkcs8 }
            }
        })
    }

    /// The public half (RFC 7517 §4), with the key's address as its name.
    pub(super) fn jwk(&self, kid: &str) -> Value {
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self.material() {
            Material::Rsa(rsa) => {
                let public = rsa.signing.public_key();
                json!({
                    "kid": kid,
                    "kty": "RSA",
                    "key_ops": ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"],
                    "n": number(public.modulus().big_endian_without_leading_zero()),
                    "e": number(public.exponent().big_endian_without_leading_zero()),
                })
            }
            Material::Ec { pair, .. } => {
                // Uncompressed: a byte of 4, then both coordinates (SEC 1 §2.3.3).
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({
                    "kid": kid,
                    "kty": "EC",
                    "key_ops": ["sign", "verify"],
                    "crv": "P-256",
                    "x": number(x),
                    "y": number(y),
                })
            }
        }
    }

    /// Signs a digest (Key Vault REST API, "Sign").
    pub(super) fn sign(&self, algorithm: &str, digest: &[u8]) -> Result<Vec<u8>, KeyError> {
        let hash = match algorithm.get(2..) {
            Some("256") => &SHA256,
            Some("384") => &SHA384,
            Some("512") => &SHA512,
            _ => return Err(KeyError::Algorithm),
        };
        let digest = || Digest::import_less_safe(digest, hash).map_err(|_| KeyError::Value);
        let rsa = match self.material() {
            Material::Rsa(rsa) => rsa,
            Material::Ec { pair, .. } if algorithm == "ES256" => {
                let signed = pair.sign_digest(&digest()?).map_err(|_| KeyError::Value)?;
                return Ok(signed.as_ref().to_vec());
            }
            Material::Ec { .. } => return Err(KeyError::Algorithm),
        };
        let padding: &'static dyn RsaEncoding = match algorithm {
            "RS256" => &RSA_PKCS1_SHA256,
            "RS384" => &RSA_PKCS1_SHA384,
            "RS512" => &RSA_PKCS1_SHA512,
            "PS256" => &RSA_PSS_SHA256,
            "PS384" => &RSA_PSS_SHA384,
            "PS512" => &RSA_PSS_SHA512,
            _ => return Err(KeyError::Algorithm),
        };
        rsa.sign(padding, &digest()?)
    }

    /// Decrypts (Key Vault REST API, "Decrypt", "Unwrap Key").
    pub(super) fn decrypt(&self, algorithm: &str, value: &[u8]) -> Result<Vec<u8>, KeyError> {
        let Material::Rsa(rsa) = self.material() else {
            return Err(KeyError::Algorithm);
        };
        let padding = match algorithm {
            "RSA-OAEP-256" => &OAEP_SHA256_MGF1SHA256,
            "RSA-OAEP" => &OAEP_SHA1_MGF1SHA1,
            _ => return Err(KeyError::Algorithm),
        };
        let mut room = vec![0; rsa.decrypting.min_output_size()];
        let plain = rsa.decrypting.decrypt(padding, value, &mut room, None);
        Ok(plain.map_err(|_| KeyError::Value)?.to_vec())
    }

    /// The private half, for a certificate's secret.
    pub(super) fn pkcs8(&self) -> &[u8] {
        match self.material() {
            Material::Rsa(rsa) => &rsa.pkcs8,
            Material::Ec { pkcs8, .. } => pkcs8,
        }
    }
}

impl Rsa {
    fn generate() -> Self {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048);
        let key = key.expect("the system has randomness");
        let pkcs8: Pkcs8V1Der<'_> = key.as_der().expect("an own key has a PKCS #8 form");
        let pkcs8: &[u8] = pkcs8.as_ref();
        let pkcs8 = pkcs8.to_vec();
        Self {
            signing: RsaKeyPair::from_pkcs8(&pkcs8).expect("an own key is read back"),
            decrypting: OaepPrivateDecryptingKey::new(key).expect("a key of 2048 bits fits"),
            pkcs8,
        }
    }

    fn sign(
        &self,
        padding: &'static dyn RsaEncoding,
        digest: &Digest,
    ) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.signing.public_modulus_len()];
        let signed = self.signing.sign_digest(padding, digest, &mut signature);
        signed.map_err(|_| KeyError::Value)?;
        Ok(signature)
    }
}
