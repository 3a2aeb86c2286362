//! A stand-in for Azure Key Vault: secrets and their versions by its REST API, to whoever has a token of
//! the stand-in tenant, and faults to switch on.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /secrets/{name}`, `GET /secrets/{name}/{version}` | the latest version, or one |
//! | `GET /secrets/{name}/versions` | a page of a secret's versions, without values |
//! | `GET /secrets` | a page of the secrets, without values |
//! | `PUT /secrets/{name}` | a new version |
//!
//! All of them need `?api-version=` and a bearer token for [`RESOURCE`] (Key Vault REST API 7.6, "Get
//! Secret", "Get Secrets", "Get Secret Versions", "Set Secret"). Every host below `vault.localhost` is
//! the same vault. Names ignore case, as in a real one.
//!
//! Secrets are kept in memory and told to every local program that can ask the tenant for a token: they
//! are for development, and nothing worth stealing belongs here.

mod access;
mod fault;
mod file;
mod secret;
mod service;
mod store;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

pub use fault::FaultKind;
pub use secret::{NewSecret, NotASecret};
pub use store::{Change, NoSuchSecret};

pub(crate) use file::read as read_local_secrets;

use crate::fault::{Fault, Faults};
use store::Secrets;

/// What tokens for the vault are for: a parent domain of the vault's host, as clients insist.
pub const RESOURCE: &str = "https://vault.localhost";
/// What follows a vault's name in its host.
pub(crate) const SUFFIX: &str = ".vault.localhost";

/// The stand-in. Clones share secrets, faults and counts.
#[derive(Debug, Clone)]
pub struct Vault {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Without a slash at the end.
    origin: String,
    faults: Faults<FaultKind>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    secrets: Secrets,
    /// Names, in lower case, that nobody may use.
    denied: BTreeSet<String>,
    served: BTreeMap<Asked, Served>,
}

/// What a request was about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Asked {
    operation: &'static str,
    /// In lower case; empty for lists of secrets.
    name: String,
}

/// How often it was asked for, and with which statuses it was answered. Requests without an answer have
/// no status.
#[derive(Debug, Clone, Default, Serialize)]
struct Served {
    requests: u64,
    statuses: BTreeMap<u16, u64>,
}

impl Vault {
    /// A vault reached at this origin, such as `https://devhost.vault.localhost:7073`.
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            shared: Arc::new(Shared {
                origin: origin.into().trim_end_matches('/').to_owned(),
                faults: Faults::new(),
                state: Mutex::default(),
            }),
        }
    }

    /// Where the vault is reached, with the slash that the platform writes at the end.
    pub fn uri(&self) -> String {
        format!("{}/", self.shared.origin)
    }

    /// Adds a version, which is the latest from now on, and gives its id.
    ///
    /// # Errors
    ///
    /// The name is none that a vault takes.
    pub fn set(&self, name: &str, secret: NewSecret) -> Result<String, NotASecret> {
        Ok(self.lock().secrets.set(name, secret)?.id().to_owned())
    }

    /// Changes a version, or the latest.
    ///
    /// # Errors
    ///
    /// There is no such secret or version.
    pub fn change(
        &self,
        name: &str,
        version: Option<&str>,
        change: Change,
    ) -> Result<(), NoSuchSecret> {
        self.lock().secrets.change(name, version, change)
    }

    /// Takes a secret away with all its versions.
    ///
    /// # Errors
    ///
    /// There is no such secret.
    pub fn delete(&self, name: &str) -> Result<(), NoSuchSecret> {
        self.lock().secrets.delete(name)
    }

    /// Refuses everybody the use of a secret, as if no role had been granted, or ends that.
    pub fn deny(&self, name: &str, denied: bool) {
        let name = name.to_ascii_lowercase();
        let mut state = self.lock();
        if denied {
            state.denied.insert(name);
        } else {
            state.denied.remove(&name);
        }
    }

    /// Switches a fault on, in place of the one before.
    pub fn set_fault(&self, fault: Fault<FaultKind>) {
        self.shared.faults.set(fault);
    }

    /// Every secret and version, without values.
    pub(crate) fn inventory(&self) -> Value {
        let state = self.lock();
        let secrets = state.secrets.iter().map(|secret| {
            let denied = state.denied.contains(&secret.name().to_ascii_lowercase());
            let mut entry = secret.inventory();
            entry["denied"] = denied.into();
            entry
        });
        secrets.collect()
    }

    /// What is going on.
    pub(crate) fn report(&self) -> Value {
        let state = self.lock();
        let requests = state.served.iter().map(|(asked, served)| {
            json!({
                "operation": asked.operation,
                "name": asked.name,
                "requests": served.requests,
                "statuses": served.statuses,
            })
        });
        json!({
            "uri": self.uri(),
            "resource": RESOURCE,
            "fault": self.shared.faults.current(),
            "requests": requests.collect::<Vec<_>>(),
        })
    }

    pub(crate) fn faults(&self) -> &Faults<FaultKind> {
        &self.shared.faults
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one step, so a thread that panicked left nothing half done.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
