//! Entra ID as the suites need it: a login host on a loopback port that publishes the metadata and
//! keys of several tenants, or answers as badly as it is told to, and remembers what it was asked for.
//!
//! It shares no code with what it tests, so a mistake in there cannot hide behind the same mistake in
//! here.

use serde_json::{Value, json};

pub use key::{CurveKey, SigningKey, hmac_sha256, jwk};
pub use numbers::{Numbers, digest_info};
pub use server::Reply;
pub use token::{Draft, now};

use server::Server;

use crate::process::poll;

mod key;
mod numbers;
mod server;
mod token;

/// A login host. It ends when it is dropped.
#[derive(Debug)]
pub struct Tenant {
    server: Server,
}

/// The form of tokens, metadata and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `{tenant}/.well-known/…`, and issuers of the STS.
    V1,
    /// `{tenant}/v2.0/.well-known/…`
    V2,
}

/// The two documents of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The metadata.
    Metadata,
    /// The key set.
    Keys,
}

impl Tenant {
    /// Starts a login host that knows no tenant yet.
    pub fn start() -> Self {
        let tenant = Self::closed();
        tenant.open();
        tenant
    }

    /// A login host whose port refuses connections until it is [opened](Self::open).
    pub fn closed() -> Self {
        let server = Server::closed();
        Self { server }
    }

    /// Takes connections from now on.
    pub fn open(&self) {
        self.server.open();
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }

    /// What tokens of a tenant call their issuer.
    pub fn issuer(&self, version: Version, tenant: &str) -> String {
        match version {
            Version::V1 => format!("https://sts.windows.net/{tenant}/"),
            Version::V2 => format!("{}/{tenant}/v2.0", self.origin()),
        }
    }

    /// Publishes metadata and keys of a tenant.
    pub fn publish(&self, version: Version, tenant: &str, keys: &[Value]) {
        let metadata = self.metadata(version, tenant);
        self.answer(
            &path(version, tenant, Part::Metadata),
            Reply::Document(metadata.to_string()),
        );
        self.answer(
            &path(version, tenant, Part::Keys),
            Reply::Document(json!({ "keys": keys }).to_string()),
        );
    }

    /// The metadata of a tenant, as Entra writes it.
    pub fn metadata(&self, version: Version, tenant: &str) -> Value {
        let (origin, keys) = (self.origin(), path(version, tenant, Part::Keys));
        json!({
            "token_endpoint": format!("{origin}/{tenant}/oauth2/token"),
            "jwks_uri": format!("{origin}{keys}"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "issuer": self.issuer(version, tenant),
            "request_uri_parameter_supported": false,
            "tenant_region_scope": "EU",
            "cloud_instance_name": CLOUD_INSTANCE,
        })
    }

    /// Answers requests for a path in this way from now on.
    pub fn answer(&self, path: &str, reply: Reply) {
        self.server.answer(path, reply);
    }

    /// How requests for a path are answered.
    pub fn reply(&self, path: &str) -> Option<Reply> {
        self.server.reply(path)
    }

    /// Answers every request in this way, whatever it is for.
    pub fn answer_everything(&self, reply: Reply) {
        self.server.answer_everything(Some(reply));
    }

    /// Answers each request by its path again.
    pub fn recover(&self) {
        self.server.answer_everything(None);
    }

    /// The targets of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.server.requests()
    }

    /// How often this target was asked for.
    pub fn count(&self, target: &str) -> usize {
        let requests = self.requests();
        requests.iter().filter(|known| *known == target).count()
    }

    /// Waits until this target was asked for so many times.
    ///
    /// # Panics
    ///
    /// When that takes too long.
    pub fn wait_for(&self, target: &str, count: usize) {
        poll(&format!("request {count} for {target}"), || {
            (self.count(target) >= count).then_some(())
        });
    }
}

/// Where a document of a tenant is.
pub fn path(version: Version, tenant: &str, part: Part) -> String {
    let v2 = match version {
        Version::V1 => "",
        Version::V2 => "/v2.0",
    };
    match part {
        Part::Metadata => format!("/{tenant}{v2}/.well-known/openid-configuration"),
        Part::Keys => format!("/{tenant}/discovery{v2}/keys"),
    }
}

/// What public Entra ID writes into keys and metadata.
pub const CLOUD_INSTANCE: &str = "microsoftonline.com";
