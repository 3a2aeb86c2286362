//! A secret and its versions.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// The longest value that a vault takes, in bytes (Key Vault, "About Azure Key Vault secrets").
const MAX_VALUE_BYTES: usize = 25 * 1024;

/// A version of a secret to be made: its value, or an object with more.
#[derive(Clone)]
pub struct NewSecret {
    pub(super) value: String,
    pub(super) content_type: Option<String>,
    pub(super) attributes: Attributes,
    pub(super) tags: BTreeMap<String, String>,
}

/// What a vault says of a version beside its value. Times are seconds since 1970.
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

/// Why something cannot be kept as a secret. No text holds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotASecret {
    /// The name.
    #[error("a name is 1 to 127 letters, digits and hyphens")]
    Name,
    /// The value is too long.
    #[error("a value has at most 25600 bytes")]
    TooLong,
    /// The form.
    #[error(
        "write a text, or an object of value, enabled, nbf, exp, contentType and tags, with nbf and \
         exp in seconds since 1970"
    )]
    Form,
}

/// The form of a secret in `local.secrets.json` and in the admin API, where it is an object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LocalForm {
    value: String,
    enabled: Option<bool>,
    nbf: Option<i64>,
    exp: Option<i64>,
    content_type: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// The form of a secret in the vault's own API.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiForm {
    value: String,
    content_type: Option<String>,
    attributes: Option<Attributes>,
    tags: Option<BTreeMap<String, String>>,
}

impl NewSecret {
    /// An enabled version without limits of time.
    pub fn text(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            content_type: None,
            attributes: Attributes::default(),
            tags: BTreeMap::new(),
        }
    }

    /// Reads the form that `local.secrets.json` has.
    pub(crate) fn from_local(form: Value) -> Result<Self, NotASecret> {
        if let Value::String(value) = form {
            return Ok(Self::text(value));
        }
        let form: LocalForm = serde_json::from_value(form).map_err(|_| NotASecret::Form)?;
        Ok(Self {
            value: form.value,
            content_type: form.content_type,
            attributes: Attributes {
                enabled: form.enabled.unwrap_or(true),
                nbf: form.nbf,
                exp: form.exp,
            },
            tags: form.tags,
        })
    }

    /// Reads the body of "Set Secret".
    pub(super) fn from_api(body: &[u8]) -> Result<Self, NotASecret> {
        let form: ApiForm = serde_json::from_slice(body).map_err(|_| NotASecret::Form)?;
        Ok(Self {
            value: form.value,
            content_type: form.content_type,
            attributes: form.attributes.unwrap_or_default(),
            tags: form.tags.unwrap_or_default(),
        })
    }
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSecret")
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

/// One version.
pub(super) struct Version {
    id: String,
    secret: NewSecret,
    created: i64,
    updated: i64,
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Version").field(&self.id).finish()
    }
}

impl Version {
    pub(super) fn new(secret: NewSecret) -> Result<Self, NotASecret> {
        if secret.value.len() > MAX_VALUE_BYTES {
            return Err(NotASecret::TooLong);
        }
        let now = now();
        Ok(Self {
            id: Uuid::new_v4().simple().to_string(),
            secret,
            created: now,
            updated: now,
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.secret.attributes.enabled
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut Attributes)) {
        change(&mut self.secret.attributes);
        self.updated = now();
    }

    /// The same value and attributes for a version that comes after this one.
    pub(super) fn successor(&self, value: String) -> NewSecret {
        NewSecret {
            value,
            ..self.secret.clone()
        }
    }
}

/// A name with the versions that it ever had, the oldest first.
#[derive(Debug)]
pub(super) struct Secret {
    name: String,
    versions: Vec<Version>,
}

impl Secret {
    pub(super) fn new(name: &str, version: Version) -> Self {
        Self {
            name: name.to_owned(),
            versions: vec![version],
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn push(&mut self, version: Version) {
        self.versions.push(version);
    }

    pub(super) fn latest(&self) -> &Version {
        self.versions
            .last()
            .expect("a secret begins with a version")
    }

    /// A version, or the latest.
    pub(super) fn version(&self, id: Option<&str>) -> Option<&Version> {
        match id {
            None => self.versions.last(),
            Some(id) => self.versions.iter().find(|version| version.id == id),
        }
    }

    pub(super) fn version_mut(&mut self, id: Option<&str>) -> Option<&mut Version> {
        match id {
            None => self.versions.last_mut(),
            Some(id) => self.versions.iter_mut().find(|version| version.id == id),
        }
    }

    /// What "Get Secret" answers.
    pub(super) fn bundle(&self, origin: &str, version: &Version) -> Value {
        let mut bundle = self.version_item(origin, version);
        bundle["value"] = version.secret.value.as_str().into();
        bundle
    }

    /// The secret's entry in a list of secrets.
    pub(super) fn item(&self, origin: &str) -> Value {
        let mut item = described(self.latest());
        item["id"] = format!("{origin}/secrets/{}", self.name).into();
        item
    }

    /// The entries of a list of versions, in the order of their ids.
    pub(super) fn version_items(&self, origin: &str) -> Vec<Value> {
        let mut versions: Vec<&Version> = self.versions.iter().collect();
        versions.sort_by_key(|version| &version.id);
        let item = |version: &&Version| self.version_item(origin, version);
        versions.iter().map(item).collect()
    }

    /// What the admin API tells.
    pub(super) fn inventory(&self) -> Value {
        let versions = self.versions.iter().map(|version| {
            let mut entry = described(version);
            entry["version"] = version.id.as_str().into();
            entry
        });
        json!({"name": self.name, "versions": versions.collect::<Vec<_>>()})
    }

    fn version_item(&self, origin: &str, version: &Version) -> Value {
        let mut item = described(version);
        item["id"] = format!("{origin}/secrets/{}/{}", self.name, version.id).into();
        item
    }
}

/// Attributes, tags and content type; what is not set is left out.
fn described(version: &Version) -> Value {
    let NewSecret {
        content_type,
        attributes,
        tags,
        ..
    } = &version.secret;
    let mut members = json!({
        "enabled": attributes.enabled,
        "created": version.created,
        "updated": version.updated,
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": 90,
    });
    for (name, time) in [("nbf", attributes.nbf), ("exp", attributes.exp)] {
        if let Some(time) = time {
            members[name] = time.into();
        }
    }
    let mut item = json!({"attributes": members, "tags": tags});
    if let Some(content_type) = content_type {
        item["contentType"] = content_type.as_str().into();
    }
    item
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
