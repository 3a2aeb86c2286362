//! Tokens with the claims of Entra's access tokens.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::key::SigningKey;
use super::{AUDIENCE, CLIENT, TENANT};

/// The user of tokens that say nothing else.
const USER: &str = "b58d0c47-91e6-4f3a-8d72-e04a6c9f5b13";
/// The service principal of applications that say nothing else.
const SERVICE_PRINCIPAL: &str = "c06f7e92-5a38-4d1b-b9c4-36e81d02af75";

/// Whom a token is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A user, through an application: has `scp`.
    #[default]
    User,
    /// An application by itself: has `idtyp` and `roles`.
    App,
}

/// Which form of token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// `ver` 1.0, issued by `sts.windows.net`.
    #[serde(rename = "1.0")]
    V1,
    /// `ver` 2.0, issued by the stand-in's own address.
    #[default]
    #[serde(rename = "2.0")]
    V2,
}

/// Which key signs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignedBy {
    /// The tenant's.
    #[default]
    Current,
    /// One that the tenant never published.
    Foreign,
    /// The own one of the app under development, as if it had a claims mapping.
    Application,
}

/// A token to be made, as `POST /stand-in/token` takes it. Left alone it is one that the app under
/// development accepts, but for the permissions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenRequest {
    /// Whom it is about.
    pub kind: Kind,
    /// Delegated permissions, `scp`.
    pub scopes: Vec<String>,
    /// App roles, `roles`.
    pub roles: Vec<String>,
    /// The tenant, `tid`.
    pub tenant: String,
    /// The application it is for, `aud`.
    pub audience: String,
    /// The application that asked for it, `azp`.
    pub client: String,
    /// The user or service principal, `oid`; none means the usual one of the kind.
    pub object: Option<String>,
    /// How long it is valid from now.
    pub lifetime_seconds: u64,
    /// Its form.
    pub version: Version,
    /// Who signs it.
    pub signed_by: SignedBy,
    /// Claims to set in the end; null takes one out.
    pub overrides: BTreeMap<String, Value>,
    /// Header members to set in the end; null takes one out.
    pub header_overrides: BTreeMap<String, Value>,
}

impl Default for TokenRequest {
    fn default() -> Self {
        Self {
            kind: Kind::User,
            scopes: Vec::new(),
            roles: Vec::new(),
            tenant: TENANT.to_owned(),
            audience: AUDIENCE.to_owned(),
            client: CLIENT.to_owned(),
            object: None,
            lifetime_seconds: 3600,
            version: Version::V2,
            signed_by: SignedBy::Current,
            overrides: BTreeMap::new(),
            header_overrides: BTreeMap::new(),
        }
    }
}

/// Who issues a tenant's tokens. The v1 issuer is the cloud's, whatever the stand-in's address.
pub(super) fn issuer(origin: &str, tenant: &str, version: Version) -> String {
    match version {
        Version::V2 => format!("{origin}/{tenant}/v2.0"),
        Version::V1 => format!("https://sts.windows.net/{tenant}/"),
    }
}

/// The token in compact form (RFC 7515 §3.1).
pub(super) fn sign(request: &TokenRequest, origin: &str, key: &SigningKey) -> String {
    let mut header = Members(vec![("typ", json!("JWT")), ("alg", json!("RS256"))]);
    if request.version == Version::V1 {
        header.0.push(("x5t", json!(key.kid())));
    }
    header.0.push(("kid", json!(key.kid())));

    let header = header.with(&request.header_overrides);
    let claims = claims(request, origin);
    let claims = claims.with(&request.overrides);
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The claims in the order Entra has them.
fn claims(request: &TokenRequest, origin: &str) -> Members<'static> {
    let TokenRequest {
        kind,
        version,
        client,
        ..
    } = request;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let usual = if *kind == Kind::User {
        USER
    } else {
        SERVICE_PRINCIPAL
    };
    let object = request.object.as_deref().unwrap_or(usual);
    // A public client signs users in; only one with a secret gets tokens for itself.
    let strength = if *kind == Kind::User { "0" } else { "1" };
    let (client_claim, strength_claim) = match version {
        Version::V2 => ("azp", "azpacr"),
        Version::V1 => ("appid", "appidacr"),
    };

    let mut claims = vec![
        ("aud", json!(request.audience)),
        ("iss", json!(issuer(origin, &request.tenant, *version))),
        ("iat", json!(now)),
        ("nbf", json!(now)),
        ("exp", json!(now.saturating_add(request.lifetime_seconds))),
        ("aio", json!(random())),
        (client_claim, json!(client)),
        (strength_claim, json!(strength)),
    ];
    if *kind == Kind::App {
        claims.push(("idtyp", json!("app")));
    }
    if *version == Version::V1 {
        claims.push(("idp", json!(issuer(origin, &request.tenant, *version))));
    }
    if *kind == Kind::User {
        claims.push(("name", json!("Local User")));
    }
    claims.push(("oid", json!(object)));
    if *kind == Kind::User && *version == Version::V2 {
        claims.push(("preferred_username", json!("local.user@stand-in.localhost")));
    }
    claims.push(("rh", json!(format!("1.{}", random()))));
    if !request.roles.is_empty() {
        claims.push(("roles", json!(request.roles)));
    }
    if *kind == Kind::User {
        claims.push(("scp", json!(request.scopes.join(" "))));
    }
    let subject = match kind {
        // A user is another subject to every application.
        Kind::User => {
            URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{object}{client}").as_bytes()))
        }
        Kind::App => object.to_owned(),
    };
    claims.push(("sub", json!(subject)));
    claims.push(("tid", json!(request.tenant)));
    claims.push(("uti", json!(random())));
    claims.push(("ver", json!(version)));
    Members(claims)
}

/// Members of a JSON object that keep their order.
struct Members<'a>(Vec<(&'a str, Value)>);

impl Members<'_> {
    /// Sets members, at the place of those of the same name; null takes them out.
    fn with<'a>(self, overrides: &'a BTreeMap<String, Value>) -> Members<'a>
    where
        Self: 'a,
    {
        let mut members: Vec<(&'a str, Value)> = self.0;
        for (name, value) in overrides {
            let at = members.iter().position(|(n, _)| n == name);
            match (at, value) {
                (Some(at), Value::Null) => {
                    members.remove(at);
                }
                (None, Value::Null) => {}
                (Some(at), value) => members[at].1 = value.clone(),
                (None, value) => members.push((name, value.clone())),
            }
        }
        Members(members)
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn encode(members: &Members<'_>) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(members).expect("members have string keys only"))
}

/// 22 characters that mean nothing to anyone.
fn random() -> String {
    URL_SAFE_NO_PAD.encode(Uuid::new_v4())
}
