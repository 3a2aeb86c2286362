//! One public key, prepared once for all the signatures it will verify.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

use super::super::denial::Denial;

/// An RSA key of 2048 to 8192 bits with the exponent 65537.
pub(in crate::auth) struct Key {
    modulus: Box<[u8]>,
    prepared: ParsedPublicKey,
    /// The uptime in milliseconds up to which the key counts; 0 once it is withdrawn.
    good_until: AtomicU64,
}

impl Key {
    /// Prepares a key, or `None` if it is not of the one kind that counts.
    pub(in crate::auth) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        if !(2048..=8192).contains(&bits(modulus)) || exponent != EXPONENT {
            return None;
        }
        let components = RsaPublicKeyComponents {
            n: modulus,
            e: exponent,
        };
        Some(Self {
            modulus: modulus.into(),
            prepared: components
                .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
                .ok()?,
            good_until: AtomicU64::new(0),
        })
    }

    /// Verifies an RS256 signature (RFC 7518 §3.3).
    ///
    /// # Errors
    ///
    /// [`Denial::Signature`].
    pub(in crate::auth) fn verify(
        &self,
        signed: impl AsRef<[u8]>,
        signature: &[u8],
    ) -> Result<(), Denial> {
        self.prepared
            .verify_sig(signed.as_ref(), signature)
            .map_err(|_| Denial::Signature)
    }

    /// Whether the key still counts. Remembered tokens ask this each time.
    pub(in crate::auth) fn is_good(&self, uptime: Duration) -> bool {
        millis(uptime) < self.good_until.load(Ordering::Acquire)
    }

    /// Lets the key count up to this uptime.
    pub(in crate::auth) fn extend(&self, until: Duration) {
        self.good_until.store(millis(until), Ordering::Release);
    }

    /// Ends the key, and with it each remembered token that it signed.
    pub(super) fn withdraw(&self) {
        self.good_until.store(0, Ordering::Release);
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.modulus == other.modulus
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("bits", &bits(&self.modulus))
            .finish_non_exhaustive()
    }
}

/// The length of a number in bits. One that starts with a zero byte is not in the one form that
/// RFC 7518 §2 allows and counts as having none.
fn bits(number: &[u8]) -> usize {
    match number.first() {
        None | Some(0) => 0,
        Some(first) => number.len() * 8 - first.leading_zeros() as usize,
    }
}

fn millis(uptime: Duration) -> u64 {
    u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX)
}

/// 65537, the only exponent that Entra uses.
const EXPONENT: [u8; 3] = [1, 0, 1];

#[cfg(test)]
mod tests {
    use super::super::super::token::{Compact, decode};
    use super::*;

    mod wycheproof;

    /// RFC 7515 §A.2.1, the modulus.
    const MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

    /// RFC 7515 §A.2.1, the signed object.
    const SIGNED: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

    fn rfc_key() -> Key {
        Key::new(&decode(MODULUS).expect("base64url"), &EXPONENT).expect("a key")
    }

    #[test]
    fn the_example_of_rfc_7515_verifies_and_no_other_text_does() {
        let compact = Compact::split(SIGNED).expect("three segments");
        let signature = compact.signature().expect("base64url");
        let key = rfc_key();

        assert!(key.verify(compact.signed, &signature).is_ok());
        assert!(key.verify(&compact.signed[1..], &signature).is_err());
        assert!(key.verify(compact.signed, &signature[1..]).is_err());
        assert!(key.verify(compact.signed, &[]).is_err());
    }

    #[test]
    fn each_flipped_bit_of_the_signature_is_noticed() {
        let compact = Compact::split(SIGNED).expect("three segments");
        let signature = compact.signature().expect("base64url");
        let key = rfc_key();

        for at in 0..signature.len() {
            let mut flipped = signature.clone();
            flipped[at] ^= 1;
            assert!(key.verify(compact.signed, &flipped).is_err(), "byte {at}");
        }
    }

    #[test]
    fn small_keys_and_other_exponents_are_no_keys() {
        let modulus = decode(MODULUS).expect("base64url");

        assert!(Key::new(&modulus, &[3]).is_none());
        assert!(Key::new(&modulus, &[0, 1, 0, 1]).is_none());
        assert!(Key::new(&modulus[..255], &EXPONENT).is_none());
        assert!(Key::new(&[&[0], &modulus[..]].concat(), &EXPONENT).is_none());
        assert!(Key::new(&[0x7f; 256], &EXPONENT).is_none());
        assert!(Key::new(&[0xff; 1025], &EXPONENT).is_none());
        assert!(Key::new(&[], &EXPONENT).is_none());
    }

    #[test]
    fn a_key_is_good_until_its_time_or_until_it_is_withdrawn() {
        let key = rfc_key();
        let second = Duration::from_secs(1);
        assert!(!key.is_good(Duration::ZERO));

        key.extend(second);
        assert!(key.is_good(Duration::ZERO));
        assert!(!key.is_good(second));

        key.withdraw();
        assert!(!key.is_good(Duration::ZERO));
    }
}
