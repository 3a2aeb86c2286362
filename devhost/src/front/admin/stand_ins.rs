//! The stand-ins for Key Vault, the managed identity and what receives telemetry: a look into them, a way
//! to change secrets, and their faults.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /admin/devhost/vault` | tells the address, the fault, the requests by operation and secret, and the latest one by one |
//! | `POST /admin/devhost/vault/fault`, `…/identity/fault` | switches a fault on or off |
//! | `GET /admin/devhost/vault/secrets` | lists secrets and versions, without values |
//! | `PUT /admin/devhost/vault/secrets/<name>` | adds a version, as `local.secrets.json` writes it |
//! | `PUT …/vault/keys/<name>` | adds a version: `kty` (RSA or EC), `enabled`, `nbf`, `exp` |
//! | `PUT …/vault/certificates/<name>` | adds a version with key and secret: `subject`, `names`, `kty` |
//! | `DELETE …/vault/secrets/<name>` | takes the secret away; so with `keys` and `certificates` |
//! | `POST …/vault/secrets/<name>/rotate` | adds a version with another value |
//! | `POST …/<name>/disable`, `enable`, `expire` | changes the version in the body, or the latest |
//! | `POST …/<name>/deny`, `allow` | refuses everybody the use of all of that name, or ends that |
//! | `GET /admin/devhost/identity` | tells the fault, and the requests by resource |
//! | `/admin/devhost/telemetry…` | see [`telemetry`](super::telemetry) |

use super::storage::{json, no_content};
use super::telemetry::{OfTelemetry, answer_telemetry};
use crate::fault::Fault;
use crate::front::Front;
use crate::http1::Response;
use crate::managed_identity::ManagedIdentity;
use crate::vault::{Change, Collection, NewSecret, NoSuchObject, Vault};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// What a request wants of a stand-in.
pub(super) enum Address<'a> {
    Vault(OfVault<'a>),
    Identity(OfIdentity),
    Telemetry(OfTelemetry<'a>),
}

/// What a request wants of the vault.
pub(super) enum OfVault<'a> {
    Report,
    Fault,
    List,
    Set(Collection, &'a str),
    Delete(Collection, &'a str),
    Change(Collection, &'a str, Change),
    Rotate(&'a str),
    Deny(&'a str, bool),
}

/// What a request wants of the managed identity.
pub(super) enum OfIdentity {
    Report,
    Fault,
}

impl<'a> Address<'a> {
    pub(super) fn of(method: &str, place: &str, path: &[&'a str]) -> Option<Self> {
        Some(match place {
            "identity" => Self::Identity(match (method, path) {
                ("GET", []) => OfIdentity::Report,
                ("POST", ["fault"]) => OfIdentity::Fault,
                _ => return None,
            }),
            "telemetry" => Self::Telemetry(OfTelemetry::of(method, path)?),
            _ => Self::Vault(OfVault::of(method, path)?),
        })
    }
}

impl<'a> OfVault<'a> {
    fn of(method: &str, path: &[&'a str]) -> Option<Self> {
        let [place, rest @ ..] = path else {
            return (method == "GET").then_some(Self::Report);
        };
        let collection = match *place {
            "fault" => return (method == "POST" && rest.is_empty()).then_some(Self::Fault),
            "secrets" => Collection::Secrets,
            "keys" => Collection::Keys,
            "certificates" => Collection::Certificates,
            _ => return None,
        };
        Some(match (method, rest) {
            ("GET", []) if collection == Collection::Secrets => Self::List,
            ("PUT", [name]) => Self::Set(collection, name),
            ("DELETE", [name]) => Self::Delete(collection, name),
            ("POST", [name, verb]) => match *verb {
                "rotate" if collection == Collection::Secrets => Self::Rotate(name),
                "disable" => Self::Change(collection, name, Change::Disable),
                "enable" => Self::Change(collection, name, Change::Enable),
                "expire" => Self::Change(collection, name, Change::Expire),
                "deny" => Self::Deny(name, true),
                "allow" => Self::Deny(name, false),
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// Which version a change is about; none is the latest.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Which {
    version: Option<String>,
}

impl Front {
    pub(super) fn answer_stand_ins(&self, address: &Address<'_>, body: &Bytes) -> Response {
        let answered = match address {
            Address::Vault(asked) => {
                let vault = self.stand_ins.vault.as_ref();
                vault.map(|vault| answer_vault(vault, asked, body))
            }
            Address::Identity(asked) => {
                let identity = self.stand_ins.identity.as_ref();
                identity.map(|identity| answer_identity(identity, asked, body))
            }
            Address::Telemetry(asked) => {
                let telemetry = self.stand_ins.telemetry.as_ref();
                telemetry.map(|telemetry| answer_telemetry(telemetry, asked, body))
            }
        };
        match answered {
            None => Response::status(404),
            Some(Ok(response)) => response,
            Some(Err(Wrong::Missing)) => json(404, &json!({"error": NoSuchObject.to_string()})),
            Some(Err(Wrong::Body(why))) => json(400, &json!({"error": why})),
        }
    }
}

fn answer_vault(vault: &Vault, asked: &OfVault<'_>, body: &[u8]) -> Result<Response, Wrong> {
    match asked {
        OfVault::Report => return Ok(json(200, &vault.report())),
        OfVault::List => return Ok(json(200, &vault.inventory())),
        OfVault::Fault => {
            vault.set_fault(read::<Fault<_>>(body)?);
            return Ok(json(200, &vault.report()));
        }
        OfVault::Set(collection, name) => {
            let version = set(vault, *collection, name, body)?;
            return Ok(json(201, &json!({"version": version})));
        }
        OfVault::Rotate(name) => {
            return Ok(json(201, &json!({"version": vault.rotate(name)?})));
        }
        OfVault::Delete(collection, name) => vault.delete(*collection, name)?,
        OfVault::Change(collection, name, change) => {
            let Which { version } = read(body)?;
            vault.change(*collection, name, version.as_deref(), *change)?;
        }
        OfVault::Deny(name, denied) => vault.deny(name, *denied),
    }
    Ok(no_content())
}

/// Adds a version, as the body says.
fn set(vault: &Vault, collection: Collection, name: &str, body: &[u8]) -> Result<String, Wrong> {
    let wrong = |why: &dyn std::fmt::Display| Wrong::Body(why.to_string());
    match collection {
        Collection::Secrets => {
            // What is wrong with a value is told in words that hold none.
            let form = serde_json::from_slice(body).map_err(|_| wrong(&"the body is no JSON"))?;
            let secret = NewSecret::from_local(form).map_err(|why| wrong(&why))?;
            vault.set(name, secret).map_err(|why| wrong(&why))
        }
        Collection::Keys => vault.set_key(name, read(body)?).map_err(|why| wrong(&why)),
        Collection::Certificates => vault
            .set_certificate(name, &read(body)?)
            .map_err(|why| wrong(&why)),
    }
}

fn answer_identity(
    identity: &ManagedIdentity,
    asked: &OfIdentity,
    body: &[u8],
) -> Result<Response, Wrong> {
    if let OfIdentity::Fault = asked {
        identity.set_fault(read::<Fault<_>>(body)?);
    }
    Ok(json(200, &identity.report()))
}

/// Why a request is not carried out.
pub(super) enum Wrong {
    Missing,
    Body(String),
}

impl From<NoSuchObject> for Wrong {
    fn from(_: NoSuchObject) -> Self {
        Self::Missing
    }
}

/// Reads a JSON body; none is the same as `{}`.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Wrong> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|problem| Wrong::Body(problem.to_string()))
}
