//! What the claims of a token have to say.
//!
//! [`Rules::screen`] runs before anything is spent on a token: a stranger can make a token that
//! passes it, but only one that names our tenant and our app, and only such a token may cause keys
//! to be fetched. [`Rules::accept`] runs on the claims once their signature is verified.

use super::authority::{Authority, Issuer, Version};
use super::claims::{Claims, Purpose};
use super::denial::Denial;
use super::guid::TenantId;
use super::lists::Lists;
use super::principal::{Facts, Kind, Principal};
use super::settings::{AuthSettings, Tenants, V1};

/// The rules of this app.
#[derive(Debug)]
pub(super) struct Rules {
    authority: Authority,
    tenants: Tenants,
    audiences: Vec<String>,
    lists: Lists,
    v1: V1,
    /// Seconds.
    clock_skew: u64,
}

impl Rules {
    pub(super) fn new(settings: &AuthSettings) -> Self {
        Self {
            authority: settings.authority.clone(),
            tenants: settings.tenants.clone(),
            audiences: settings.audiences.clone(),
            lists: settings.lists.clone(),
            v1: settings.v1,
            clock_skew: settings.clock_skew.as_secs(),
        }
    }

    /// Whether a token claims to be ours and alive, and whose keys would prove it.
    ///
    /// # Errors
    ///
    /// The rule that it breaks: version, issuer, tenant, audience or lifetime.
    pub(super) fn screen(&self, claims: &Claims<'_>, now: u64) -> Result<Issuer, Denial> {
        let ours = self.audiences.iter().any(|ours| *ours == *claims.audience);
        if !ours && MICROSOFT_GRAPH.contains(&&*claims.audience) {
            return Err(Denial::MicrosoftGraph);
        }
        if claims.version == Version::V1 && self.v1 == V1::Refused {
            return Err(Denial::Version1);
        }
        let issuer = Issuer {
            tenant: claims.tenant,
            version: claims.version,
        };
        if !self.authority.is_named(issuer, &claims.issuer) {
            return Err(Denial::Issuer);
        }
        if !self.tenants.include(claims.tenant) {
            let found = claims.tenant;
            return Err(Denial::Tenant { found });
        }
        if !ours {
            return Err(Denial::Audience);
        }
        self.check_lifetime(claims, now)?;
        Ok(issuer)
    }

    /// Makes the caller of the claims of a token that was screened and whose signature is good.
    ///
    /// # Errors
    ///
    /// The rule that it breaks: purpose, identity, permissions or a list.
    pub(super) fn accept(&self, claims: &Claims<'_>) -> Result<Principal, Denial> {
        match claims.purpose {
            Purpose::Bearer => {}
            Purpose::Bound => return Err(Denial::BoundToken),
            Purpose::Identification => return Err(Denial::IdToken),
        }
        let own = claims.object_id.as_ref().or(claims.subject.as_ref());
        let own = own.ok_or(Denial::Claim("oid"))?;
        let kind = kind(claims);
        if kind == Kind::Application && claims.scopes.is_some() {
            return Err(Denial::ContradictoryPermissions);
        }
        self.lists.check(claims)?;
        Ok(Principal::new(Facts {
            id: [claims.tenant.as_str(), "/", own].concat().into(),
            tenant: claims.tenant,
            object_id: claims.object_id.as_deref().map(Box::from),
            client: (&*claims.client).into(),
            kind,
            scopes: claims.scopes.as_deref().unwrap_or_default().into(),
            roles: claims.roles.iter().map(|role| (&**role).into()).collect(),
            contexts: claims.contexts,
            takes_challenges: claims.takes_challenges,
        }))
    }

    fn check_lifetime(&self, claims: &Claims<'_>, now: u64) -> Result<(), Denial> {
        let latest = now.saturating_add(self.clock_skew);
        if claims.not_before > claims.expires {
            return Err(Denial::Lifetime);
        }
        if now >= claims.expires.saturating_add(self.clock_skew) {
            return Err(Denial::Expired);
        }
        if claims.not_before > latest || claims.issued_at > latest {
            return Err(Denial::NotYetValid);
        }
        Ok(())
    }
}

impl Tenants {
    fn include(&self, tenant: TenantId) -> bool {
        match self {
            Self::Listed(tenants) => tenants.contains(&tenant),
            Self::Any => tenant != TenantId::CONSUMERS,
        }
    }
}

/// Whether a token is an application's own. `idtyp` says so where the registration emits it;
/// otherwise an application's token has roles, no scopes, and itself as its subject.
fn kind(claims: &Claims<'_>) -> Kind {
    let application = match claims.identity_type.as_deref() {
        Some(identity) => identity == "app",
        None => {
            claims.scopes.is_none()
                && !claims.roles.is_empty()
                && claims.object_id.is_some()
                && claims.object_id == claims.subject
        }
    };
    if application {
        Kind::Application
    } else {
        Kind::User
    }
}

/// What tokens for Microsoft Graph have as their audience.
const MICROSOFT_GRAPH: [&str; 3] = [
    "00000003-0000-0000-c000-000000000000",
    "https://graph.microsoft.com",
    "https://graph.microsoft.com/",
];
