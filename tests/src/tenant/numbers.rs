//! RSA with nothing in between (RFC 8017): keys of any size, and any block raised to the private
//! exponent. Only good for what no sound library does.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use num_bigint::BigUint;

/// An RSA key in its numbers.
#[derive(Debug, Clone)]
pub struct Numbers {
    n: BigUint,
    e: BigUint,
    d: BigUint,
}

impl Numbers {
    /// Makes a key whose modulus has exactly so many bits.
    pub fn generate(bits: u64, exponent: u32) -> Self {
        let e = BigUint::from(exponent);
        let half = bits.div_ceil(2);
        let one = BigUint::from(1_u8);
        loop {
            // Both factors begin with two ones, so the product has the sum of their bits.
            let (p, q) = (prime(half), prime(bits - half));
            let phi = (&p - &one) * (&q - &one);
            if let (true, Some(d)) = (p != q, e.modinv(&phi)) {
                return Self { n: p * q, e, d };
            }
        }
    }

    pub(super) fn new(n: &[u8], e: &[u8], d: &[u8]) -> Self {
        Self {
            n: BigUint::from_bytes_be(n),
            e: BigUint::from_bytes_be(e),
            d: BigUint::from_bytes_be(d),
        }
    }

    /// The modulus, big-endian.
    pub fn modulus(&self) -> Vec<u8> {
        self.n.to_bytes_be()
    }

    /// The public exponent, big-endian.
    pub fn exponent(&self) -> Vec<u8> {
        self.e.to_bytes_be()
    }

    /// The private exponent, big-endian.
    pub fn private_exponent(&self) -> Vec<u8> {
        self.d.to_bytes_be()
    }

    /// RSASP1 of any block (RFC 8017 §5.2.1), as long as the modulus.
    pub fn raise(&self, block: &[u8]) -> Vec<u8> {
        let raised = BigUint::from_bytes_be(block).modpow(&self.d, &self.n);
        self.fit(&raised)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.raise(&self.block(&digest_info(message)))
    }

    /// `00 01 FF … 00` and the content, as long as the modulus (RFC 8017 §9.2).
    pub fn block(&self, content: &[u8]) -> Vec<u8> {
        let mut block = vec![0xff; self.modulus().len() - content.len()];
        let last = block.len() - 1;
        (block[0], block[1], block[last]) = (0, 1, 0);
        block.extend_from_slice(content);
        block
    }

    /// A signature plus the modulus, where that has as many bytes: another text for the same number.
    pub fn plus_modulus(&self, signature: &[u8]) -> Vec<u8> {
        self.fit(&(BigUint::from_bytes_be(signature) + &self.n))
    }

    /// Big-endian, with zeros in front up to the length of the modulus.
    fn fit(&self, number: &BigUint) -> Vec<u8> {
        let bytes = number.to_bytes_be();
        let missing = self.modulus().len().saturating_sub(bytes.len());
        [vec![0; missing], bytes].concat()
    }
}

/// `DigestInfo` of SHA-256 (RFC 8017 §9.2, note 1).
pub fn digest_info(message: &[u8]) -> Vec<u8> {
    const SHA256_PREFIX: [u8; 19] = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
        0x05, 0x00, 0x04, 0x20,
    ];
    [&SHA256_PREFIX, digest(&SHA256, message).as_ref()].concat()
}

/// A prime of so many bits whose two highest are ones.
fn prime(bits: u64) -> BigUint {
    loop {
        let mut candidate = random(bits);
        candidate.set_bit(bits - 1, true);
        candidate.set_bit(bits - 2, true);
        candidate.set_bit(0, true);
        if is_prime(&candidate) {
            return candidate;
        }
    }
}

fn random(bits: u64) -> BigUint {
    let mut bytes = vec![0; usize::try_from(bits.div_ceil(8)).expect("few bits")];
    rand::fill(&mut bytes).expect("the system has random numbers");
    BigUint::from_bytes_be(&bytes) >> (bits.div_ceil(8) * 8 - bits)
}

/// Trial division, then Miller and Rabin's test, whose errors at this size are rarer than a machine's.
fn is_prime(candidate: &BigUint) -> bool {
    let zero = BigUint::default();
    if (3..2000_u32)
        .step_by(2)
        .any(|divisor| candidate % divisor == zero)
    {
        return false;
    }
    let one = BigUint::from(1_u8);
    let less_one = candidate - &one;
    let twos = less_one.trailing_zeros().unwrap_or_default();
    let odd = &less_one >> twos;
    (0..8).all(|_| {
        let base = random(candidate.bits() - 1) + 2_u8;
        let mut power = base.modpow(&odd, candidate);
        if power == one || power == less_one {
            return true;
        }
        (1..twos).any(|_| {
            power = &power * &power % candidate;
            power == less_one
        })
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RsaPublicKeyComponents,
    };

    use super::*;

    #[test]
    fn a_key_has_the_size_that_was_asked_for_and_its_signatures_are_good() {
        for (bits, exponent) in [(1024, 65537), (1023, 65537), (1024, 3)] {
            let key = Numbers::generate(bits, exponent);
            assert_eq!(key.n.bits(), bits);
            let public = RsaPublicKeyComponents {
                n: key.modulus(),
                e: key.exponent(),
            };

            let signature = key.sign(b"a text");

            let algorithm = &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
            if (bits, exponent) == (1024, 65537) {
                public
                    .verify(algorithm, b"a text", &signature)
                    .expect("a good signature");
                public
                    .verify(algorithm, b"another", &signature)
                    .expect_err("another text");
            } else {
                let back = BigUint::from_bytes_be(&signature).modpow(&key.e, &key.n);
                assert_eq!(key.fit(&back), key.block(&digest_info(b"a text")));
            }
        }
    }
}
