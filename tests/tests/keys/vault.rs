//! The vault of devhost: set up by its admin API, and asked for public keys as any client would.

use std::net::SocketAddr;

use aws_lc_rs::rsa::{PublicEncryptingKey, PublicKeyComponents};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RsaParameters, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stockade_tests::{Host, Request};

/// Changes what the vault holds.
pub(crate) fn admin(host: &Host, method: &str, path: &str, body: &Value) {
    let request = Request::new(method, &format!("/admin/devhost/vault/{path}"));
    host.storage(if body.is_null() {
        request
    } else {
        request.json(body)
    });
}

/// Switches a fault of the vault.
pub(crate) fn fault(host: &Host, wanted: &Value) {
    admin(host, "POST", "fault", wanted);
}

/// The public half of a key's latest version.
pub(crate) struct PublicKey(Value);

impl PublicKey {
    pub(crate) fn of(host: &Host, name: &str) -> Self {
        let token = host.token(&json!({
            "kind": "app", "version": "1.0", "audience": "https://vault.localhost",
        }));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let bundle: Value = runtime.block_on(async {
            let answer = client(host)
                .get(format!("{}keys/{name}?api-version=7.6", host.vault()))
                .bearer_auth(token)
                .send()
                .await
                .expect("an answer");
            let body = answer.bytes().await.expect("a body");
            serde_json::from_slice(&body).expect("JSON")
        });
        assert!(bundle["key"].is_object(), "{bundle}");
        Self(bundle["key"].clone())
    }

    pub(crate) fn version(&self) -> String {
        let kid = self.0["kid"].as_str().expect("a key has an address");
        let (_, version) = kid.rsplit_once('/').expect("it ends with the version");
        version.to_owned()
    }

    pub(crate) fn verifies_rsa(
        &self,
        check: &'static RsaParameters,
        message: &str,
        signature: &[u8],
    ) -> bool {
        let verified = self
            .components()
            .verify(check, message.as_bytes(), signature);
        verified.is_ok()
    }

    pub(crate) fn verifies_es256(&self, message: &str, signature: &[u8]) -> bool {
        let point = [vec![4], self.number("x"), self.number("y")].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.verify(message.as_bytes(), signature).is_ok()
    }

    pub(crate) fn encrypting(&self) -> PublicEncryptingKey {
        self.components().try_into().expect("an RSA key")
    }

    fn components(&self) -> PublicKeyComponents<Vec<u8>> {
        PublicKeyComponents {
            n: self.number("n"),
            e: self.number("e"),
        }
    }

    fn number(&self, member: &str) -> Vec<u8> {
        let text = self.0[member].as_str().expect("a number of the key");
        URL_SAFE_NO_PAD.decode(text).expect("base64url")
    }
}

/// A client that trusts the vault and finds it.
fn client(host: &Host) -> reqwest::Client {
    let roots = std::fs::read(host.ca_file()).expect("devhost writes it");
    let roots = reqwest::Certificate::from_pem_bundle(&roots).expect("certificates");
    let url: reqwest::Url = host.vault().parse().expect("an address");
    let port = url.port().expect("the vault has its own port");
    let name = url.host_str().expect("a name");
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only(roots)
        .resolve(name, SocketAddr::from(([127, 0, 0, 1], port)))
        .build()
        .expect("a client")
}
