//! Signing keys: RSA of 2048 bits, each in a certificate whose hash names it.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::der;

/// sha256WithRSAEncryption (RFC 8017 §A.2.4).
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
/// commonName.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// A key that signs tokens.
pub(super) struct SigningKey {
    kid: String,
    pair: KeyPair,
    certificate: Vec<u8>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    pub(super) fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("the system has random numbers");
        let certificate = self_signed(&pair);
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate));
        Self {
            kid,
            pair,
            certificate,
        }
    }

    /// The key's name: the certificate's SHA-1, as Entra's keys are named.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2).
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        sign(&self.pair, message)
    }

    /// The key's entry in a key set, under another name if need be. Like Entra's it has no `alg`.
    pub(super) fn jwk(&self, kid: &str) -> Value {
        let public = self.pair.public_key();
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "RSA",
            "use": "sig",
            "kid": kid,
            "x5t": kid,
            "n": number(public.modulus().big_endian_without_leading_zero()),
            "e": number(public.exponent().big_endian_without_leading_zero()),
            "x5c": [STANDARD.encode(&self.certificate)],
        })
    }
}

fn sign(pair: &KeyPair, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message,
        &mut signature,
    )
    .expect("the signature is as long as the modulus");
    signature
}

/// A certificate for the key by itself (RFC 5280 §4.1), valid as long as any that will be looked at.
fn self_signed(pair: &KeyPair) -> Vec<u8> {
    let algorithm = der::sequence(&[&der::oid(SHA256_WITH_RSA), &der::null()]);
    let common_name = der::sequence(&[&der::oid(COMMON_NAME), &der::utf8("stand-in.localhost")]);
    let name = der::sequence(&[&der::set(&common_name)]);
    let validity = der::sequence(&[&der::time("20260101000000Z"), &der::time("20991231235959Z")]);
    let public: PublicKeyX509Der<'_> = pair
        .public_key()
        .as_der()
        .expect("an RSA key has a DER form");
    let to_be_signed = der::sequence(&[
        &der::tagged(0, &der::integer(&[2])),
        &der::integer(uuid::Uuid::new_v4().as_bytes()),
        &algorithm,
        &name,
        &validity,
        &name,
        public.as_ref(),
    ]);
    der::sequence(&[
        &to_be_signed,
        &algorithm,
        &der::bits(&sign(pair, &to_be_signed)),
    ])
}
