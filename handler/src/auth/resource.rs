//! What this app tells of itself to clients that do not know it: whose tokens it takes, and with which
//! scopes (RFC 9728).
//!
//! Where a client learns of it, each challenge names the address of that document. The address is
//! built from the configured identifier alone, so no caller can have others sent to a place of its
//! choice by a forged `Host` (RFC 9728 §7.3).

mod function;

use std::collections::BTreeSet;
use std::sync::Arc;

use reqwest::Url;
use serde::{Serialize, Serializer};

use super::permissions::Rule;
use super::settings::{AuthSettings, Tenants};
use crate::function::{Argument, Call, Part};
use crate::input::Rejection;
use crate::on::Trigger;
use crate::settings::{Problems, Source, insecure_allowed};

pub use function::protected_resource;

/// What identifies the app as a protected resource: an address, kept as it was written, since clients
/// compare it byte for byte (RFC 9728 §3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResourceId(Box<str>);

/// The metadata of this app as a protected resource (RFC 9728 §2).
///
/// A handler takes it as `Option<ResourceMetadata>`, which is `None` unless `STOCKADE__AUTH__RESOURCE`
/// is set, and answers with it as JSON. [`protected_resource`] is such a function.
#[derive(Debug, Clone)]
pub struct ResourceMetadata(Arc<Document>);

/// Lists without an element are left out (RFC 9728 §3.2).
#[derive(Debug, Serialize)]
struct Document {
    resource: ResourceId,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_servers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    bearer_methods_supported: [&'static str; 1],
    resource_name: &'static str,
}

impl ResourceId {
    /// Reads the setting.
    pub(super) fn read(source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        let text = problems.text(source, SETTING)?;
        let Some(url) = exact(&text) else {
            problems.push(
                SETTING,
                "has to be an address in its usual spelling, without a query, a fragment or a \
                 user, such as https://orders.azurewebsites.net/api",
            );
            return None;
        };
        if url.scheme() == "http"
            && let Err(why) = insecure_allowed(source, &url)
        {
            let text = format!("has to be an https address; one of http {why}");
            problems.describe(SETTING, text);
            return None;
        }
        if !matches!(url.scheme(), "https" | "http") {
            problems.push(SETTING, "has to be an https address");
            return None;
        }
        Some(Self(text.into()))
    }

    /// Where the metadata is: at [`ROUTE`], below the identifier.
    pub(super) fn metadata_address(&self) -> String {
        format!("{}/{ROUTE}", self.0.trim_end_matches('/'))
    }
}

/// The address that a text is, if it is spelt as it will be read, so that no two spellings mean the
/// same resource, and if nothing in it has to be escaped.
fn exact(text: &str) -> Option<Url> {
    // The URL standard lets `"` stand in a host.
    let sound = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if !text.bytes().all(sound) {
        return None;
    }
    let url: Url = text.parse().ok()?;
    let bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let read_back = url.as_str();
    let same = text == read_back || read_back.strip_suffix('/') == Some(text);
    (bare && same).then_some(url)
}

impl ResourceMetadata {
    /// What an app of this name and with these access rules tells of itself.
    pub(crate) fn of<'a>(
        app: &'static str,
        rules: impl IntoIterator<Item = &'a Rule>,
        settings: &AuthSettings,
    ) -> Option<Self> {
        let resource = settings.resource.clone()?;
        let authority = &settings.authority;
        let authorization_servers = match &settings.tenants {
            Tenants::Listed(tenants) => tenants
                .iter()
                .map(|tenant| authority.server(tenant.as_str()))
                .collect(),
            Tenants::Any => vec![authority.server("organizations")],
        };
        let scopes: BTreeSet<_> = rules.into_iter().flat_map(Rule::scopes).collect();
        let audience = settings.audiences.first();
        let requested = |audience: &String| {
            let scopes = scopes.iter();
            scopes.map(|scope| format!("{audience}/{scope}")).collect()
        };
        Some(Self(Arc::new(Document {
            resource,
            authorization_servers,
            scopes_supported: audience.map(requested).unwrap_or_default(),
            bearer_methods_supported: ["header"],
            resource_name: app,
        })))
    }
}

impl Serialize for ResourceId {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for ResourceMetadata {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: Trigger, S> Argument<T, S> for Option<ResourceMetadata> {
    type Role = Part;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        Ok(call.resource.cloned())
    }
}

/// The setting of the identifier.
pub(crate) const SETTING: &str = "STOCKADE__AUTH__RESOURCE";

/// Where the metadata is, below the route prefix (RFC 9728 §3).
pub(crate) const ROUTE: &str = ".well-known/oauth-protected-resource";

#[cfg(test)]
mod tests;
