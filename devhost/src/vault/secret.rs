//! Secrets: the forms in which they come, and in which they are told.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::object::{Attributes, NotAName, Object, Version};

/// The longest value that a vault takes, in bytes (Key Vault, "About Azure Key Vault secrets").
const MAX_VALUE_BYTES: usize = 25 * 1024;

/// A version of a secret to be made: its value, or an object with more.
#[derive(Debug, Clone)]
pub struct NewSecret {
    pub(super) content: Secret,
    pub(super) attributes: Attributes,
    /// Its id, where an app declares that one; otherwise it is made up.
    pub(super) version: Option<String>,
}

/// The content of a version.
#[derive(Clone, Default)]
pub(super) struct Secret {
    pub(super) value: String,
    pub(super) content_type: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    /// It came with a certificate.
    pub(super) managed: bool,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

/// Why something cannot be kept as a secret. No text holds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotASecret {
    /// The name.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// The value is too long.
    #[error("a value has at most 25600 bytes")]
    TooLong,
    /// The id of the version.
    #[error("a version is 32 lower-case hex digits")]
    Version,
    /// The form.
    #[error(
        "write a text, or an object of value, version, enabled, nbf, exp, contentType and tags, with nbf and \
         exp in seconds since 1970"
    )]
    Form,
}

/// The form of a secret in `local.secrets.json` and in the admin API, where it is an object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LocalForm {
    value: String,
    version: Option<String>,
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
            content: Secret {
                value: value.into(),
                ..Secret::default()
            },
            attributes: Attributes::default(),
            version: None,
        }
    }

    /// Reads the form that `local.secrets.json` has.
    pub(crate) fn from_local(form: Value) -> Result<Self, NotASecret> {
        if let Value::String(value) = form {
            return Self::text(value).checked();
        }
        let form: LocalForm = serde_json::from_value(form).map_err(|_| NotASecret::Form)?;
        Self {
            content: Secret {
                value: form.value,
                content_type: form.content_type,
                tags: form.tags,
                managed: false,
            },
            attributes: Attributes {
                enabled: form.enabled.unwrap_or(true),
                nbf: form.nbf,
                exp: form.exp,
            },
            version: form.version,
        }
        .checked()
    }

    /// Reads the body of "Set Secret".
    pub(super) fn from_api(body: &[u8]) -> Result<Self, NotASecret> {
        let form: ApiForm = serde_json::from_slice(body).map_err(|_| NotASecret::Form)?;
        Self {
            content: Secret {
                value: form.value,
                content_type: form.content_type,
                tags: form.tags.unwrap_or_default(),
                managed: false,
            },
            attributes: form.attributes.unwrap_or_default(),
            version: None,
        }
        .checked()
    }

    fn checked(self) -> Result<Self, NotASecret> {
        if self.content.value.len() > MAX_VALUE_BYTES {
            return Err(NotASecret::TooLong);
        }
        let is_id = |text: &String| {
            let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            text.len() == 32 && text.bytes().all(is_digit)
        };
        if !self.version.as_ref().is_none_or(is_id) {
            return Err(NotASecret::Version);
        }
        Ok(self)
    }
}

impl Object<Secret> {
    /// What "Get Secret" answers.
    pub(super) fn bundle(&self, origin: &str, version: &Version<Secret>) -> Value {
        let mut bundle = self.version_item(origin, version);
        bundle["value"] = version.content().value.as_str().into();
        bundle
    }

    /// The secret's entry in a list of secrets.
    pub(super) fn item(&self, origin: &str) -> Value {
        let mut item = described(self.latest());
        item["id"] = format!("{origin}/secrets/{}", self.name()).into();
        item
    }

    /// The entries of a list of versions, in the order of their ids.
    pub(super) fn version_items(&self, origin: &str) -> Vec<Value> {
        let mut versions: Vec<_> = self.versions().iter().collect();
        versions.sort_by_key(|version| version.id());
        let item = |version: &&Version<Secret>| self.version_item(origin, version);
        versions.iter().map(item).collect()
    }

    /// What the admin API tells.
    pub(super) fn inventory(&self) -> Value {
        let versions = self.versions().iter().map(|version| {
            let mut entry = described(version);
            entry["version"] = version.id().into();
            entry
        });
        json!({"name": self.name(), "versions": versions.collect::<Vec<_>>()})
    }

    fn version_item(&self, origin: &str, version: &Version<Secret>) -> Value {
        let (name, id) = (self.name(), version.id());
        let mut item = described(version);
        item["id"] = format!("{origin}/secrets/{name}/{id}").into();
        if version.content().managed {
            item["managed"] = true.into();
            item["kid"] = format!("{origin}/keys/{name}/{id}").into();
        }
        item
    }
}

/// Attributes, tags and content type; what is not set is left out.
fn described(version: &Version<Secret>) -> Value {
    let content = version.content();
    let mut item = json!({"attributes": version.told(), "tags": content.tags});
    if let Some(content_type) = &content.content_type {
        item["contentType"] = content_type.as_str().into();
    }
    item
}
