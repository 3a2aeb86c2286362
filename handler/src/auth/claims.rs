//! Reads the claims that decide something, with the types they have to have.
//!
//! Whether their values are acceptable is for [`rules`](super::rules) to say. Claims that change
//! hands (names, addresses) are not read at all.

use std::borrow::Cow;

use super::authority::Version;
use super::contexts::Contexts;
use super::denial::Denial;
use super::guid::TenantId;
use super::json::{self, Members, Value};

/// The claims of a token. Nothing in here is true before the signature is verified.
#[derive(Debug)]
pub(super) struct Claims<'a> {
    pub(super) version: Version,
    pub(super) issuer: Cow<'a, str>,
    pub(super) tenant: TenantId,
    pub(super) audience: Cow<'a, str>,
    /// `azp` in a v2 token, `appid` in a v1 token.
    pub(super) client: Cow<'a, str>,
    pub(super) expires: u64,
    pub(super) not_before: u64,
    pub(super) issued_at: u64,
    pub(super) object_id: Option<Cow<'a, str>>,
    pub(super) subject: Option<Cow<'a, str>>,
    pub(super) purpose: Purpose,
    /// `idtyp`, which only some registrations emit.
    pub(super) identity_type: Option<Cow<'a, str>>,
    /// `scp`.
    pub(super) scopes: Option<Cow<'a, str>>,
    pub(super) roles: Vec<Cow<'a, str>>,
    pub(super) groups: Groups<'a>,
    /// `azpacr` in a v2 token, `appidacr` in a v1 token; none where it says nothing that we know.
    pub(super) client_credential: Option<ClientCredential>,
    /// `acrs`.
    pub(super) contexts: Contexts,
    /// Whether `xms_cc` says that the client knows what to do with a claims challenge.
    pub(super) takes_challenges: bool,
}

/// The groups that a token names its subject a member of. Nobody may need them, so what a list holds
/// is looked at only when somebody asks.
#[derive(Debug)]
pub(super) enum Groups<'a> {
    /// There is no claim.
    Missing,
    /// The claim is no list.
    Malformed,
    /// They are too many for a token, which points to another place for them (Entra ID: groups overage
    /// claim).
    Elsewhere,
    Listed(Vec<Value<'a>>),
}

/// By what a client proves to Entra that it is that client, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ClientCredential {
    /// By nothing: a public client.
    None,
    Secret,
    Certificate,
}

/// What a token is made for, as far as its claims give it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Access, by whoever bears it.
    Bearer,
    /// Access, by the holder of a key alone: `cnf` (RFC 7800 §3.1).
    Bound,
    /// Telling a client who signed in: `nonce`, `at_hash` or `c_hash` (OpenID Connect Core §2).
    Identification,
}

impl<'a> Claims<'a> {
    /// Reads a decoded payload.
    ///
    /// # Errors
    ///
    /// [`Denial::Malformed`] for JSON that is not strict, [`Denial::Claim`] for a claim that is
    /// missing or of the wrong type.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, Denial> {
        let members =
            json::object(text, MAX_DEPTH).map_err(|fault| Denial::Malformed(fault.describe()))?;
        Found::sort(members)?.complete()
    }
}

/// The claims that a payload has, each of the right type.
#[derive(Default)]
struct Found<'a> {
    version: Option<Cow<'a, str>>,
    issuer: Option<Cow<'a, str>>,
    tenant: Option<Cow<'a, str>>,
    audience: Option<Cow<'a, str>>,
    azp: Option<Cow<'a, str>>,
    appid: Option<Cow<'a, str>>,
    expires: Option<u64>,
    not_before: Option<u64>,
    issued_at: Option<u64>,
    object_id: Option<Cow<'a, str>>,
    subject: Option<Cow<'a, str>>,
    bound: bool,
    identification: bool,
    identity_type: Option<Cow<'a, str>>,
    scopes: Option<Cow<'a, str>>,
    roles: Vec<Cow<'a, str>>,
    groups: Option<Value<'a>>,
    groups_elsewhere: bool,
    azpacr: Option<ClientCredential>,
    appidacr: Option<ClientCredential>,
    contexts: Contexts,
    takes_challenges: bool,
}

impl<'a> Found<'a> {
    fn sort(members: Members<'a>) -> Result<Self, Denial> {
        let mut found = Self::default();
        for (name, value) in members {
            match &*name {
                "ver" => found.version = Some(text("ver", value)?),
                "iss" => found.issuer = Some(text("iss", value)?),
                "tid" => found.tenant = Some(text("tid", value)?),
                "aud" => found.audience = Some(text("aud", value)?),
                "azp" => found.azp = Some(text("azp", value)?),
                "appid" => found.appid = Some(text("appid", value)?),
                "exp" => found.expires = Some(date("exp", &value)?),
                "nbf" => found.not_before = Some(date("nbf", &value)?),
                "iat" => found.issued_at = Some(date("iat", &value)?),
                "oid" => found.object_id = Some(id("oid", value)?),
                "sub" => found.subject = Some(id("sub", value)?),
                "idtyp" => found.identity_type = Some(text("idtyp", value)?),
                "scp" => found.scopes = Some(text("scp", value)?),
                "roles" => found.roles = texts("roles", value)?,
                "cnf" => found.bound = true,
                "nonce" | "at_hash" | "c_hash" => found.identification = true,
                "groups" => found.groups = Some(value),
                // Entra distributes no other claim, so whatever these hold, it is the groups'.
                "_claim_names" | "_claim_sources" | "hasgroups" => found.groups_elsewhere = true,
                name if name.starts_with("groups:") => found.groups_elsewhere = true,
                "azpacr" => found.azpacr = client_credential(&value),
                "appidacr" => found.appidacr = client_credential(&value),
                "acrs" => found.contexts = Contexts::claimed(&value),
                "xms_cc" => found.takes_challenges = takes_challenges(&value),
                _ => {}
            }
        }
        Ok(found)
    }

    fn complete(self) -> Result<Claims<'a>, Denial> {
        let (version, client, client_claim, client_credential) = match self.version.as_deref() {
            Some("2.0") => (Version::V2, self.azp, "azp", self.azpacr),
            Some("1.0") => (Version::V1, self.appid, "appid", self.appidacr),
            _ => return Err(Denial::Claim("ver")),
        };
        let tenant = required("tid", self.tenant)?;
        let purpose = match (self.bound, self.identification) {
            (true, _) => Purpose::Bound,
            (false, true) => Purpose::Identification,
            (false, false) => Purpose::Bearer,
        };
        Ok(Claims {
            version,
            issuer: required("iss", self.issuer)?,
            tenant: TenantId::parse(&tenant).map_err(|_| Denial::Claim("tid"))?,
            audience: required("aud", self.audience)?,
            // An ID token has no client claim; say what it is rather than what it lacks.
            client: match (client, purpose) {
                (Some(client), _) if !client.is_empty() => client,
                (None, Purpose::Identification) => return Err(Denial::IdToken),
                _ => return Err(Denial::Claim(client_claim)),
            },
            expires: required("exp", self.expires)?,
            not_before: required("nbf", self.not_before)?,
            issued_at: required("iat", self.issued_at)?,
            object_id: self.object_id,
            subject: self.subject,
            purpose,
            identity_type: self.identity_type,
            scopes: self.scopes,
            roles: self.roles,
            groups: match (self.groups_elsewhere, self.groups) {
                (true, _) => Groups::Elsewhere,
                (false, None) => Groups::Missing,
                (false, Some(Value::Array(groups))) => Groups::Listed(groups),
                (false, Some(_)) => Groups::Malformed,
            },
            client_credential,
            contexts: self.contexts,
            takes_challenges: self.takes_challenges,
        })
    }
}

fn required<T>(name: &'static str, claim: Option<T>) -> Result<T, Denial> {
    claim.ok_or(Denial::Claim(name))
}

fn text<'a>(name: &'static str, value: Value<'a>) -> Result<Cow<'a, str>, Denial> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(Denial::Claim(name)),
    }
}

/// A text that ends up in logs and in keys of stored data: visible ASCII of bounded length.
fn id<'a>(name: &'static str, value: Value<'a>) -> Result<Cow<'a, str>, Denial> {
    let text = text(name, value)?;
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=MAX_ID_BYTES).contains(&text.len()) {
        Ok(text)
    } else {
        Err(Denial::Claim(name))
    }
}

fn texts<'a>(name: &'static str, value: Value<'a>) -> Result<Vec<Cow<'a, str>>, Denial> {
    match value {
        Value::Array(items) => items.into_iter().map(|item| text(name, item)).collect(),
        _ => Err(Denial::Claim(name)),
    }
}

fn client_credential(value: &Value<'_>) -> Option<ClientCredential> {
    match value {
        Value::Text(text) => match &**text {
            "0" => Some(ClientCredential::None),
            "1" => Some(ClientCredential::Secret),
            "2" => Some(ClientCredential::Certificate),
            _ => None,
        },
        _ => None,
    }
}

/// Whether `cp1` is among the capabilities of a client, in any case (Entra ID: claims challenge).
fn takes_challenges(value: &Value<'_>) -> bool {
    let is_cp1 = |value: &Value<'_>| match value {
        Value::Text(text) => text.eq_ignore_ascii_case("cp1"),
        _ => false,
    };
    match value {
        Value::Array(items) => items.iter().any(is_cp1),
        single => is_cp1(single),
    }
}

/// A NumericDate (RFC 7519 §2) in whole seconds, up to the end of the year 9999.
fn date(name: &'static str, value: &Value<'_>) -> Result<u64, Denial> {
    match value {
        Value::Integer(seconds) if *seconds <= LAST_SECOND => Ok(*seconds),
        _ => Err(Denial::Claim(name)),
    }
}

/// How deeply a payload may be nested.
const MAX_DEPTH: usize = 32;

/// An object id has 36 bytes, a subject 43.
const MAX_ID_BYTES: usize = 256;

/// 9999-12-31T23:59:59Z.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests;
