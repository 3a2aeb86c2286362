//! Keys that sign tokens: RSA as Entra has it, and what stands in for it in attacks.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaEncoding,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::numbers::Numbers;

/// An RSA key of 2048 bits.
#[derive(Debug)]
pub struct SigningKey {
    pair: RsaKeyPair,
    numbers: Numbers,
}

impl SigningKey {
    /// Makes a key.
    pub fn generate() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("the system has random numbers");
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().expect("an RSA key has a DER form");
        let numbers = numbers(pkcs8.as_ref());
        Self { pair, numbers }
    }

    /// The RS256 signature of a text.
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.sign_as(&RSA_PKCS1_SHA256, text)
    }

    /// The signature of a text by another of RSA's algorithms.
    pub fn sign_as(&self, algorithm: &'static dyn RsaEncoding, text: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(algorithm, &SystemRandom::new(), text, &mut signature)
            .expect("the signature is as long as the modulus");
        signature
    }

    /// The key in its numbers.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// The public key as `SubjectPublicKeyInfo` in DER.
    pub fn public_der(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = self.pair.public_key().as_der().expect("it has a DER form");
        der.as_ref().to_vec()
    }

    /// The public key in PEM (RFC 7468 §13).
    pub fn public_pem(&self) -> String {
        let text = STANDARD.encode(self.public_der());
        let lines: Vec<_> = (0..text.len())
            .step_by(64)
            .map(|at| &text[at..text.len().min(at + 64)])
            .collect();
        let body = lines.join("\n");
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }
}

/// An entry of a key set, as Entra writes one but for its certificate.
pub fn jwk(kid: &str, key: &Numbers, issuer: &str) -> Value {
    json!({
        "kty": "RSA",
        "use": "sig",
        "kid": kid,
        "x5t": kid,
        "n": URL_SAFE_NO_PAD.encode(key.modulus()),
        "e": URL_SAFE_NO_PAD.encode(key.exponent()),
        "issuer": issuer,
        "cloud_instance_name": super::CLOUD_INSTANCE,
    })
}

/// A key on the curve P-256.
#[derive(Debug)]
pub struct CurveKey(EcdsaKeyPair);

impl CurveKey {
    /// Makes a key.
    pub fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Self(pair.expect("the system has random numbers"))
    }

    /// The ES256 signature of a text.
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        let signature = self.0.sign(&SystemRandom::new(), text);
        signature.expect("the key signs").as_ref().to_vec()
    }

    /// An entry of a key set (RFC 7518 §6.2).
    pub fn jwk(&self, kid: &str, issuer: &str) -> Value {
        // SEC 1 §2.3.3: 4, then both coordinates.
        let point = self.0.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        json!({
            "kty": "EC",
            "crv": "P-256",
            "use": "sig",
            "kid": kid,
            "x": URL_SAFE_NO_PAD.encode(x),
            "y": URL_SAFE_NO_PAD.encode(y),
            "issuer": issuer,
        })
    }
}

/// HS256 with anything as the secret.
pub fn hmac_sha256(secret: &[u8], text: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, text).as_ref().to_vec()
}

/// The numbers in a `PrivateKeyInfo` (RFC 5208 §5, RFC 8017 §A.1.2).
fn numbers(pkcs8: &[u8]) -> Numbers {
    let info = contents(pkcs8);
    // Version, algorithm, key.
    let private_key = contents(contents(info[2])[0]);
    // Version, modulus, public exponent, private exponent.
    Numbers::new(
        body(private_key[1]),
        body(private_key[2]),
        body(private_key[3]),
    )
}

/// The elements inside an element of DER, whole. The key is an `OCTET STRING` with one inside.
fn contents(element: &[u8]) -> Vec<&[u8]> {
    let mut rest = body(element);
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = rest.len() - after(rest).len();
        let (first, others) = rest.split_at(length);
        found.push(first);
        rest = others;
    }
    found
}

/// What is inside an element of DER.
fn body(element: &[u8]) -> &[u8] {
    let (head, length) = measure(element);
    &element[head..head + length]
}

/// What comes after an element of DER.
fn after(text: &[u8]) -> &[u8] {
    let (head, length) = measure(text);
    &text[head + length..]
}

/// The lengths of an element's head and body (X.690 §8.1.3).
fn measure(element: &[u8]) -> (usize, usize) {
    match usize::from(element[1]) {
        short @ ..0x80 => (2, short),
        long => {
            let count = long - 0x80;
            let length = element[2..2 + count].iter();
            let length = length.fold(0, |length, byte| length << 8 | usize::from(*byte));
            (2 + count, length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_sign_what_the_pair_signs() {
        let key = SigningKey::generate();

        assert_eq!(key.numbers.sign(b"a text"), key.sign(b"a text"));
    }
}
