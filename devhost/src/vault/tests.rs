use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use crate::tenant::{SignedBy, Tenant, TokenRequest, Version};

use super::*;

mod certificates;
mod faults;
mod keys;
mod local_file;
mod secrets;

const ORIGIN: &str = "https://devhost.vault.localhost:7073";

/// Keys take their time, and no test changes the tenant.
static TENANT: LazyLock<Tenant> = LazyLock::new(|| Tenant::new("http://127.0.0.1:7072"));

fn vault() -> Vault {
    Vault::new(ORIGIN)
}

fn for_vault() -> TokenRequest {
    TokenRequest {
        kind: crate::tenant::Kind::App,
        audience: RESOURCE.to_owned(),
        version: Version::V1,
        ..TokenRequest::default()
    }
}

#[derive(Debug)]
struct Got {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The error's code, and the inner one.
    fn codes(&self) -> (u16, Value, Value) {
        let error = &self.json()["error"];
        let inner = error["innererror"]["code"].clone();
        (self.status, error["code"].clone(), inner)
    }
}

/// Sends a request with an `Authorization` header, if there is one.
async fn send(
    vault: &Vault,
    method: Method,
    path: &str,
    body: &str,
    authorization: Option<String>,
) -> Option<Got> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "mine.vault.localhost:7073");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(Full::<Bytes>::from(body.to_owned())).unwrap();
    let (parts, body) = vault.serve(&TENANT, request).await?.into_parts();
    Some(Got {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes().to_vec(),
    })
}

async fn get_with(vault: &Vault, path: &str, token: &TokenRequest) -> Got {
    let token = format!("Bearer {}", TENANT.mint(token));
    let got = send(vault, Method::GET, path, "", Some(token)).await;
    got.expect("an answer")
}

async fn get(vault: &Vault, path: &str) -> Got {
    get_with(vault, path, &for_vault()).await
}

async fn get_secret(vault: &Vault, name: &str) -> Got {
    get(vault, &format!("/secrets/{name}/?api-version=7.6")).await
}

async fn post(vault: &Vault, path: &str, body: Value) -> Got {
    let token = format!("Bearer {}", TENANT.mint(&for_vault()));
    let path = format!("{path}?api-version=7.6");
    let got = send(vault, Method::POST, &path, &body.to_string(), Some(token)).await;
    got.expect("an answer")
}
