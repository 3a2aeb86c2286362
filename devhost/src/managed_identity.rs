//! A stand-in for the identity endpoint of App Service: tokens for the app itself, by no more than an
//! address and a header that the platform puts into its environment.
//!
//! `GET /msi/token?api-version=2019-08-01&resource=…[&client_id=…]` with `X-IDENTITY-HEADER` (Microsoft
//! Learn, "How to use managed identities for App Service", REST endpoint reference). The stand-in tenant
//! signs the token. The app has a system-assigned identity; any GUID is the client id of a user-assigned
//! one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fault::{Fault, Faults, Kind};
use crate::reply::{answer, bare, garbage};
use crate::tenant::{self, Tenant, TokenRequest, Version};

#[cfg(test)]
mod tests;

/// The path of the endpoint.
pub(crate) const PATH: &str = "/msi/token";
/// The header that shows who is asked: a page in a browser cannot set it.
const PROOF: &str = "x-identity-header";
/// How long a token of a managed identity is good for.
const LIFETIME_SECONDS: u64 = 24 * 60 * 60;
/// The client id of the system-assigned identity.
pub const SYSTEM_ASSIGNED: &str = "5a0e8d3c-71b4-4f92-a6c8-2d93f7e1b045";
/// The service principal of every identity.
const PRINCIPAL: &str = "d84f1a6b-3c57-4e20-9b8d-60a2c7e5f319";
/// A resource that nobody asked for.
const OTHER_RESOURCE: &str = "https://other.example";

/// What goes wrong with the identity endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Nothing.
    #[default]
    None,
    /// Connections are refused; with [`Fault::times`] they are broken off without an answer instead.
    Down,
    /// `Fault::status` without a body.
    Status,
    /// 429, to be tried again after [`Fault::seconds`].
    Throttled,
    /// The right answer, after [`Fault::seconds`].
    Slow,
    /// HTML instead of JSON.
    Garbage,
    /// A token for another resource than the one asked for.
    OtherResource,
    /// `expires_on` is a number, which it never is on App Service.
    IntegerExpiry,
    /// A token that is good for [`Fault::seconds`] only.
    ShortLived,
}

impl Kind for FaultKind {
    const DOWN: Self = Self::Down;
}

/// The endpoint. Clones share its secret, faults and counts.
#[derive(Clone)]
pub struct ManagedIdentity {
    shared: Arc<Shared>,
}

struct Shared {
    proof: String,
    faults: Faults<FaultKind>,
    /// How often tokens for each resource were asked for by the right header, faults included.
    served: Mutex<BTreeMap<String, u64>>,
}

impl std::fmt::Debug for ManagedIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManagedIdentity").finish_non_exhaustive()
    }
}

impl Default for ManagedIdentity {
    fn default() -> Self {
        Self::new()
    }
}

impl ManagedIdentity {
    /// An endpoint with a header of its own.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                proof: Uuid::new_v4().simple().to_string(),
                faults: Faults::new(),
                served: Mutex::default(),
            }),
        }
    }

    /// What `X-IDENTITY-HEADER` has to say: the value of `IDENTITY_HEADER`.
    pub fn header(&self) -> &str {
        &self.shared.proof
    }

    /// Switches a fault on, in place of the one before.
    pub fn set_fault(&self, fault: Fault<FaultKind>) {
        self.shared.faults.set(fault);
    }

    pub(crate) fn faults(&self) -> &Faults<FaultKind> {
        &self.shared.faults
    }

    /// What is going on.
    pub(crate) fn report(&self) -> Value {
        let served = self.shared.served.lock();
        json!({
            "fault": self.shared.faults.current(),
            "requests": *served.unwrap_or_else(PoisonError::into_inner),
        })
    }

    /// Answers one HTTP request with a token that the tenant signs, or not at all.
    pub async fn serve<B>(
        &self,
        tenant: &Tenant,
        request: Request<B>,
    ) -> Option<Response<Full<Bytes>>> {
        if request.uri().path() != PATH {
            return Some(refusal(StatusCode::NOT_FOUND, "There is nothing here."));
        }
        if request.method() != Method::GET {
            return Some(refusal(StatusCode::METHOD_NOT_ALLOWED, "Use GET."));
        }
        if !self.is_proven(request.headers()) {
            let why = "X-IDENTITY-HEADER is not what IDENTITY_HEADER says.";
            return Some(refusal(StatusCode::UNAUTHORIZED, why));
        }
        let asked = match Asked::of(request.uri().query().unwrap_or_default()) {
            Ok(asked) => asked,
            Err(why) => return Some(refusal(StatusCode::BAD_REQUEST, why)),
        };
        self.count(&asked.resource);
        let fault = self.shared.faults.next();
        let fault = fault.unwrap_or_else(|| Fault::new(FaultKind::None));
        if fault.kind == FaultKind::Slow {
            tokio::time::sleep(Duration::from_secs(fault.seconds)).await;
        }
        respond(tenant, &asked, &fault)
    }

    fn is_proven(&self, headers: &HeaderMap) -> bool {
        headers.get(PROOF).is_some_and(|value| {
            verify_slices_are_equal(value.as_bytes(), self.shared.proof.as_bytes()).is_ok()
        })
    }

    fn count(&self, resource: &str) {
        let served = self.shared.served.lock();
        let mut served = served.unwrap_or_else(PoisonError::into_inner);
        *served.entry(resource.to_owned()).or_default() += 1;
    }
}

/// A question that can be answered.
struct Asked {
    resource: String,
    client: String,
}

impl Asked {
    fn of(query: &str) -> Result<Self, &'static str> {
        let find = |wanted: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        if find("api-version").as_deref() != Some("2019-08-01") {
            return Err("The api-version has to be 2019-08-01.");
        }
        let resource = find("resource").filter(|resource| !resource.is_empty());
        let client = find("client_id").unwrap_or_else(|| SYSTEM_ASSIGNED.to_owned());
        if Uuid::try_parse(&client).is_err() {
            return Err(
                "No User Assigned or Delegated Managed Identity found for specified \
                 ClientId/ResourceId/PrincipalId.",
            );
        }
        Ok(Self {
            resource: resource.ok_or("The resource is missing.")?,
            client,
        })
    }
}

fn respond(
    tenant: &Tenant,
    asked: &Asked,
    fault: &Fault<FaultKind>,
) -> Option<Response<Full<Bytes>>> {
    let token = |resource: &str, lifetime| token(tenant, resource, &asked.client, lifetime);
    let document = match fault.kind {
        FaultKind::None | FaultKind::Slow => token(&asked.resource, LIFETIME_SECONDS),
        FaultKind::OtherResource => token(OTHER_RESOURCE, LIFETIME_SECONDS),
        FaultKind::ShortLived => token(&asked.resource, fault.seconds),
        FaultKind::IntegerExpiry => {
            let mut document = token(&asked.resource, LIFETIME_SECONDS);
            document["expires_on"] = expiry(LIFETIME_SECONDS).into();
            document
        }
        FaultKind::Down => return None,
        FaultKind::Garbage => return Some(garbage()),
        FaultKind::Status => {
            let status = StatusCode::from_u16(fault.status);
            return Some(bare(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)));
        }
        FaultKind::Throttled => {
            let mut response = refusal(StatusCode::TOO_MANY_REQUESTS, "Too many requests.");
            let seconds = HeaderValue::from(fault.seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            return Some(response);
        }
    };
    Some(answer(StatusCode::OK, &document))
}

/// The answer as App Service writes it: all members are strings.
fn token(tenant: &Tenant, resource: &str, client: &str, lifetime: u64) -> Value {
    let expires_on = expiry(lifetime);
    let request = TokenRequest {
        kind: tenant::Kind::App,
        audience: resource.to_owned(),
        client: client.to_owned(),
        object: Some(PRINCIPAL.to_owned()),
        lifetime_seconds: lifetime,
        version: Version::V1,
        ..TokenRequest::default()
    };
    json!({
        "access_token": tenant.mint(&request),
        "client_id": client,
        "expires_on": expires_on.to_string(),
        "resource": resource,
        "token_type": "Bearer",
    })
}

/// Seconds since 1970.
fn expiry(lifetime: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs()).saturating_add(lifetime)
}

fn refusal(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    answer(
        status,
        &json!({"statusCode": status.as_u16(), "message": message}),
    )
}
