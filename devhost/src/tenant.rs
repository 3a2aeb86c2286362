//! A stand-in for Entra ID: discovery and key documents at Entra's paths, tokens that look like its
//! access tokens, and faults to switch on.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /{tenant}/v2.0/.well-known/openid-configuration` | metadata, v2 |
//! | `GET /{tenant}/.well-known/openid-configuration` | metadata, v1 |
//! | `GET /{tenant}/discovery/v2.0/keys`, `GET /{tenant}/discovery/keys` | key sets |
//! | `POST /{tenant}/oauth2/v2.0/token`, `POST /{tenant}/oauth2/token` | an application's token |
//! | `POST /stand-in/token` | a token as the JSON [`TokenRequest`] wants it |
//! | `POST /stand-in/rotate` | a new signing key, as the JSON [`Rotation`] wants it |
//! | `POST /stand-in/fault` | switches a [`Fault`] on or off |
//! | `GET /stand-in` | what is going on |
//!
//! `{tenant}` is any tenant's GUID, or `common`, `organizations`, `consumers`. Whoever asks gets a
//! token, so nothing but a developer's own app may trust this tenant. Keys live and die with it.

mod der;
mod documents;
mod fault;
mod key;
#[cfg(test)]
mod tests;
mod token;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use fault::{Fault, FaultKind, Target};
pub use token::{Kind, SignedBy, TokenRequest, Version};

use documents::Documents;
use fault::Faults;
use key::SigningKey;

/// The tenant that tokens are from unless they say otherwise.
pub const TENANT: &str = "7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384";
/// The application that tokens are for unless they say otherwise: the app under development.
pub const AUDIENCE: &str = "e2a5d1b0-6f47-4c39-8a1e-5b7d90c3f612";
/// The application that asks for tokens unless it says otherwise.
pub const CLIENT: &str = "19f8c6d3-a2b4-4d70-8e5f-c3619b07e4a8";

const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// The stand-in. Clones share keys, faults and counts.
#[derive(Debug, Clone)]
pub struct Tenant {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    origin: String,
    /// Signs what must not be accepted; never published.
    foreign: SigningKey,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The published keys. The last one signs.
    keys: Vec<Arc<SigningKey>>,
    faults: Faults,
    served: Served,
}

/// How often each document was asked for, faults included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Served {
    /// Metadata documents.
    pub discovery: u64,
    /// Key sets.
    pub keys: u64,
    /// Tokens, by whichever way.
    pub tokens: u64,
}

/// What becomes of the key that signed until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    /// All older keys are withdrawn at once: tokens they signed are worth nothing any more.
    pub withdraw_old: bool,
}

impl Tenant {
    /// A stand-in reached at this origin, such as `http://127.0.0.1:7072`. Makes its RSA keys, which
    /// takes some tenths of a second.
    pub fn new(origin: impl Into<String>) -> Self {
        // Like Entra, it publishes more keys than the one that signs.
        let keys = vec![
            Arc::new(SigningKey::generate()),
            Arc::new(SigningKey::generate()),
        ];
        let state = State {
            keys,
            faults: Faults::default(),
            served: Served::default(),
        };
        Self {
            shared: Arc::new(Shared {
                origin: origin.into().trim_end_matches('/').to_owned(),
                foreign: SigningKey::generate(),
                state: Mutex::new(state),
            }),
        }
    }

    /// Where the stand-in is reached, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// A signed token.
    pub fn mint(&self, request: &TokenRequest) -> String {
        let key = {
            let mut state = self.lock();
            state.served.tokens += 1;
            state.signing_key()
        };
        let key = match request.signed_by {
            SignedBy::Current => &key,
            SignedBy::Foreign => &self.shared.foreign,
        };
        token::sign(request, &self.shared.origin, key)
    }

    /// Signs with a new key from now on, and gives its `kid`.
    pub fn rotate(&self, rotation: Rotation) -> String {
        let key = Arc::new(SigningKey::generate());
        let kid = key.kid().to_owned();
        let mut state = self.lock();
        if rotation.withdraw_old {
            state.keys.clear();
        }
        state.keys.push(key);
        kid
    }

    /// Switches a fault on, in place of the one its target has.
    pub fn set_fault(&self, fault: Fault) {
        self.lock().faults.set(fault);
    }

    /// How often documents and tokens were asked for.
    pub fn served(&self) -> Served {
        self.lock().served
    }

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
                self.documents(tenant, Version::V2, query)?
                    .key_set(&self.lock().keys),
            ),
            [tenant, "discovery", "keys"] => (
                Target::Keys,
                self.documents(tenant, Version::V1, query)?
                    .key_set(&self.lock().keys),
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

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one step, so a thread that panicked left nothing half done.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn signing_key(&self) -> Arc<SigningKey> {
        self.keys
            .last()
            .expect("rotation pushes a key after it clears")
            .clone()
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

fn answer(status: StatusCode, document: &impl Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(document).expect("documents have string keys only");
    json_response(status, body)
}

fn json_response(status: StatusCode, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn refusal(status: StatusCode, error: &str, description: &str) -> Response<Full<Bytes>> {
    answer(
        status,
        &json!({"error": error, "error_description": description}),
    )
}

fn not_found() -> Response<Full<Bytes>> {
    refusal(StatusCode::NOT_FOUND, "not_found", "see GET /stand-in")
}
