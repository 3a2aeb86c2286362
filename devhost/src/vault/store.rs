//! The secrets of a vault by name.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::secret::{NewSecret, NotASecret, Secret, Version, now};

/// The longest name.
const MAX_NAME_CHARACTERS: usize = 127;

/// What can happen to a version, or with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It may be read.
    Enable,
    /// It may not be read.
    Disable,
    /// It counts until now (`exp`). Key Vault reports that and enforces nothing.
    Expire,
    /// A new version with another value, by chance, and all else as it was.
    Rotate,
}

/// There is no such secret, or no such version of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such secret or version")]
pub struct NoSuchSecret;

/// Names in lower case, and the secrets.
#[derive(Debug, Default)]
pub(super) struct Secrets(BTreeMap<String, Secret>);

impl Secrets {
    pub(super) fn set(&mut self, name: &str, secret: NewSecret) -> Result<&Version, NotASecret> {
        if !is_name(name) {
            return Err(NotASecret::Name);
        }
        let version = Version::new(secret)?;
        let key = name.to_ascii_lowercase();
        if let Some(known) = self.0.get_mut(&key) {
            known.push(version);
        } else {
            self.0.insert(key.clone(), Secret::new(name, version));
        }
        Ok(self.0[&key].latest())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(&name.to_ascii_lowercase())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.values()
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), NoSuchSecret> {
        let gone = self.0.remove(&name.to_ascii_lowercase());
        gone.map(drop).ok_or(NoSuchSecret)
    }

    pub(super) fn change(
        &mut self,
        name: &str,
        version: Option<&str>,
        change: Change,
    ) -> Result<(), NoSuchSecret> {
        let secret = self.0.get_mut(&name.to_ascii_lowercase());
        let secret = secret.ok_or(NoSuchSecret)?;
        let version = secret.version_mut(version).ok_or(NoSuchSecret)?;
        match change {
            Change::Enable => version.change(|attributes| attributes.enabled = true),
            Change::Disable => version.change(|attributes| attributes.enabled = false),
            Change::Expire => version.change(|attributes| attributes.exp = Some(now())),
            Change::Rotate => {
                let value = Uuid::new_v4().simple().to_string();
                let next = Version::new(version.successor(value));
                secret.push(next.expect("a value of 32 characters is not too long"));
            }
        }
        Ok(())
    }
}

/// Whether a vault takes a name (Key Vault, "Object identifiers").
pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_CHARACTERS).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
