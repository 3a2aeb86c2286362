//! What a key can be asked to do, and how.

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};

/// How a message is signed (RFC 7518 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256; a signature is `r` and `s`, 32 bytes each, and not DER.
    Es256,
    /// ECDSA on P-384 with SHA-384; a signature is `r` and `s`, 48 bytes each, and not DER.
    Es384,
    /// ECDSA on P-521 with SHA-512; a signature is `r` and `s`, 66 bytes each, and not DER.
    Es512,
}

impl SigningAlgorithm {
    pub(crate) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => &SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 => &SHA384,
            Self::Rs512 | Self::Ps512 | Self::Es512 => &SHA512,
        }
    }

    /// Whether a signature can have so many bytes (RFC 7518 §3.3 to §3.5).
    pub(super) fn has_signatures_of(self, bytes: usize) -> bool {
        match self {
            Self::Es256 => bytes == 64,
            Self::Es384 => bytes == 96,
            Self::Es512 => bytes == 132,
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                RSA_BYTES.contains(&bytes)
            }
        }
    }
}

/// How a ciphertext was made (RFC 7518 §4.3).
///
/// There is no `RSA1_5`. A service that decrypts PKCS #1 v1.5 padding and lets others see, by an answer
/// or by its time, whether the padding was right decrypts for everybody (Bleichenbacher's attack; RFC
/// 8017 §7.2 keeps it for old applications only).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecryptionAlgorithm {
    /// RSAES-OAEP with SHA-256 and MGF1 with SHA-256. At most 190 bytes of plaintext for a key of 2048
    /// bits: encrypt a key with it, and the rest with that key.
    RsaOaep256,
    /// RSAES-OAEP with the default parameters, which are SHA-1 throughout. For counterparts that know
    /// nothing else: collisions of SHA-1 do not break OAEP, but audits ask for it.
    RsaOaep,
}

impl DecryptionAlgorithm {
    /// Whether it is as long as a modulus of one of the vault's keys, which a ciphertext is.
    pub(super) fn is_ciphertext(self, bytes: &[u8]) -> bool {
        match self {
            Self::RsaOaep256 | Self::RsaOaep => RSA_BYTES.contains(&bytes.len()),
        }
    }
}

/// The moduli of 2048, 3072 and 4096 bits (Microsoft Learn, "About keys", key types).
const RSA_BYTES: [usize; 3] = [256, 384, 512];
