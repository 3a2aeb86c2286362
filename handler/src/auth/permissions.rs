//! Whether a caller carries a permission that a function asks for.
//!
//! The three kinds of permission do not stand in for each other: a scope says what an application
//! may do for a user, a role what it may do by itself, a user's role what that user is.

use super::denial::Denial;
use super::principal::{Kind, Principal};

/// What a function asks of its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A delegated scope, on a user's token.
    Scope(&'static str),
    /// An app role, on an application's own token.
    Role(&'static str),
    /// An app role that a user was given.
    UserRole(&'static str),
    /// Any scope or role of this app. A token without either is no permission: every application
    /// of the tenant can get one.
    AnyCaller,
    /// One of several.
    AnyOf(Vec<Rule>),
}

impl Rule {
    /// Lets the caller through or says what is missing.
    ///
    /// # Errors
    ///
    /// [`Denial::MissingPermission`] with the scopes that would have done.
    pub(crate) fn require(&self, caller: &Principal) -> Result<(), Denial> {
        if self.allows(caller) {
            return Ok(());
        }
        let mut scopes = Vec::new();
        self.collect_scopes(&mut scopes);
        Err(Denial::MissingPermission { scopes })
    }

    /// A name that no token can carry: a scope's is one or more visible ASCII characters without `"`
    /// and `\\` (RFC 6749 §3.3), and Entra takes the same for roles.
    pub(crate) fn unspeakable(&self) -> Option<&'static str> {
        match self {
            Self::Scope(name) | Self::Role(name) | Self::UserRole(name) => {
                let sound = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
                (name.is_empty() || !name.bytes().all(sound)).then_some(*name)
            }
            Self::AnyCaller => None,
            Self::AnyOf(rules) => rules.iter().find_map(Self::unspeakable),
        }
    }

    fn allows(&self, caller: &Principal) -> bool {
        match self {
            Self::Scope(name) => caller.kind() == Kind::User && caller.has_scope(name),
            Self::Role(name) => caller.kind() == Kind::Application && caller.has_role(name),
            Self::UserRole(name) => caller.kind() == Kind::User && caller.has_role(name),
            Self::AnyCaller => caller.scopes().chain(caller.roles()).next().is_some(),
            Self::AnyOf(rules) => rules.iter().any(|rule| rule.allows(caller)),
        }
    }

    fn collect_scopes(&self, scopes: &mut Vec<&'static str>) {
        match self {
            Self::Scope(name) => scopes.push(name),
            Self::AnyOf(rules) => {
                for rule in rules {
                    rule.collect_scopes(scopes);
                }
            }
            Self::Role(_) | Self::UserRole(_) | Self::AnyCaller => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(rule: &Rule, caller: &Principal) -> bool {
        rule.require(caller).is_ok()
    }

    #[test]
    fn a_scope_counts_on_a_users_token_only() {
        let ada = Principal::for_tests("ada").with_scope("Read");

        assert!(allowed(&Rule::Scope("Read"), &ada));
        assert!(!allowed(&Rule::Scope("Write"), &ada));
        assert!(!allowed(&Rule::Scope("Read"), &ada.application()));
    }

    #[test]
    fn a_role_counts_on_an_applications_token_only() {
        let user = Principal::for_tests("ada").with_role("Read.All");
        let application = user.clone().application();

        assert!(allowed(&Rule::Role("Read.All"), &application));
        assert!(!allowed(&Rule::Role("Read.All"), &user));
        assert!(!allowed(&Rule::Role("Write.All"), &application));
    }

    #[test]
    fn a_users_role_counts_on_a_users_token_only() {
        let user = Principal::for_tests("ada").with_role("Clerk");

        assert!(allowed(&Rule::UserRole("Clerk"), &user));
        assert!(!allowed(&Rule::UserRole("Chief"), &user));
        assert!(!allowed(&Rule::UserRole("Clerk"), &user.application()));
    }

    #[test]
    fn scopes_and_roles_do_not_stand_in_for_each_other() {
        let scope = Principal::for_tests("ada").with_scope("Read");
        let role = Principal::for_tests("ada").with_role("Read");

        assert!(!allowed(&Rule::UserRole("Read"), &scope));
        assert!(!allowed(&Rule::Scope("Read"), &role));
    }

    #[test]
    fn any_caller_has_to_carry_some_permission_of_this_app() {
        let nobody = Principal::for_tests("ada");

        assert!(!allowed(&Rule::AnyCaller, &nobody));
        assert!(allowed(&Rule::AnyCaller, &nobody.clone().with_scope("x")));
        assert!(allowed(
            &Rule::AnyCaller,
            &nobody.with_role("x").application()
        ));
    }

    #[test]
    fn one_of_several_is_enough_and_none_is_told_with_all_scopes() {
        let rule = Rule::AnyOf(vec![
            Rule::Scope("Read"),
            Rule::Role("Read.All"),
            Rule::AnyOf(vec![Rule::Scope("Write")]),
        ]);
        let caller = Principal::for_tests("ada");
        assert!(allowed(&rule, &caller.clone().with_scope("Write")));
        assert!(allowed(
            &rule,
            &caller.clone().with_role("Read.All").application()
        ));

        let denial = rule.require(&caller).expect_err("no permission");

        assert!(matches!(
            denial,
            Denial::MissingPermission { scopes } if scopes == ["Read", "Write"]
        ));
        assert!(!allowed(&Rule::AnyOf(Vec::new()), &caller));
    }
}
