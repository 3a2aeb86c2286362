use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

const MESSAGE: &[u8] = b"what is signed";

fn with_key(kty: Kty) -> Vault {
    let vault = vault();
    let key = NewKey {
        kty,
        ..NewKey::default()
    };
    vault.set_key("signer", key).expect("a name");
    vault
}

async fn public(vault: &Vault) -> Value {
    get(vault, "/keys/signer/?api-version=7.6").await.json()["key"].clone()
}

fn decoded(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("a text");
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

fn components(jwk: &Value) -> RsaPublicKeyComponents<Vec<u8>> {
    RsaPublicKeyComponents {
        n: decoded(&jwk["n"]),
        e: decoded(&jwk["e"]),
    }
}

fn input(algorithm: &str, value: &[u8]) -> Value {
    json!({"alg": algorithm, "value": URL_SAFE_NO_PAD.encode(value)})
}

/// The path of an operation with the version that the key's address names.
fn of_version(jwk: &Value, verb: &str) -> String {
    let kid = jwk["kid"].as_str().expect("an address");
    let (_, path) = kid.split_once(":7073").expect("the vault's own address");
    format!("{path}/{verb}")
}

#[tokio::test]
async fn an_rsa_key_signs_digests() {
    let vault = with_key(Kty::Rsa);
    let jwk = public(&vault).await;
    let key = components(&jwk);
    for (algorithm, hash, check) in [
        ("RS256", &SHA256, &RSA_PKCS1_2048_8192_SHA256),
        ("RS384", &SHA384, &RSA_PKCS1_2048_8192_SHA384),
        ("RS512", &SHA512, &RSA_PKCS1_2048_8192_SHA512),
        ("PS256", &SHA256, &RSA_PSS_2048_8192_SHA256),
        ("PS384", &SHA384, &RSA_PSS_2048_8192_SHA384),
        ("PS512", &SHA512, &RSA_PSS_2048_8192_SHA512),
    ] {
        let hash = digest(hash, MESSAGE);
        let path = of_version(&jwk, "sign");
        let got = post(&vault, &path, input(algorithm, hash.as_ref())).await;

        assert_eq!(got.status, 200, "{algorithm}");
        assert_eq!(got.json()["kid"], jwk["kid"], "{algorithm}");
        let signature = decoded(&got.json()["value"]);
        assert!(
            key.verify(check, MESSAGE, &signature).is_ok(),
            "{algorithm}"
        );
        assert!(
            key.verify(check, b"another", &signature).is_err(),
            "{algorithm}"
        );
    }
}

#[tokio::test]
async fn an_ec_key_signs_digests() {
    let vault = with_key(Kty::Ec);
    let jwk = public(&vault).await;
    let hash = digest(&SHA256, MESSAGE);

    let got = post(&vault, "/keys/signer/sign", input("ES256", hash.as_ref())).await;

    let point = [vec![4], decoded(&jwk["x"]), decoded(&jwk["y"])].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    let signature = decoded(&got.json()["value"]);
    assert_eq!(signature.len(), 64);
    assert!(key.verify(MESSAGE, &signature).is_ok());
    assert!(key.verify(b"another", &signature).is_err());
}

#[tokio::test]
async fn what_was_encrypted_for_a_key_is_decrypted() {
    let vault = with_key(Kty::Rsa);
    let jwk = public(&vault).await;
    let key: PublicEncryptingKey = components(&jwk).try_into().expect("an RSA key");
    let key = OaepPublicEncryptingKey::new(key).expect("of 2048 bits");
    let mut room = vec![0; key.ciphertext_size()];
    let sealed = key.encrypt(&OAEP_SHA256_MGF1SHA256, MESSAGE, &mut room, None);
    let mut sealed = sealed.expect("it fits").to_vec();
    for verb in ["decrypt", "unwrapkey"] {
        let path = of_version(&jwk, verb);
        let got = post(&vault, &path, input("RSA-OAEP-256", &sealed)).await;
        assert_eq!(decoded(&got.json()["value"]), MESSAGE, "{verb}");
    }

    sealed[7] ^= 1;
    let spoilt = post(
        &vault,
        "/keys/signer/decrypt",
        input("RSA-OAEP-256", &sealed),
    )
    .await;
    assert_eq!(spoilt.codes(), (400, json!("BadParameter"), Value::Null));
}

#[tokio::test]
async fn what_does_not_fit_a_key_is_refused() {
    let hash = digest(&SHA256, MESSAGE);
    let hash = hash.as_ref();
    for (name, kty, verb, body, status) in [
        ("RS256", Kty::Rsa, "sign", input("RS256", hash), 200),
        (
            "a short digest",
            Kty::Rsa,
            "sign",
            input("RS256", &hash[1..]),
            400,
        ),
        (
            "no base64url",
            Kty::Rsa,
            "sign",
            json!({"alg": "RS256", "value": "+/"}),
            400,
        ),
        ("no value", Kty::Rsa, "sign", json!({"alg": "RS256"}), 400),
        ("ES256 by RSA", Kty::Rsa, "sign", input("ES256", hash), 400),
        ("RS256 by EC", Kty::Ec, "sign", input("RS256", hash), 400),
        ("HS256", Kty::Rsa, "sign", input("HS256", hash), 400),
        (
            "decrypting by EC",
            Kty::Ec,
            "decrypt",
            input("RSA-OAEP-256", hash),
            400,
        ),
        (
            "padding of old",
            Kty::Rsa,
            "decrypt",
            input("RSA1_5", hash),
            400,
        ),
        (
            "another verb",
            Kty::Rsa,
            "release",
            input("RS256", hash),
            404,
        ),
    ] {
        let got = post(&with_key(kty), &format!("/keys/signer/{verb}"), body).await;

        assert_eq!(got.status, status, "{name}: {:?}", got.json());
    }
}

#[tokio::test]
async fn a_disabled_key_is_told_and_does_nothing_and_one_that_is_over_signs_no_more() {
    let vault = with_key(Kty::Rsa);
    let hash = digest(&SHA256, MESSAGE);
    let use_it = async |verb: &str, algorithm: &str| {
        let path = format!("/keys/signer/{verb}");
        post(&vault, &path, input(algorithm, hash.as_ref())).await
    };
    let change = |change| {
        vault
            .change(Collection::Keys, "signer", None, change)
            .unwrap();
    };
    assert_eq!(use_it("sign", "RS256").await.status, 200);

    change(Change::Disable);
    let disabled = (403, json!("Forbidden"), json!("KeyDisabled"));
    assert_eq!(use_it("sign", "RS256").await.codes(), disabled);
    assert_eq!(use_it("decrypt", "RSA-OAEP-256").await.codes(), disabled);
    let told = get(&vault, "/keys/signer?api-version=7.6").await;
    assert_eq!(
        (told.status, &told.json()["attributes"]["enabled"]),
        (200, &json!(false))
    );

    change(Change::Enable);
    change(Change::Expire);
    let over = (403, json!("Forbidden"), Value::Null);
    assert_eq!(use_it("sign", "RS256").await.codes(), over);
    // It gets as far as the padding.
    assert_eq!(use_it("decrypt", "RSA-OAEP-256").await.status, 400);
}

#[tokio::test]
async fn keys_are_missing_denied_and_counted_like_secrets() {
    let vault = with_key(Kty::Ec);
    let hash = digest(&SHA256, MESSAGE);
    let missing = get(&vault, "/keys/other?api-version=7.6").await.codes();
    assert_eq!(missing, (404, json!("KeyNotFound"), Value::Null));
    vault.deny("signer", true);
    let denied = post(&vault, "/keys/signer/sign", input("ES256", hash.as_ref())).await;
    assert_eq!(
        denied.codes(),
        (403, json!("Forbidden"), json!("ForbiddenByRbac"))
    );
    let message = denied.json()["error"]["message"].to_string();
    assert!(message.contains("vaults/keys/sign/action"), "{message}");

    let requests = vault.report()["requests"].clone();

    let lines = requests.as_array().unwrap().iter();
    let lines: Vec<_> = lines
        .map(|line| (&line["operation"], &line["name"]))
        .collect();
    assert_eq!(
        lines,
        [
            (&json!("get key"), &json!("other")),
            (&json!("sign"), &json!("signer"))
        ]
    );
}

#[test]
fn debug_output_tells_no_key() {
    let vault = with_key(Kty::Ec);
    let pem = NewCertificate::default().make().unwrap().secret;

    assert!(!format!("{vault:?} {pem:?}").contains("PRIVATE"));
}
