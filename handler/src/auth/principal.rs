//! Who is calling: what a verified token says about its caller, and no more than is needed.

use std::fmt;
use std::sync::Arc;

use super::contexts::Contexts;
use super::guid::TenantId;

/// The caller of a function, as a verified token names it.
///
/// Cheap to clone. It holds ids and permissions; names and addresses are left in the token, since
/// they change hands and do not belong in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal {
    facts: Arc<Facts>,
}

/// Whether a person or an application is calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A user, through an application that acts for them with delegated scopes.
    User,
    /// An application on its own behalf, with app roles.
    Application,
}

/// What a [`Principal`] shares between its clones.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) id: Box<str>,
    pub(super) tenant: TenantId,
    pub(super) object_id: Option<Box<str>>,
    pub(super) client: Box<str>,
    pub(super) kind: Kind,
    /// As the token writes them: separated by single spaces.
    pub(super) scopes: Box<str>,
    pub(super) roles: Box<[Box<str>]>,
    pub(super) contexts: Contexts,
    pub(super) takes_challenges: bool,
}

impl Principal {
    pub(super) fn new(facts: Facts) -> Self {
        Self {
            facts: Arc::new(facts),
        }
    }

    /// The key under which to keep what belongs to this caller: the tenant and the object id (or,
    /// where the token has none, the subject), as `tenant/object`.
    ///
    /// It stays the same for all tokens of one caller, and no other tenant can produce it.
    pub fn id(&self) -> &str {
        &self.facts.id
    }

    /// The caller's tenant.
    pub fn tenant(&self) -> TenantId {
        self.facts.tenant
    }

    /// The caller's object id in its tenant.
    pub fn object_id(&self) -> Option<&str> {
        self.facts.object_id.as_deref()
    }

    /// The client id of the application that got the token.
    pub fn client(&self) -> &str {
        &self.facts.client
    }

    /// Whether a person or an application is calling.
    pub fn kind(&self) -> Kind {
        self.facts.kind
    }

    /// The delegated scopes of the token; none for an application.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        // Split at U+0020 and nothing else (RFC 6749 §3.3).
        self.facts
            .scopes
            .split(' ')
            .filter(|scope| !scope.is_empty())
    }

    /// The app roles of the token: an application's own, or those a user was given.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.facts.roles.iter().map(Box::as_ref)
    }

    /// Whether the token carries a scope, exactly as it is written.
    pub fn has_scope(&self, name: &str) -> bool {
        self.scopes().any(|scope| scope == name)
    }

    /// Whether the token carries an app role, exactly as it is written.
    ///
    /// Roles of users and of applications look alike here; access rules tell them apart.
    pub fn has_role(&self, name: &str) -> bool {
        self.roles().any(|role| role == name)
    }

    /// Whether the token carries an authentication context, such as `c1` (claim `acrs`).
    pub fn has_authentication_context(&self, id: &str) -> bool {
        self.facts.contexts.has(id)
    }

    /// Whether the client can act on a claims challenge.
    pub(super) fn takes_challenges(&self) -> bool {
        self.facts.takes_challenges
    }
}

/// Callers for tests, made without a token.
#[cfg(any(test, feature = "testing"))]
impl Principal {
    /// A user with this id and without any permission.
    #[must_use]
    pub fn for_tests(id: &str) -> Self {
        Self::new(Facts {
            id: id.into(),
            tenant: super::testing::tenant_id(),
            object_id: Some(id.into()),
            client: "test-client".into(),
            kind: Kind::User,
            scopes: "".into(),
            roles: Box::default(),
            contexts: Contexts::default(),
            takes_challenges: false,
        })
    }

    /// The same caller through the application of this client id.
    #[must_use]
    pub fn with_client(mut self, id: &str) -> Self {
        Arc::make_mut(&mut self.facts).client = id.into();
        self
    }

    /// The same caller with one more delegated scope.
    #[must_use]
    pub fn with_scope(mut self, name: &str) -> Self {
        let facts = Arc::make_mut(&mut self.facts);
        facts.scopes = format!("{} {name}", facts.scopes).trim_start().into();
        self
    }

    /// The same caller with one more app role.
    #[must_use]
    pub fn with_role(mut self, name: &str) -> Self {
        let facts = Arc::make_mut(&mut self.facts);
        facts.roles = facts.roles.iter().cloned().chain([name.into()]).collect();
        self
    }

    /// The same caller with one more authentication context, such as `c1`.
    #[must_use]
    pub fn with_authentication_context(mut self, id: &str) -> Self {
        let facts = Arc::make_mut(&mut self.facts);
        facts.contexts = facts.contexts.with(id);
        self
    }

    /// The same caller through a client that can act on claims challenges.
    #[must_use]
    pub fn taking_claims_challenges(mut self) -> Self {
        Arc::make_mut(&mut self.facts).takes_challenges = true;
        self
    }

    /// An application in place of the user.
    #[must_use]
    pub fn application(mut self) -> Self {
        Arc::make_mut(&mut self.facts).kind = Kind::Application;
        self
    }
}

#[cfg(test)]
impl Principal {
    /// Whether two principals were made from one verification.
    pub(super) fn shares_facts_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.facts, &other.facts)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("id", &self.facts.id)
            .field("client", &self.facts.client)
            .field("kind", &self.facts.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_whole_words_in_their_own_case() {
        let ada = Principal::for_tests("ada")
            .with_scope("Orders.Write")
            .with_scope("Orders.Read")
            .with_role("Clerk");

        assert!(ada.has_scope("Orders.Write") && ada.has_scope("Orders.Read"));
        assert!(ada.has_role("Clerk"));
        for other in ["Orders", "orders.write", "Orders.Write Orders.Read", ""] {
            assert!(!ada.has_scope(other), "{other}");
        }
        assert!(!ada.has_role("clerk") && !ada.has_role("Orders.Write"));
    }

    #[test]
    fn debug_shows_ids_and_no_permissions() {
        let shown = format!("{:?}", Principal::for_tests("ada").with_role("Clerk"));

        assert_eq!(
            shown,
            r#"Principal { id: "ada", client: "test-client", kind: User, .. }"#
        );
    }
}
