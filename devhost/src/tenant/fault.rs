//! Faults: what the tenant's documents can be made to do wrong.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::reply::{answer, bare, garbage};

use super::key::SigningKey;
use super::service::refusal;

/// A tenant that the stand-in's documents are not about.
const OTHER_TENANT: &str = "3d9e5f60-84c1-4b27-a6f3-07d2c95e18ab";
/// Keys at an origin that is not the stand-in's, where nothing listens.
const OTHER_KEYS: &str = "http://127.0.0.2:9/keys";

/// Which documents a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Metadata.
    Discovery,
    /// Key sets.
    Keys,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Nothing.
    #[default]
    None,
    /// 503 without a body.
    Down,
    /// The right answer, after [`Fault::seconds`].
    Slow,
    /// The right answer with [`Fault::bytes`] of padding in it.
    Huge,
    /// HTML instead of JSON.
    Garbage,
    /// JSON of the right form with nothing in it.
    Empty,
    /// 302 to the right document at another path, or to [`Fault::location`].
    Redirect,
    /// The document is another tenant's.
    WrongIssuer,
    /// The metadata names keys at another origin; the key set has other keys under the same names.
    ForeignJwks,
    /// [`Fault::status`] without a body.
    Status,
}

/// A fault, as `POST /stand-in/fault` takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which documents it is about.
    pub target: Target,
    /// What goes wrong; `none` ends the fault.
    #[serde(default)]
    pub kind: FaultKind,
    /// For [`FaultKind::Slow`]: how long it takes.
    #[serde(default = "default_seconds")]
    pub seconds: u64,
    /// For [`FaultKind::Huge`]: how much is added.
    #[serde(default = "default_bytes")]
    pub bytes: usize,
    /// For [`FaultKind::Status`]: the status code.
    #[serde(default = "default_status")]
    pub status: u16,
    /// For [`FaultKind::Redirect`]: where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// After so many requests the fault ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

fn default_seconds() -> u64 {
    30
}

fn default_bytes() -> usize {
    8 * 1024 * 1024
}

fn default_status() -> u16 {
    500
}

impl Fault {
    /// A fault of this kind, with what else it needs at its usual values.
    pub fn new(target: Target, kind: FaultKind) -> Self {
        Self {
            target,
            kind,
            seconds: default_seconds(),
            bytes: default_bytes(),
            status: default_status(),
            location: None,
            times: None,
        }
    }

    /// What is served in place of the document at this path.
    pub(super) fn apply(
        &self,
        mut document: Value,
        path: &str,
        origin: &str,
        foreign: &SigningKey,
    ) -> Response<Full<Bytes>> {
        match self.kind {
            FaultKind::None | FaultKind::Slow => answer(StatusCode::OK, &document),
            FaultKind::Down => bare(StatusCode::SERVICE_UNAVAILABLE),
            FaultKind::Status => {
                bare(StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
            }
            FaultKind::Huge => {
                document["padding"] = "x".repeat(self.bytes).into();
                answer(StatusCode::OK, &document)
            }
            FaultKind::Garbage => garbage(),
            FaultKind::Empty => match self.target {
                Target::Discovery => answer(StatusCode::OK, &json!({})),
                Target::Keys => answer(StatusCode::OK, &json!({"keys": []})),
            },
            FaultKind::Redirect => {
                let elsewhere = || format!("{origin}/stand-in/redirected{path}");
                let location = self.location.clone().unwrap_or_else(elsewhere);
                let Ok(location) = HeaderValue::try_from(location) else {
                    return refusal(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "server_error",
                        "no such location",
                    );
                };
                let mut response = bare(StatusCode::FOUND);
                response.headers_mut().insert(header::LOCATION, location);
                response
            }
            FaultKind::WrongIssuer => {
                let issuer = Value::from(format!("{origin}/{OTHER_TENANT}/v2.0"));
                let issued = match self.target {
                    Target::Discovery => vec![&mut document],
                    Target::Keys => keys_of(&mut document),
                };
                for item in issued {
                    item["issuer"] = issuer.clone();
                }
                answer(StatusCode::OK, &document)
            }
            FaultKind::ForeignJwks => {
                if self.target == Target::Discovery {
                    document["jwks_uri"] = OTHER_KEYS.into();
                }
                for key in keys_of(&mut document) {
                    let other = foreign.jwk(key["kid"].as_str().unwrap_or_default());
                    for member in ["n", "e", "x5c"] {
                        key[member] = other[member].clone();
                    }
                }
                answer(StatusCode::OK, &document)
            }
        }
    }
}

/// The entries of a key set; none in metadata.
fn keys_of(document: &mut Value) -> Vec<&mut Value> {
    let keys = document.get_mut("keys").and_then(Value::as_array_mut);
    keys.map(|keys| keys.iter_mut().collect())
        .unwrap_or_default()
}

/// The faults that are on, one a target at most.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn set(&mut self, fault: Fault) {
        self.0.retain(|other| other.target != fault.target);
        if fault.kind != FaultKind::None && fault.times != Some(0) {
            self.0.push(fault);
        }
    }

    /// The fault for the next request, which uses it up by one.
    pub(super) fn next(&mut self, target: Target) -> Option<Fault> {
        let fault = self.0.iter_mut().find(|fault| fault.target == target)?;
        let now = fault.clone();
        if let Some(times) = &mut fault.times {
            *times -= 1;
            if *times == 0 {
                self.0.retain(|fault| fault.target != target);
            }
        }
        Some(now)
    }
}
