use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::*;

mod documents;
mod faults;
mod tokens;

const ORIGIN: &str = "http://127.0.0.1:7072";

/// Keys take their time, so tests that change nothing share a tenant.
static SHARED: LazyLock<Tenant> = LazyLock::new(|| Tenant::new(ORIGIN));

async fn send(
    tenant: &Tenant,
    method: Method,
    path: &str,
    body: &str,
) -> (u16, http::HeaderMap, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Full::<Bytes>::from(body.to_owned()));
    let (parts, body) = tenant.serve(request.unwrap()).await.into_parts();
    (
        parts.status.as_u16(),
        parts.headers,
        body.collect().await.unwrap().to_bytes().to_vec(),
    )
}

async fn get(tenant: &Tenant, path: &str) -> Value {
    let (status, _, body) = send(tenant, Method::GET, path, "").await;
    assert_eq!(status, 200, "{path}");
    serde_json::from_slice(&body).unwrap()
}

async fn post(tenant: &Tenant, path: &str, body: &str) -> (u16, Value) {
    let (status, _, body) = send(tenant, Method::POST, path, body).await;
    (status, serde_json::from_slice(&body).unwrap())
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Checks a token as a careful app does: by the key set, issuer and audience.
async fn verify(tenant: &Tenant, token: &str, keys: &str, issuer: &str) -> Result<Value, String> {
    let kid = decode_header(token).unwrap().kid.unwrap();
    let keys = get(tenant, keys).await;
    let key = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == *kid)
        .ok_or("no such key")?;
    let key =
        DecodingKey::from_rsa_components(key["n"].as_str().unwrap(), key["e"].as_str().unwrap())
            .unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[issuer]);
    validation.validate_nbf = true;
    decode::<Value>(token, &key, &validation)
        .map(|data| data.claims)
        .map_err(|e| e.to_string())
}

fn v2_keys() -> String {
    format!("/{TENANT}/discovery/v2.0/keys")
}

fn v2_issuer() -> String {
    format!("{ORIGIN}/{TENANT}/v2.0")
}

fn discovery() -> String {
    format!("/{TENANT}/v2.0/.well-known/openid-configuration")
}
