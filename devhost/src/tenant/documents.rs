//! The metadata and key documents, v1 and v2, for one tenant or for all.

use std::sync::Arc;

use serde_json::{Value, json};

use super::key::SigningKey;
use super::token::{Version, issuer};

/// The documents of one tenant.
pub(super) struct Documents<'a> {
    origin: &'a str,
    tenant: &'a str,
    version: Version,
    /// The application whose keys are asked for.
    app: Option<String>,
}

impl<'a> Documents<'a> {
    /// `None` when there is no such tenant.
    pub(super) fn new(origin: &'a str, tenant: &'a str, version: Version) -> Option<Self> {
        let exists = is_tenant_id(tenant) || is_shared(tenant);
        exists.then_some(Self {
            origin,
            tenant,
            version,
            app: None,
        })
    }

    /// Takes the application from `?appid=`.
    pub(super) fn for_app(self, query: &str) -> Self {
        let app = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "appid");
        Self {
            app: app.map(|(_, id)| id.into_owned()),
            ..self
        }
    }

    /// The application whose keys are asked for.
    pub(super) fn app(&self) -> Option<&str> {
        self.app.as_deref()
    }

    pub(super) fn metadata(&self) -> Value {
        let Self { origin, tenant, .. } = self;
        let query = self.app.as_ref().map(|id| {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("appid", id)
                .finish();
            format!("?{query}")
        });
        let query = query.unwrap_or_default();
        let (keys, authority) = match self.version {
            Version::V2 => ("discovery/v2.0/keys", "oauth2/v2.0"),
            Version::V1 => ("discovery/keys", "oauth2"),
        };
        json!({
            "issuer": self.issuer(),
            "jwks_uri": format!("{origin}/{tenant}/{keys}{query}"),
            "token_endpoint": format!("{origin}/{tenant}/{authority}/token"),
            "authorization_endpoint": format!("{origin}/{tenant}/{authority}/authorize"),
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "tenant_region_scope": null,
            "cloud_instance_name": "microsoftonline.com",
        })
    }

    /// v2 keys say whose tokens they sign; v1 keys do not.
    pub(super) fn key_set(&self, keys: &[Arc<SigningKey>]) -> Value {
        let jwk = |key: &Arc<SigningKey>| {
            let mut jwk = key.jwk(key.kid());
            if self.version == Version::V2 {
                jwk["issuer"] = self.issuer().into();
                jwk["cloud_instance_name"] = "microsoftonline.com".into();
            }
            jwk
        };
        json!({"keys": keys.iter().map(jwk).collect::<Vec<_>>()})
    }

    /// The tenant's issuer, or the template that tenant-independent documents have.
    fn issuer(&self) -> String {
        let tenant = if is_shared(self.tenant) {
            "{tenantid}"
        } else {
            self.tenant
        };
        issuer(self.origin, tenant, self.version)
    }
}

/// Whether this is a tenant's GUID, in the one spelling that tokens have.
pub(super) fn is_tenant_id(tenant: &str) -> bool {
    uuid::Uuid::try_parse(tenant).is_ok_and(|id| id.to_string() == tenant)
}

fn is_shared(tenant: &str) -> bool {
    matches!(tenant, "common" | "organizations" | "consumers")
}
