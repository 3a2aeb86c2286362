//! The vault's HTTP side: which request gets which answer.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::reply::{answer, json_response};
use crate::tenant::Tenant;

use super::fault::{Before, FaultKind};
use super::secret::{NewSecret, NotASecret};
use super::store::is_name;
use super::{Asked, SUFFIX, State, Vault, access};

const MAX_REQUEST_BYTES: usize = 64 * 1024;
/// How many entries a page has unless fewer are asked for.
const PAGE: usize = 25;

/// A whole answer.
type Answer = Response<Full<Bytes>>;

impl Vault {
    /// Answers one HTTP request, or not at all, for those whom the tenant gave a token.
    pub async fn serve<B>(&self, tenant: &Tenant, request: Request<B>) -> Option<Answer>
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
        let asked = asked(&operation);
        self.lock()
            .served
            .entry(asked.clone())
            .or_default()
            .requests += 1;

        let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await;
        let mut response = match body {
            Ok(body) => {
                self.respond(tenant, &parts, &operation, &body.to_bytes())
                    .await?
            }
            Err(_) => refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                "BadParameter",
                "The request is too long.",
                None,
            ),
        };
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

    /// The answer with whatever fault is on; `None` breaks the connection off.
    async fn respond(
        &self,
        tenant: &Tenant,
        parts: &Parts,
        operation: &Operation<'_>,
        body: &[u8],
    ) -> Option<Answer> {
        let Some(fault) = self.shared.faults.next() else {
            return Some(self.carry_out(tenant, parts, operation, body));
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
                access::challenge(tenant, authority, resource),
            )),
            Before::Answer => {
                let right = self.carry_out(tenant, parts, operation, body);
                let (head, body) = right.into_parts();
                let body = body.collect().await.unwrap_or_else(|never| match never {});
                let body = fault.spoil(body.to_bytes().to_vec());
                Some(Response::from_parts(head, Full::from(body)))
            }
        }
    }

    fn carry_out(
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
        let mut state = self.lock();
        let done = state.permit(operation).and_then(|()| match operation {
            Operation::List => Ok(state.list(&origin, &query)),
            Operation::Versions(name) => state.versions(&origin, name, &query),
            Operation::Get(name, version) => state.secret(&origin, name, *version),
            Operation::Set(name) => state.set(&origin, name, body),
            Operation::Unknown => Err(Refused::Unknown),
        });
        match done {
            Ok(document) => answer(StatusCode::OK, &document),
            Err(refused) => refused.response(),
        }
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

/// What is asked of the vault.
enum Operation<'a> {
    List,
    Versions(&'a str),
    Get(&'a str, Option<&'a str>),
    Set(&'a str),
    Unknown,
}

impl<'a> Operation<'a> {
    fn of(method: &Method, path: &[&'a str]) -> Self {
        match (method.as_str(), path) {
            ("GET", ["secrets"]) => Self::List,
            ("GET", ["secrets", name]) => Self::Get(name, None),
            ("GET", ["secrets", name, "versions"]) => Self::Versions(name),
            ("GET", ["secrets", name, version]) => Self::Get(name, Some(version)),
            ("PUT", ["secrets", name]) => Self::Set(name),
            _ => Self::Unknown,
        }
    }

    fn name(&self) -> Option<&'a str> {
        match self {
            Self::List | Self::Unknown => None,
            Self::Versions(name) | Self::Get(name, _) | Self::Set(name) => Some(name),
        }
    }

    /// The operation's word, and the action that a role has to allow for it.
    fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::List => ("list", "readMetadata"),
            Self::Versions(_) => ("versions", "readMetadata"),
            Self::Get(..) => ("get", "getSecret"),
            Self::Set(_) => ("set", "setSecret"),
            Self::Unknown => ("unknown", "unknown"),
        }
    }
}

/// Under which line a request is counted. Names that no vault takes are counted together.
fn asked(operation: &Operation<'_>) -> Asked {
    let name = operation.name().filter(|name| is_name(name));
    Asked {
        operation: operation.words().0,
        name: name.unwrap_or_default().to_ascii_lowercase(),
    }
}

/// Why the vault does not do what it is asked for.
enum Refused {
    Unknown,
    Name(String),
    NotFound(String),
    Disabled,
    Forbidden(&'static str),
    NotASecret(NotASecret),
}

impl Refused {
    /// The status and the words of a real vault.
    fn response(&self) -> Answer {
        match self {
            Self::Unknown => refusal(
                StatusCode::NOT_FOUND,
                "NotFound",
                "The stand-in has no such address; it keeps secrets only.",
                None,
            ),
            Self::Name(name) => {
                bad_parameter(&format!("The request URI contains an invalid name: {name}"))
            }
            Self::NotFound(name) => refusal(
                StatusCode::NOT_FOUND,
                "SecretNotFound",
                &format!("A secret with (name/id) {name} was not found in this key vault."),
                None,
            ),
            Self::Disabled => refusal(
                StatusCode::FORBIDDEN,
                "Forbidden",
                "Operation get is not allowed on a disabled secret.",
                Some("SecretDisabled"),
            ),
            Self::Forbidden(action) => refusal(
                StatusCode::FORBIDDEN,
                "Forbidden",
                &format!(
                    "Caller is not authorized to perform action on resource.\r\nAction: \
                     'Microsoft.KeyVault/vaults/secrets/{action}/action'\r\nAssignment: (not found)"
                ),
                Some("ForbiddenByRbac"),
            ),
            Self::NotASecret(why) => bad_parameter(&why.to_string()),
        }
    }
}

impl State {
    fn permit(&self, operation: &Operation<'_>) -> Result<(), Refused> {
        let Some(name) = operation.name() else {
            return Ok(());
        };
        if !is_name(name) {
            return Err(Refused::Name(name.to_owned()));
        }
        if self.denied.contains(&name.to_ascii_lowercase()) {
            return Err(Refused::Forbidden(operation.words().1));
        }
        Ok(())
    }

    fn secret(&self, origin: &str, name: &str, version: Option<&str>) -> Result<Value, Refused> {
        let missing = || {
            Refused::NotFound(match version {
                None => name.to_owned(),
                Some(version) => format!("{name}/{version}"),
            })
        };
        let secret = self.secrets.get(name).ok_or_else(missing)?;
        let version = secret.version(version).ok_or_else(missing)?;
        if !version.is_enabled() {
            return Err(Refused::Disabled);
        }
        Ok(secret.bundle(origin, version))
    }

    fn list(&self, origin: &str, query: &Query) -> Value {
        let items = self.secrets.iter().map(|secret| secret.item(origin));
        query.page(&format!("{origin}/secrets"), items.collect())
    }

    fn versions(&self, origin: &str, name: &str, query: &Query) -> Result<Value, Refused> {
        let secret = self.secrets.get(name);
        let secret = secret.ok_or_else(|| Refused::NotFound(name.to_owned()))?;
        let address = format!("{origin}/secrets/{}/versions", secret.name());
        Ok(query.page(&address, secret.version_items(origin)))
    }

    fn set(&mut self, origin: &str, name: &str, body: &[u8]) -> Result<Value, Refused> {
        let secret = NewSecret::from_api(body).map_err(Refused::NotASecret)?;
        self.secrets
            .set(name, secret)
            .map_err(Refused::NotASecret)?;
        let secret = self.secrets.get(name).expect("it was set just now");
        Ok(secret.bundle(origin, secret.latest()))
    }
}

/// What the query says.
struct Query {
    version: Option<String>,
    results: usize,
    skipped: usize,
}

impl Query {
    fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let find = |wanted: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.into_owned())
        };
        let number = |name: &str| find(name).and_then(|text| text.parse().ok());
        Self {
            version: find("api-version").filter(|version| !version.is_empty()),
            results: number("maxresults").map_or(PAGE, |n: usize| n.clamp(1, PAGE)),
            skipped: number("$skiptoken").unwrap_or(0),
        }
    }

    /// A part of the entries, and where the next one is.
    fn page(&self, address: &str, items: Vec<Value>) -> Value {
        let Self {
            version,
            results,
            skipped,
        } = self;
        let end = skipped.saturating_add(*results);
        let next = (end < items.len()).then(|| {
            let version = version.as_deref().unwrap_or_default();
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("api-version", version)
                .append_pair("$skiptoken", &end.to_string())
                .append_pair("maxresults", &results.to_string())
                .finish();
            format!("{address}?{query}")
        });
        let part: Vec<Value> = items.into_iter().skip(*skipped).take(*results).collect();
        json!({"value": part, "nextLink": next})
    }
}

fn unauthorized(message: &str, challenge: HeaderValue) -> Answer {
    let mut response = refusal(StatusCode::UNAUTHORIZED, "Unauthorized", message, None);
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, challenge);
    response
}

fn bad_parameter(message: &str) -> Answer {
    refusal(StatusCode::BAD_REQUEST, "BadParameter", message, None)
}

/// An error as Key Vault writes it.
pub(super) fn refusal(
    status: StatusCode,
    code: &str,
    message: &str,
    inner: Option<&str>,
) -> Answer {
    let mut error = json!({"code": code, "message": message});
    if let Some(inner) = inner {
        error["innererror"] = json!({"code": inner});
    }
    let document = json!({"error": error});
    json_response(status, document.to_string().into_bytes())
}
