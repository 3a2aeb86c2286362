//! What the vault keeps, and what it answers for it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::certificate::{Certificate, Made};
use super::history::History;
use super::key::Key;
use super::object::{Attributes, NotAName, Object, Objects, Version, is_name, new_id};
use super::operation::{Operation, Use};
use super::page::Query;
use super::refusal::{Kind, Refused};
use super::secret::{NewSecret, Secret};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) secrets: Objects<Secret>,
    pub(super) keys: Objects<Key>,
    pub(super) certificates: Objects<Certificate>,
    /// Names, in lower case, that nobody may use, whatever has them.
    pub(super) denied: BTreeSet<String>,
    pub(super) served: BTreeMap<Asked, Served>,
    pub(super) history: History,
}

/// What a request was about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) operation: &'static str,
    /// In lower case; empty for lists, and for names that no vault takes.
    pub(super) name: String,
}

/// How often it was asked for, and with which statuses it was answered. Requests without an answer have
/// no status.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Served {
    pub(super) requests: u64,
    pub(super) statuses: BTreeMap<u16, u64>,
}

impl Asked {
    pub(super) fn of(operation: &Operation<'_>) -> Self {
        let name = operation.object().map(|(_, name)| name);
        let name = name.filter(|name| is_name(name)).unwrap_or_default();
        Self {
            operation: operation.word(),
            name: name.to_ascii_lowercase(),
        }
    }
}

impl State {
    /// Adds a version of a secret and gives its id.
    pub(super) fn set(&mut self, name: &str, secret: NewSecret) -> Result<String, NotAName> {
        let NewSecret {
            content,
            attributes,
            version,
        } = secret;
        let id = version.unwrap_or_else(new_id);
        self.secrets.push(name, id.clone(), attributes, content)?;
        Ok(id)
    }

    /// Adds a certificate with its key and its secret, which have the same id.
    pub(super) fn add_certificate(&mut self, name: &str, made: Made) -> Result<String, NotAName> {
        let (id, usual) = (new_id(), Attributes::default());
        let Made {
            certificate,
            key,
            secret,
        } = made;
        self.certificates
            .push(name, id.clone(), usual, certificate)?;
        self.keys.push(name, id.clone(), usual, key)?;
        self.secrets.push(name, id.clone(), usual, secret)?;
        Ok(id)
    }

    pub(super) fn is_denied(&self, name: &str) -> bool {
        self.denied.contains(&name.to_ascii_lowercase())
    }

    pub(super) fn permit(&self, operation: &Operation<'_>) -> Result<(), Refused> {
        let Some((_, name)) = operation.object() else {
            return Ok(());
        };
        if !is_name(name) {
            return Err(Refused::Name(name.to_owned()));
        }
        if self.is_denied(name) {
            return Err(Refused::Forbidden(operation.action()));
        }
        Ok(())
    }

    pub(super) fn list(&self, origin: &str, query: &Query) -> Value {
        let items = self.secrets.iter().map(|secret| secret.item(origin));
        query.page(&format!("{origin}/secrets"), items.collect())
    }

    pub(super) fn versions(
        &self,
        origin: &str,
        name: &str,
        query: &Query,
    ) -> Result<Value, Refused> {
        let (secret, _) = find(&self.secrets, Kind::Secret, name, None)?;
        let address = format!("{origin}/secrets/{}/versions", secret.name());
        Ok(query.page(&address, secret.version_items(origin)))
    }

    pub(super) fn secret(
        &self,
        origin: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<Value, Refused> {
        let (secret, version) = find(&self.secrets, Kind::Secret, name, version)?;
        if !version.attributes().enabled {
            return Err(Refused::Disabled(Kind::Secret, "get"));
        }
        Ok(secret.bundle(origin, version))
    }

    pub(super) fn set_by_client(
        &mut self,
        origin: &str,
        name: &str,
        body: &[u8],
    ) -> Result<Value, Refused> {
        let secret = NewSecret::from_api(body).map_err(Refused::NotASecret)?;
        self.set(name, secret)
            .map_err(|_| Refused::Name(name.to_owned()))?;
        let (secret, version) = find(&self.secrets, Kind::Secret, name, None)?;
        Ok(secret.bundle(origin, version))
    }

    pub(super) fn certificate(
        &self,
        origin: &str,
        name: &str,
        version: Option<&str>,
    ) -> Result<Value, Refused> {
        let (certificate, version) = find(&self.certificates, Kind::Certificate, name, version)?;
        Ok(certificate.bundle(origin, version))
    }

    /// A key that may be used so, with its address and attributes.
    ///
    /// A disabled key is told and does nothing. Only what makes something new, such as a signature, is
    /// bound to the key's dates (Key Vault, "About keys", date-time controlled operations).
    pub(super) fn key(
        &self,
        origin: &str,
        verb: Use,
        name: &str,
        version: Option<&str>,
    ) -> Result<(String, Key, Value), Refused> {
        let (key, version) = find(&self.keys, Kind::Key, name, version)?;
        let attributes = version.attributes();
        if verb != Use::Get && !attributes.enabled {
            return Err(Refused::Disabled(Kind::Key, verb.word()));
        }
        if verb == Use::Sign && !attributes.is_in_time() {
            return Err(Refused::OutOfTime(verb.word()));
        }
        let kid = format!("{origin}/keys/{}/{}", key.name(), version.id());
        Ok((kid, version.content().clone(), version.told()))
    }
}

/// A version, or the latest, of an object.
fn find<'a, T>(
    objects: &'a Objects<T>,
    kind: Kind,
    name: &str,
    version: Option<&str>,
) -> Result<(&'a Object<T>, &'a Version<T>), Refused> {
    let missing = || {
        let id = version.map_or_else(|| name.to_owned(), |version| format!("{name}/{version}"));
        Refused::NotFound(kind, id)
    };
    let object = objects.get(name).ok_or_else(missing)?;
    let version = object.version(version).ok_or_else(missing)?;
    Ok((object, version))
}
