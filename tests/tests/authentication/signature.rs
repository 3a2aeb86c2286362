//! The signature: RSASSA-PKCS1-v1_5 with SHA-256 by the key that the tenant publishes under the name
//! (RFC 7518 §3.3, RFC 8017 §8.2.2).

use std::cell::RefCell;
use std::rc::Rc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256};
use stockade_tests::tenant::{Draft, digest_info};

use super::call::Call;
use super::change::good;
use super::table::{accepting, check};
use super::world::{
    ATTACKERS, KEY, OURS, SISTER, SISTERS, STRANGERS, of, sisters_token, strangers_token,
    two_tenants,
};

/// The good token with another signature of the same text.
fn signed_by(sign: impl Fn(&[u8]) -> Vec<u8> + Clone + 'static) -> impl Fn(Call) -> Call {
    move |call| {
        let sign = sign.clone();
        call.token(|token| token.signed_by(sign))
    }
}

/// The good token with its signature changed.
fn changed(change: impl Fn(Vec<u8>) -> Vec<u8> + Clone + 'static) -> impl Fn(Call) -> Call {
    move |call| {
        let change = change.clone();
        call.token(|token| token.signature(change))
    }
}

fn flipped(at: usize, bit: u8) -> impl Fn(Call) -> Call {
    changed(move |mut signature| {
        signature[at] ^= bit;
        signature
    })
}

#[test]
fn a_signature_that_is_not_the_keys_to_the_last_bit_is_none() {
    let modulus = || KEY.numbers().modulus();
    let less_one = || {
        let mut number = KEY.numbers().modulus();
        // A modulus is odd.
        *number.last_mut().expect("it has bytes") -= 1;
        number
    };
    check(
        two_tenants(),
        &[accepting("the signature", good)
            .but_not("its first bit flipped", "signature", flipped(0, 0x80))
            .but_not("its last bit flipped", "signature", flipped(255, 0x01))
            .but_not(
                "a bit in the middle flipped",
                "signature",
                flipped(128, 0x10),
            )
            .but_not(
                "its last byte cut off",
                "signature",
                changed(|signature| signature[..255].to_vec()),
            )
            .but_not(
                "its first byte cut off",
                "signature",
                changed(|signature| signature[1..].to_vec()),
            )
            .but_not(
                "its first half",
                "signature",
                changed(|signature| signature[..128].to_vec()),
            )
            .but_not(
                "a zero before it",
                "signature",
                changed(|signature| [vec![0], signature].concat()),
            )
            .but_not(
                "a zero after it",
                "signature",
                changed(|signature| [signature, vec![0]].concat()),
            )
            .but_not(
                "it twice",
                "signature",
                changed(|signature| signature.repeat(2)),
            )
            .but_not(
                "it backwards",
                "signature",
                changed(|signature| signature.into_iter().rev().collect()),
            )
            .but_not(
                "it and the modulus",
                "signature",
                changed(|signature| KEY.numbers().plus_modulus(&signature)),
            )
            .but_not("zeros", "signature", signed_by(|_| vec![0; 256]))
            .but_not("one zero", "signature", signed_by(|_| vec![0]))
            .but_not(
                "one",
                "signature",
                signed_by(|_| [vec![0; 255], vec![1]].concat()),
            )
            .but_not("ones", "signature", signed_by(|_| vec![0xff; 256]))
            .but_not("the modulus", "signature", signed_by(move |_| modulus()))
            .but_not(
                "the modulus less one",
                "signature",
                signed_by(move |_| less_one()),
            )],
    );
}

#[test]
fn a_signature_of_something_else_is_none() {
    let other = |text: &[u8]| {
        let mut other = text.to_vec();
        other.push(b' ');
        other
    };
    check(
        two_tenants(),
        &[
            accepting("a signature of header and payload", good)
                .but_not(
                    "of the payload alone",
                    "signature",
                    signed_by(|text| {
                        let dot = text
                            .iter()
                            .position(|byte| *byte == b'.')
                            .unwrap_or_default();
                        KEY.sign(&text[dot + 1..])
                    }),
                )
                .but_not(
                    "of the header alone",
                    "signature",
                    signed_by(|text| {
                        let dot = text
                            .iter()
                            .position(|byte| *byte == b'.')
                            .unwrap_or_default();
                        KEY.sign(&text[..dot])
                    }),
                )
                .but_not(
                    "of the text and a space",
                    "signature",
                    signed_by(move |text| KEY.sign(&other(text))),
                )
                .but_not("of nothing", "signature", signed_by(|_| KEY.sign(b"")))
                .but_not(
                    "of the text's hash",
                    "signature",
                    signed_by(|text| KEY.sign(digest(&SHA256, text).as_ref())),
                ),
            accepting("the claims that were signed", good)
                .but_not("another user", "signature", |call| {
                    call.token(|token| signed_before(&token, |token| token.claim("oid", "f00d")))
                })
                .but_not("more scopes", "signature", |call| {
                    call.token(|token| {
                        signed_before(&token, |token| {
                            token.claim("scp", "Orders.Read Orders.Write All")
                        })
                    })
                })
                .but_not("a longer life", "signature", |call| {
                    call.token(|token| {
                        signed_before(&token, |token| token.claim("exp", 4_000_000_000_u64))
                    })
                })
                .but_not(
                    "the same claims in other white space",
                    "signature",
                    |call| {
                        call.token(|token| {
                            signed_before(&token, |token| {
                                token.payload_bytes(|text| format!("{text} ").into_bytes())
                            })
                        })
                    },
                )
                .but_not("another header", "signature", |call| {
                    call.token(|token| signed_before(&token, |token| token.head("x5t", "other")))
                }),
        ],
    );
}

/// The changed token with the signature that it had before.
fn signed_before(token: &Draft, change: impl Fn(Draft) -> Draft) -> Draft {
    let signature = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&signature);
    let before = token.clone().signature(move |signature| {
        *kept.borrow_mut() = signature.clone();
        signature
    });
    before.make();
    let signature = signature.borrow().clone();
    change(token.clone()).signed_by(move |_| signature.clone())
}

#[test]
fn the_padding_is_that_of_pkcs1_with_sha256_and_no_other() {
    let raised =
        |block: fn(&[u8]) -> Vec<u8>| signed_by(move |text| KEY.numbers().raise(&block(text)));
    let padded = |content: fn(&[u8]) -> Vec<u8>| {
        signed_by(move |text| {
            let numbers = KEY.numbers();
            numbers.raise(&numbers.block(&content(text)))
        })
    };
    check(
        two_tenants(),
        &[
            accepting("a padded block", move || padded(digest_info)(good()))
                .but_not(
                    "the hash without its name",
                    "signature",
                    padded(|text| digest(&SHA256, text).as_ref().to_vec()),
                )
                .but_not(
                    "the hash under another name",
                    "signature",
                    padded(|text| {
                        let mut info = digest_info(text);
                        // The last number of the object identifier: SHA-384.
                        info[14] = 2;
                        info
                    }),
                )
                .but_not(
                    "the name without NULL",
                    "signature",
                    padded(|text| {
                        let info = digest_info(text);
                        [&[0x30, 0x2f, 0x30, 0x0b], &info[4..15], &info[17..]].concat()
                    }),
                )
                .but_not(
                    "something after the hash",
                    "signature",
                    padded(|text| [digest_info(text), vec![0; 8]].concat()),
                )
                .but_not(
                    "garbage in place of padding",
                    "signature",
                    raised(|text| {
                        let info = digest_info(text);
                        [&[0, 1, 0xff, 0][..], &info, &vec![0xaa; 252 - info.len()]].concat()
                    }),
                )
                .but_not(
                    "the padding of encryption",
                    "signature",
                    raised(|text| {
                        let mut block = KEY.numbers().block(&digest_info(text));
                        block[1] = 2;
                        block
                    }),
                )
                .but_not(
                    "the hash and nothing around it",
                    "signature",
                    raised(|text| digest(&SHA256, text).as_ref().to_vec()),
                )
                .but_not(
                    "SHA-384",
                    "signature",
                    signed_by(|text| KEY.sign_as(&RSA_PKCS1_SHA384, text)),
                )
                .but_not(
                    "SHA-512",
                    "signature",
                    signed_by(|text| KEY.sign_as(&RSA_PKCS1_SHA512, text)),
                )
                .but_not(
                    "PSS",
                    "signature",
                    signed_by(|text| KEY.sign_as(&RSA_PSS_SHA256, text)),
                ),
        ],
    );
}

#[test]
fn each_tenants_tokens_are_signed_with_its_own_keys() {
    let named = |kid: &'static str| move |call: Call| call.token(|token| token.head("kid", kid));
    check(
        two_tenants(),
        &[
            accepting("the tenant's key", good)
                .but_not("a key that nobody publishes", "signature", |call| {
                    call.token(|token| token.signed_with(&ATTACKERS))
                })
                .but_not("another listed tenant's key", "signature", |call| {
                    call.token(|token| token.signed_with(&SISTERS))
                })
                .but_not(
                    "another listed tenant's key by its name",
                    "unknown_key",
                    |call| call.token(|token| token.head("kid", "sister").signed_with(&SISTERS)),
                )
                .but_not(
                    "a key of a tenant that is not listed",
                    "signature",
                    |call| call.token(|token| token.signed_with(&STRANGERS)),
                )
                .but_not(
                    "the name of a key in the v1 document",
                    "unknown_key",
                    named("ours-v1"),
                ),
            accepting("the other tenant's key for its token", || {
                Call::with(two_tenants, sisters_token())
            })
            .but_not("the first one's", "unknown_key", named("spare"))
            .but_not(
                "the first one's under a name that both use",
                "signature",
                |call| call.token(|token| token.head("kid", "ours").signed_with(&KEY)),
            )
            .but_not("its own for the first one's token", "unknown_key", |call| {
                call.token(|token| of(token, OURS))
            }),
            accepting("a name that both tenants use", || {
                Call::with(two_tenants, sisters_token().head("kid", "ours"))
            }),
            accepting("a token of a listed tenant", || {
                Call::with(two_tenants, sisters_token())
            })
            .but_not("of one that is not", "tenant", |_| {
                Call::with(two_tenants, strangers_token())
            })
            .but_not("of one that is not, under a listed name", "issuer", |_| {
                Call::with(two_tenants, strangers_token().claim("tid", SISTER))
            }),
        ],
    );
}
