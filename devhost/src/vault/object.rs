//! What a vault keeps under a name: versions with attributes, whatever their content.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// The longest name.
const MAX_NAME_CHARACTERS: usize = 127;

/// What a vault says of every version. Times are seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    pub(super) enabled: bool,
    pub(super) nbf: Option<i64>,
    pub(super) exp: Option<i64>,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            enabled: true,
            nbf: None,
            exp: None,
        }
    }
}

impl Attributes {
    /// Whether now is between the two dates.
    pub(super) fn is_in_time(&self) -> bool {
        let now = now();
        self.nbf.is_none_or(|nbf| nbf <= now) && self.exp.is_none_or(|exp| now < exp)
    }
}

/// The name is none that a vault takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 127 letters, digits and hyphens")]
pub struct NotAName;

/// There is no such object, or no such version of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such object or version")]
pub struct NoSuchObject;

/// One version.
#[derive(Debug)]
pub(super) struct Version<T> {
    id: String,
    content: T,
    attributes: Attributes,
    created: i64,
    updated: i64,
}

impl<T> Version<T> {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn content(&self) -> &T {
        &self.content
    }

    pub(super) fn attributes(&self) -> Attributes {
        self.attributes
    }

    /// The attributes as the vault writes them; what is not set is left out.
    pub(super) fn told(&self) -> Value {
        let mut told = json!({
            "enabled": self.attributes.enabled,
            "created": self.created,
            "updated": self.updated,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": 90,
        });
        for (name, time) in [("nbf", self.attributes.nbf), ("exp", self.attributes.exp)] {
            if let Some(time) = time {
                told[name] = time.into();
            }
        }
        told
    }
}

/// A name with the versions that it ever had, the oldest first.
#[derive(Debug)]
pub(super) struct Object<T> {
    name: String,
    versions: Vec<Version<T>>,
}

impl<T> Object<T> {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn versions(&self) -> &[Version<T>] {
        &self.versions
    }

    pub(super) fn latest(&self) -> &Version<T> {
        self.versions
            .last()
            .expect("an object begins with a version")
    }

    /// A version, or the latest.
    pub(super) fn version(&self, id: Option<&str>) -> Option<&Version<T>> {
        match id {
            None => self.versions.last(),
            Some(id) => self.versions.iter().find(|version| version.id == id),
        }
    }
}

/// Names in lower case, and the objects.
#[derive(Debug)]
pub(super) struct Objects<T>(BTreeMap<String, Object<T>>);

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Objects<T> {
    /// Adds a version under an id.
    pub(super) fn push(
        &mut self,
        name: &str,
        id: String,
        attributes: Attributes,
        content: T,
    ) -> Result<(), NotAName> {
        if !is_name(name) {
            return Err(NotAName);
        }
        let now = now();
        let version = Version {
            id,
            content,
            attributes,
            created: now,
            updated: now,
        };
        let object = self.0.entry(name.to_ascii_lowercase());
        let object = object.or_insert_with(|| Object {
            name: name.to_owned(),
            versions: Vec::new(),
        });
        object.versions.push(version);
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Object<T>> {
        self.0.get(&name.to_ascii_lowercase())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Object<T>> {
        self.0.values()
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), NoSuchObject> {
        let gone = self.0.remove(&name.to_ascii_lowercase());
        gone.map(drop).ok_or(NoSuchObject)
    }

    /// Changes the attributes of a version, or of the latest.
    pub(super) fn change(
        &mut self,
        name: &str,
        version: Option<&str>,
        change: impl FnOnce(&mut Attributes),
    ) -> Result<(), NoSuchObject> {
        let object = self.0.get_mut(&name.to_ascii_lowercase());
        let versions = &mut object.ok_or(NoSuchObject)?.versions;
        let version = match version {
            None => versions.last_mut(),
            Some(id) => versions.iter_mut().find(|version| version.id == id),
        };
        let version = version.ok_or(NoSuchObject)?;
        change(&mut version.attributes);
        version.updated = now();
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

/// The id of a version that is to be: 32 hex digits.
pub(super) fn new_id() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
