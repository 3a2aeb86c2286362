//! The vault's HTTP side: which request gets which answer.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::reply::{answer, bare};
use crate::tenant::Tenant;

use super::fault::{Before, FaultKind};
use super::history::Request;
use super::key::Key;
use super::operation::{Operation, Use};
use super::page::Query;
use super::refusal::{Refused, bad_parameter, refusal, unauthorized};
use super::state::Asked;
use super::{SUFFIX, Vault, access};

const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// A whole answer.
type Answer = Response<Full<Bytes>>;

impl Vault {
    /// Answers one HTTP request, or not at all, for those whom the tenant gave a token.
    pub async fn serve<B>(&self, tenant: &Tenant, request: http::Request<B>) -> Option<Answer>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let path: Vec<&str> = parts
            .uri
            .path()
            .split('/')
            .filter(|s| !s.is_empty())
            .collect();
        let operation = Operation::of(&parts.method, &path);
        let asked = Asked::of(&operation);
        let number = self.begin(&asked, &parts);

        let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await;
        let response = match body {
            Ok(body) => {
                self.respond(tenant, &parts, &operation, &body.to_bytes())
                    .await
            }
            Err(_) => Some(refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                "BadParameter",
                "The request is too long.",
                None,
            )),
        };
        let status = response.as_ref().map(|response| response.status().as_u16());
        self.lock().history.end(number, status);
        let mut response = response?;
        let id = Uuid::new_v4().to_string();
        let id = HeaderValue::try_from(id).expect("a GUID is written in visible characters");
        response.headers_mut().insert("x-ms-request-id", id);
        let mut state = self.lock();
        let served = state.served.entry(asked).or_default();
        *served
            .statuses
            .entry(response.status().as_u16())
            .or_default() += 1;
        Some(response)
    }

    /// Counts a request, and gives its number in the history.
    fn begin(&self, asked: &Asked, parts: &Parts) -> u64 {
        let fault = self.shared.faults.current();
        let host = parts.headers.get(header::HOST);
        let mut state = self.lock();
        state.served.entry(asked.clone()).or_default().requests += 1;
        state.history.begin(Request {
            operation: asked.operation,
            name: asked.name.clone(),
            host: host.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned()),
            fault: fault.map(|fault| fault.kind).unwrap_or_default(),
            authorization: parts.headers.contains_key(header::AUTHORIZATION),
        })
    }

    /// The answer with whatever fault is on; `None` breaks the connection off.
    async fn respond(
        &self,
        tenant: &Tenant,
        parts: &Parts,
        operation: &Operation<'_>,
        body: &[u8],
    ) -> Option<Answer> {
        let Some(fault) = self.shared.faults.next() else {
            return Some(self.carry_out(tenant, parts, operation, body).await);
        };
        if fault.kind == FaultKind::Slow {
            tokio::time::sleep(Duration::from_secs(fault.seconds)).await;
        }
        match fault.before() {
            Before::Nothing => None,
            Before::Instead(response) => Some(*response),
            Before::Challenge {
                resource,
                authority,
            } => Some(unauthorized(
                "AKV10000: Request is missing a Bearer or PoP token.",
                access::challenge(tenant, authority.as_deref(), resource.as_deref()),
            )),
            Before::SendOn(origin) => {
                let mut response = bare(StatusCode::TEMPORARY_REDIRECT);
                let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
                if let Ok(location) = HeaderValue::try_from(format!("{origin}{path}")) {
                    response.headers_mut().insert(header::LOCATION, location);
                }
                Some(response)
            }
            Before::Answer => {
                let right = self.carry_out(tenant, parts, operation, body).await;
                let (head, body) = right.into_parts();
                let body = body.collect().await.unwrap_or_else(|never| match never {});
                let body = fault.spoil(body.to_bytes().to_vec());
                Some(Response::from_parts(head, Full::from(body)))
            }
        }
    }

    async fn carry_out(
        &self,
        tenant: &Tenant,
        parts: &Parts,
        operation: &Operation<'_>,
        body: &[u8],
    ) -> Answer {
        if let Err(why) = access::authenticate(&parts.headers, tenant) {
            return unauthorized(&why, access::challenge(tenant, None, None));
        }
        let query = Query::of(parts);
        if query.version.is_none() {
            return bad_parameter("api-version must be specified");
        }
        let origin = self.origin(parts);
        let done = match operation {
            Operation::Key(verb, name, version) => {
                self.use_key(&origin, operation, *verb, name, *version, body)
                    .await
            }
            _ => self.look_up(&origin, operation, &query, body),
        };
        match done {
            Ok(document) => answer(StatusCode::OK, &document),
            Err(refused) => refused.response(),
        }
    }

    /// What is there already, or is put there.
    fn look_up(
        &self,
        origin: &str,
        operation: &Operation<'_>,
        query: &Query,
        body: &[u8],
    ) -> Result<Value, Refused> {
        let mut state = self.lock();
        state.permit(operation)?;
        match operation {
            Operation::List => Ok(state.list(origin, query)),
            Operation::Versions(name) => state.versions(origin, name, query),
            Operation::Get(name, version) => state.secret(origin, name, *version),
            Operation::Set(name) => state.set_by_client(origin, name, body),
            Operation::Certificate(name, version) => state.certificate(origin, name, *version),
            Operation::Key(..) | Operation::Unknown => Err(Refused::Unknown),
        }
    }

    /// What takes its time, away from the requests of others.
    async fn use_key(
        &self,
        origin: &str,
        operation: &Operation<'_>,
        verb: Use,
        name: &str,
        version: Option<&str>,
        body: &[u8],
    ) -> Result<Value, Refused> {
        let (kid, key, told) = {
            let state = self.lock();
            state.permit(operation)?;
            state.key(origin, verb, name, version)?
        };
        let body = body.to_vec();
        let used = tokio::task::spawn_blocking(move || use_key(verb, &key, &kid, &told, &body));
        used.await.unwrap_or(Err(Refused::Unknown))
    }

    /// The vault's address as the client wrote it, which ids begin with.
    fn origin(&self, parts: &Parts) -> String {
        let host = parts.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        let host = host.map(str::to_ascii_lowercase).filter(|host| {
            let name = host.split_once(':').map_or(host.as_str(), |(name, _)| name);
            name.ends_with(SUFFIX)
        });
        host.map_or_else(
            || self.shared.origin.clone(),
            |host| format!("https://{host}"),
        )
    }
}

/// What an operation with a key takes.
#[derive(Deserialize)]
struct KeyInput {
    alg: String,
    /// base64url (RFC 7515 §2).
    value: String,
}

/// Uses a key, which may have to be made first.
fn use_key(verb: Use, key: &Key, kid: &str, told: &Value, body: &[u8]) -> Result<Value, Refused> {
    if verb == Use::Get {
        return Ok(json!({"key": key.jwk(kid), "attributes": told}));
    }
    let input: KeyInput = serde_json::from_slice(body).map_err(|_| Refused::Body)?;
    let value = URL_SAFE_NO_PAD.decode(&input.value);
    let value = value.map_err(|_| Refused::Body)?;
    let done = match verb {
        Use::Sign => key.sign(&input.alg, &value),
        Use::Decrypt | Use::UnwrapKey | Use::Get => key.decrypt(&input.alg, &value),
    };
    let done = done.map_err(Refused::Key)?;
    Ok(json!({"kid": kid, "value": URL_SAFE_NO_PAD.encode(done)}))
}
