//! A stand-in for Azure Key Vault: secrets, keys and certificates by its REST API, to whoever has a token
//! of the stand-in tenant, and faults to switch on.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /secrets/{name}`, `GET /secrets/{name}/{version}` | the latest version, or one |
//! | `GET /secrets/{name}/versions` | a page of a secret's versions, without values |
//! | `GET /secrets` | a page of the secrets, without values |
//! | `PUT /secrets/{name}` | a new version |
//! | `GET /keys/{name}[/{version}]` | a key's public half |
//! | `POST /keys/{name}/{version}/sign` | RS256 to RS512 and PS256 to PS512, or ES256, over a digest |
//! | `POST /keys/{name}/{version}/decrypt`, `unwrapkey` | RSA-OAEP-256, RSA-OAEP |
//! | `GET /certificates/{name}[/{version}]` | a certificate; the secret of its name has key and chain in PEM |
//!
//! All of them need `?api-version=` and a bearer token for [`RESOURCE`] (Key Vault REST API 7.6, "Get
//! Secret", "Get Secrets", "Get Secret Versions", "Set Secret"). Every host below `vault.localhost` is
//! the same vault. Names ignore case, as in a real one.
//!
//! Secrets are kept in memory and told to every local program that can ask the tenant for a token: they
//! are for development, and nothing worth stealing belongs here.

mod access;
mod certificate;
mod fault;
mod file;
mod history;
mod key;
mod object;
mod operation;
mod page;
mod refusal;
mod secret;
mod service;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

pub use certificate::{NewCertificate, NotACertificate};
pub use fault::FaultKind;
pub use key::{Kty, NewKey};
pub use object::{NoSuchObject, NotAName};
pub use secret::{NewSecret, NotASecret};

pub(crate) use file::read as read_local_secrets;

use crate::fault::{Fault, Faults};
use key::Key;
use object::Attributes;
use state::State;

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

/// What a vault keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    /// Texts.
    Secrets,
    /// Keys that do not leave the vault.
    Keys,
    /// Certificates; each has a key and a secret of the same name.
    Certificates,
}

/// Why a certificate cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotKept {
    /// The name.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// What it is to say.
    #[error(transparent)]
    Certificate(#[from] NotACertificate),
}

/// What can happen to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It may be used.
    Enable,
    /// It may not be used.
    Disable,
    /// Its time is over now (`exp`). Of a secret Key Vault reports that and enforces nothing.
    Expire,
}

impl Change {
    fn apply(self, attributes: &mut Attributes) {
        match self {
            Self::Enable => attributes.enabled = true,
            Self::Disable => attributes.enabled = false,
            Self::Expire => attributes.exp = Some(object::now()),
        }
    }
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

    /// Adds a version of a secret, which is the latest from now on, and gives its id.
    ///
    /// # Errors
    ///
    /// The name is none that a vault takes.
    pub fn set(&self, name: &str, secret: NewSecret) -> Result<String, NotAName> {
        self.lock().set(name, secret)
    }

    /// Gives a secret that is not there a random value, and says whether it had to.
    ///
    /// # Errors
    ///
    /// The name is none that a vault takes.
    pub fn set_if_absent(&self, name: &str) -> Result<bool, NotAName> {
        let mut state = self.lock();
        if state.secrets.get(name).is_some() {
            return Ok(false);
        }
        state
            .set(name, NewSecret::text(object::new_id()))
            .map(|_| true)
    }

    /// Adds a version of a secret with another value, by chance, and all else as in the latest.
    ///
    /// # Errors
    ///
    /// There is no such secret.
    pub fn rotate(&self, name: &str) -> Result<String, NoSuchObject> {
        let mut state = self.lock();
        let latest = state.secrets.get(name).ok_or(NoSuchObject)?.latest();
        let mut next = NewSecret {
            content: latest.content().clone(),
            attributes: latest.attributes(),
            version: None,
        };
        next.content.value = object::new_id();
        state.set(name, next).map_err(|_| NoSuchObject)
    }

    /// Adds a version of a key, made when it is first asked for, and gives its id.
    ///
    /// # Errors
    ///
    /// The name is none that a vault takes.
    pub fn set_key(&self, name: &str, key: NewKey) -> Result<String, NotAName> {
        let (id, content) = (object::new_id(), Key::new(key.kty));
        let mut state = self.lock();
        state
            .keys
            .push(name, id.clone(), key.attributes(), content)?;
        Ok(id)
    }

    /// Adds a version of a certificate, of its key and of the secret with both, under one id.
    ///
    /// # Errors
    ///
    /// The vault takes no such name, or a certificate no such DNS name.
    pub fn set_certificate(
        &self,
        name: &str,
        certificate: &NewCertificate,
    ) -> Result<String, NotKept> {
        let made = certificate.make()?;
        Ok(self.lock().add_certificate(name, made)?)
    }

    /// Changes a version, or the latest.
    ///
    /// # Errors
    ///
    /// There is no such object or version.
    pub fn change(
        &self,
        collection: Collection,
        name: &str,
        version: Option<&str>,
        change: Change,
    ) -> Result<(), NoSuchObject> {
        let mut state = self.lock();
        let change = |attributes: &mut Attributes| change.apply(attributes);
        match collection {
            Collection::Secrets => state.secrets.change(name, version, change),
            Collection::Keys => state.keys.change(name, version, change),
            Collection::Certificates => state.certificates.change(name, version, change),
        }
    }

    /// Takes an object away with all its versions; a certificate takes its key and secret along.
    ///
    /// # Errors
    ///
    /// There is no such object.
    pub fn delete(&self, collection: Collection, name: &str) -> Result<(), NoSuchObject> {
        let mut state = self.lock();
        match collection {
            Collection::Secrets => state.secrets.delete(name),
            Collection::Keys => state.keys.delete(name),
            Collection::Certificates => {
                state.certificates.delete(name)?;
                // Either may have been taken away before.
                let _ = state.keys.delete(name);
                let _ = state.secrets.delete(name);
                Ok(())
            }
        }
    }

    /// Refuses everybody the use of all that has this name, as if no role had been granted, or ends that.
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
            let mut entry = secret.inventory();
            entry["denied"] = state.is_denied(secret.name()).into();
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
            "history": state.history,
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
