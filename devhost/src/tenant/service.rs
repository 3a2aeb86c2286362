//! The stand-in's HTTP side: which request gets which answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::reply::answer;

use super::documents::{self, Documents};
use super::fault::{Fault, FaultKind, Target};
use super::token::{Kind, TokenRequest, Version};
use super::{AUDIENCE, CLIENT, Rotation, TENANT, Tenant};

const MAX_REQUEST_BYTES: usize = 64 * 1024;

impl Tenant {
    /// Answers one HTTP request.
    pub async fn serve<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_REQUEST_BYTES).collect().await else {
            return refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                "invalid_request",
                "the body is too long",
            );
        };
        let query = parts.uri.query().unwrap_or_default();
        self.route(&parts.method, parts.uri.path(), query, &body.to_bytes())
            .await
    }

    async fn route(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        body: &[u8],
    ) -> Response<Full<Bytes>> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let is_get = method == Method::GET || method == Method::HEAD;
        match segments.as_slice() {
            ["stand-in"] if is_get => answer(StatusCode::OK, &self.state()),
            ["stand-in", "token"] if method == Method::POST => self.mint_for(body),
            ["stand-in", "rotate"] if method == Method::POST => self.rotate_for(body).await,
            ["stand-in", "fault"] if method == Method::POST => self.set_fault_for(body),
            // Where the redirect fault leads: a client that follows finds all as it should be.
            ["stand-in", "redirected", rest @ ..] if is_get => self
                .document(rest, query)
                .map_or_else(not_found, |(_, document)| answer(StatusCode::OK, &document)),
            [tenant, "oauth2", "v2.0", "token"] if method == Method::POST => {
                self.token_for(tenant, Version::V2, body)
            }
            [tenant, "oauth2", "token"] if method == Method::POST => {
                self.token_for(tenant, Version::V1, body)
            }
            segments if is_get => match self.document(segments, query) {
                Some((target, document)) => self.serve_document(target, path, document).await,
                None => not_found(),
            },
            _ => not_found(),
        }
    }

    /// The document at a path, and which faults apply to it.
    fn document(&self, segments: &[&str], query: &str) -> Option<(Target, Value)> {
        Some(match segments {
            [tenant, "v2.0", ".well-known", "openid-configuration"] => (
                Target::Discovery,
                self.documents(tenant, Version::V2, query)?.metadata(),
            ),
            [tenant, ".well-known", "openid-configuration"] => (
                Target::Discovery,
                self.documents(tenant, Version::V1, query)?.metadata(),
            ),
            [tenant, "discovery", "v2.0", "keys"] => (
                Target::Keys,
                self.key_set(&self.documents(tenant, Version::V2, query)?),
            ),
            [tenant, "discovery", "keys"] => (
                Target::Keys,
                self.key_set(&self.documents(tenant, Version::V1, query)?),
            ),
            _ => return None,
        })
    }

    fn documents<'a>(
        &'a self,
        tenant: &'a str,
        version: Version,
        query: &str,
    ) -> Option<Documents<'a>> {
        let documents = Documents::new(&self.shared.origin, tenant, version)?;
        Some(documents.for_app(query))
    }

    fn key_set(&self, documents: &Documents<'_>) -> Value {
        let mut keys = self.lock().keys.clone();
        if documents.app() == Some(AUDIENCE) {
            keys.push(Arc::clone(&self.shared.application));
        }
        documents.key_set(&keys)
    }

    async fn serve_document(
        &self,
        target: Target,
        path: &str,
        document: Value,
    ) -> Response<Full<Bytes>> {
        let fault = {
            let mut state = self.lock();
            match target {
                Target::Discovery => state.served.discovery += 1,
                Target::Keys => state.served.keys += 1,
            }
            state.faults.next(target)
        };
        let Some(fault) = fault else {
            return answer(StatusCode::OK, &document);
        };
        if fault.kind == FaultKind::Slow {
            tokio::time::sleep(Duration::from_secs(fault.seconds)).await;
        }
        fault.apply(
            document,
            path,
            self.shared.origin.as_str(),
            &self.shared.foreign,
        )
    }

    fn mint_for(&self, body: &[u8]) -> Response<Full<Bytes>> {
        match read::<TokenRequest>(body) {
            Ok(request) => answer(
                StatusCode::OK,
                &json!({
                    "token_type": "Bearer",
                    "expires_in": request.lifetime_seconds,
                    "access_token": self.mint(&request),
                }),
            ),
            Err(refused) => *refused,
        }
    }

    async fn rotate_for(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let rotation = match read::<Rotation>(body) {
            Ok(rotation) => rotation,
            Err(refused) => return *refused,
        };
        let tenant = self.clone();
        match tokio::task::spawn_blocking(move || tenant.rotate(rotation)).await {
            Ok(kid) => answer(StatusCode::OK, &json!({"kid": kid})),
            Err(_) => refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_error",
                "no key was made",
            ),
        }
    }

    fn set_fault_for(&self, body: &[u8]) -> Response<Full<Bytes>> {
        match read::<Fault>(body) {
            Ok(fault) => {
                self.set_fault(fault);
                answer(StatusCode::OK, &self.state())
            }
            Err(refused) => *refused,
        }
    }

    /// Entra's token endpoint, for applications. Any secret will do; `roles` is the stand-in's own.
    fn token_for(&self, tenant: &str, version: Version, body: &[u8]) -> Response<Full<Bytes>> {
        let refused = |code, why: &str| refusal(StatusCode::BAD_REQUEST, code, why);
        if !documents::is_tenant_id(tenant) {
            return refused("invalid_request", "AADSTS90002: the tenant is not found");
        }
        let form = |name: &str| {
            form_urlencoded::parse(body)
                .find(|(n, _)| n == name)
                .map(|(_, value)| value.into_owned())
        };
        if form("grant_type").as_deref() != Some("client_credentials") {
            return refused(
                "unsupported_grant_type",
                "AADSTS70003: only client_credentials is supported",
            );
        }
        let Some(client) = form("client_id").filter(|client| !client.is_empty()) else {
            return refused("invalid_request", "AADSTS900144: client_id is missing");
        };
        let proof = form("client_secret").or_else(|| form("client_assertion"));
        if proof.is_none_or(|proof| proof.is_empty()) {
            return refused("invalid_client", "AADSTS7000218: client_secret is missing");
        }
        let audience = match version {
            Version::V2 => {
                form("scope").and_then(|scope| Some(scope.strip_suffix("/.default")?.to_owned()))
            }
            Version::V1 => form("resource"),
        };
        let Some(audience) = audience else {
            return refused(
                "invalid_scope",
                "AADSTS1002012: the scope must end in /.default",
            );
        };
        let request = TokenRequest {
            kind: Kind::App,
            tenant: tenant.to_owned(),
            // A v2 token names the application, whichever of its URIs was asked for.
            audience: match version {
                Version::V2 => audience
                    .strip_prefix("api://")
                    .unwrap_or(&audience)
                    .to_owned(),
                Version::V1 => audience,
            },
            client,
            roles: form("roles")
                .map(|r| r.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
            version,
            ..TokenRequest::default()
        };
        answer(
            StatusCode::OK,
            &json!({
                "token_type": "Bearer",
                "expires_in": request.lifetime_seconds,
                "ext_expires_in": request.lifetime_seconds,
                "access_token": self.mint(&request),
            }),
        )
    }

    fn state(&self) -> Value {
        let state = self.lock();
        let signing = state.signing_key();
        let keys = state
            .keys
            .iter()
            .map(|key| json!({"kid": key.kid(), "signs": key.kid() == signing.kid()}));
        json!({
            "origin": self.shared.origin,
            "tenant": TENANT,
            "audience": AUDIENCE,
            "client": CLIENT,
            "issuer": format!("{}/{TENANT}/v2.0", self.shared.origin),
            "keys": keys.collect::<Vec<_>>(),
            "faults": state.faults,
            "served": state.served,
        })
    }
}

/// Reads a JSON body; none is the same as `{}`.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response<Full<Bytes>>>> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|problem| {
        Box::new(refusal(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            &problem.to_string(),
        ))
    })
}

pub(super) fn refusal(status: StatusCode, error: &str, description: &str) -> Response<Full<Bytes>> {
    answer(
        status,
        &json!({"error": error, "error_description": description}),
    )
}

fn not_found() -> Response<Full<Bytes>> {
    refusal(StatusCode::NOT_FOUND, "not_found", "see GET /stand-in")
}
