//! RS256 is the one algorithm: nothing unsigned, no shared secret, no other signature (RFC 8725 §3.1,
//! §3.2).

use aws_lc_rs::signature::{
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use serde_json::{Value, json};
use stockade_tests::tenant::{CurveKey, hmac_sha256, jwk};

use super::call::Call;
use super::change::{good, head, head_without};
use super::table::{accepting, check};
use super::world::{KEY, two_tenants};

#[test]
fn nothing_unsigned_is_accepted_however_none_is_spelled() {
    let unsigned = |spelling: &'static str| {
        move |call: Call| call.token(|token| token.head("alg", spelling).signed_by(|_| Vec::new()))
    };
    check(
        two_tenants(),
        &[
            accepting("a signature", good)
                .but_not("none at all", "malformed_token", unsigned("none"))
                .but_not("None at all", "malformed_token", unsigned("None"))
                .but_not("NONE at all", "malformed_token", unsigned("NONE"))
                .but_not(
                    "an empty one under RS256",
                    "malformed_token",
                    unsigned("RS256"),
                ),
            accepting("RS256 over a good signature", good)
                .but_not("none", "algorithm", head("alg", "none"))
                .but_not("None", "algorithm", head("alg", "None"))
                .but_not("NONE", "algorithm", head("alg", "NONE"))
                .but_not("nOnE", "algorithm", head("alg", "nOnE"))
                .but_not("none with a space", "algorithm", head("alg", "none "))
                .but_not("nothing", "algorithm", head("alg", "")),
        ],
    );
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let by = |alg: &'static str, secret: fn() -> Vec<u8>| {
        move |call: Call| {
            call.token(|token| {
                token
                    .head("alg", alg)
                    .signed_by(move |text| hmac_sha256(&secret(), text))
            })
        }
    };
    let pem = || KEY.public_pem().into_bytes();
    check(
        two_tenants(),
        &[accepting("RS256 by the key", good)
            .but_not("HS256 by its PEM", "algorithm", by("HS256", pem))
            .but_not(
                "HS256 by its PEM without the last line end",
                "algorithm",
                by("HS256", || KEY.public_pem().trim_end().as_bytes().to_vec()),
            )
            .but_not(
                "HS256 by its DER",
                "algorithm",
                by("HS256", || KEY.public_der()),
            )
            .but_not(
                "HS256 by its modulus",
                "algorithm",
                by("HS256", || KEY.numbers().modulus()),
            )
            .but_not(
                "HS256 by its entry in the key set",
                "algorithm",
                by("HS256", || {
                    jwk("ours", KEY.numbers(), "").to_string().into_bytes()
                }),
            )
            .but_not(
                "HS256 by its name",
                "algorithm",
                by("HS256", || b"ours".to_vec()),
            )
            .but_not("HS256 by nothing", "algorithm", by("HS256", Vec::new))
            .but_not(
                "RS256 in name and HMAC by its PEM",
                "signature",
                by("RS256", pem),
            )
            .but_not(
                "RS256 in name and HMAC by its modulus",
                "signature",
                by("RS256", || KEY.numbers().modulus()),
            )],
    );
}

#[test]
fn rs256_is_the_one_algorithm() {
    let by = |alg: &'static str, algorithm: &'static dyn RsaEncoding| {
        move |call: Call| {
            call.token(|token| {
                token
                    .head("alg", alg)
                    .signed_by(move |text| KEY.sign_as(algorithm, text))
            })
        }
    };
    let curve = |call: Call| {
        let key = CurveKey::generate();
        call.token(|token| {
            token
                .head("alg", "ES256")
                .signed_by(move |text| key.sign(text))
        })
    };
    check(
        two_tenants(),
        &[
            accepting("RS256", good)
                .but_not("RS384", "algorithm", by("RS384", &RSA_PKCS1_SHA384))
                .but_not("RS512", "algorithm", by("RS512", &RSA_PKCS1_SHA512))
                .but_not("PS256", "algorithm", by("PS256", &RSA_PSS_SHA256))
                .but_not("PS384", "algorithm", by("PS384", &RSA_PSS_SHA384))
                .but_not("PS512", "algorithm", by("PS512", &RSA_PSS_SHA512))
                .but_not("ES256", "algorithm", curve)
                .but_not("EdDSA", "algorithm", head("alg", "EdDSA"))
                .but_not("RS1", "algorithm", head("alg", "RS1"))
                .but_not("RSA-OAEP", "algorithm", head("alg", "RSA-OAEP"))
                .but_not("dir", "algorithm", head("alg", "dir"))
                .but_not(
                    "its name in XML",
                    "algorithm",
                    head("alg", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
                )
                .but_not("rs256 in lower case", "algorithm", head("alg", "rs256"))
                .but_not("RS256 and a space", "algorithm", head("alg", "RS256 "))
                .but_not("RS256 and a zero byte", "algorithm", head("alg", "RS256\0"))
                .but_not("a list", "algorithm", head("alg", json!(["RS256"])))
                .but_not(
                    "an object",
                    "algorithm",
                    head("alg", json!({"RS256": true})),
                )
                .but_not("a number", "algorithm", head("alg", 256))
                .but_not("null", "algorithm", head("alg", Value::Null))
                .but_not("true", "algorithm", head("alg", true))
                .but_not("no algorithm", "algorithm", head_without("alg"))
                .but_not("Alg", "algorithm", |call| {
                    call.token(|token| token.head_without("alg").head("Alg", "RS256"))
                }),
            accepting("RS256 with an escape in it", || {
                good().token(|token| token.head_without("alg").head_also(r#""alg":"RS\u003256""#))
            }),
        ],
    );
}
