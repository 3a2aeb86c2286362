//! Whether a caller carries a permission that a function asks for.
//!
//! The three kinds of permission do not stand in for each other: a scope says what an application
//! may do for a user, a role what it may do by itself, a user's role what that user is.

use super::contexts::is_context;
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
    /// The rule, and an authentication context on the token that satisfies it.
    SteppedUp {
        rule: Box<Rule>,
        context: &'static str,
    },
}

/// How far a caller gets with a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Allowed,
    /// The permission is there, this authentication context is not.
    Lacks(&'static str),
    Refused,
}

impl Rule {
    /// Lets the caller through or says what is missing.
    ///
    /// # Errors
    ///
    /// [`Denial::MissingPermission`] with the scopes that would have done;
    /// [`Denial::AuthenticationContext`] where the permission is there, so that nobody else learns
    /// what a function asks for beside it.
    pub(crate) fn require(&self, caller: &Principal) -> Result<(), Denial> {
        match self.judge(caller) {
            Verdict::Allowed => Ok(()),
            Verdict::Lacks(context) => Err(Denial::AuthenticationContext {
                context,
                challenge: caller.takes_challenges().then(|| caller.tenant()),
            }),
            Verdict::Refused => {
                let scopes = self.scopes();
                Err(Denial::MissingPermission { scopes })
            }
        }
    }

    /// The scopes that the rule names.
    pub(super) fn scopes(&self) -> Vec<&'static str> {
        let mut scopes = Vec::new();
        self.collect_scopes(&mut scopes);
        scopes
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
            Self::SteppedUp { rule, .. } => rule.unspeakable(),
        }
    }

    /// The id of an authentication context that there cannot be.
    pub(crate) fn unknown_context(&self) -> Option<&'static str> {
        match self {
            Self::Scope(_) | Self::Role(_) | Self::UserRole(_) | Self::AnyCaller => None,
            Self::AnyOf(rules) => rules.iter().find_map(Self::unknown_context),
            Self::SteppedUp { context, .. } if !is_context(context) => Some(context),
            Self::SteppedUp { rule, .. } => rule.unknown_context(),
        }
    }

    fn judge(&self, caller: &Principal) -> Verdict {
        let allowed = match self {
            Self::Scope(name) => caller.kind() == Kind::User && caller.has_scope(name),
            Self::Role(name) => caller.kind() == Kind::Application && caller.has_role(name),
            Self::UserRole(name) => caller.kind() == Kind::User && caller.has_role(name),
            Self::AnyCaller => caller.scopes().chain(caller.roles()).next().is_some(),
            Self::AnyOf(rules) => {
                let verdicts = rules.iter().map(|rule| rule.judge(caller));
                return verdicts.fold(Verdict::Refused, Verdict::or);
            }
            Self::SteppedUp { rule, context } => {
                return match rule.judge(caller) {
                    Verdict::Allowed if !caller.has_authentication_context(context) => {
                        Verdict::Lacks(context)
                    }
                    verdict => verdict,
                };
            }
        };
        if allowed {
            Verdict::Allowed
        } else {
            Verdict::Refused
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
            Self::SteppedUp { rule, .. } => rule.collect_scopes(scopes),
            Self::Role(_) | Self::UserRole(_) | Self::AnyCaller => {}
        }
    }
}

impl Verdict {
    /// The better of two, and the first of two that are equally good.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Allowed, _) | (_, Self::Allowed) => Self::Allowed,
            (Self::Lacks(context), _) | (_, Self::Lacks(context)) => Self::Lacks(context),
            (Self::Refused, Self::Refused) => Self::Refused,
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

    fn stepped_up(rule: Rule, context: &'static str) -> Rule {
        Rule::SteppedUp {
            rule: Box::new(rule),
            context,
        }
    }

    #[test]
    fn a_context_is_asked_for_after_the_permission() {
        let rule = stepped_up(Rule::Scope("Delete"), "c1");
        let ada = Principal::for_tests("ada").with_scope("Delete");
        let strong = ada.clone().with_authentication_context("c1");

        assert!(allowed(&rule, &strong));
        let context = |caller: &Principal| match rule.require(caller) {
            Err(Denial::AuthenticationContext { context, challenge }) => (context, challenge),
            other => panic!("{other:?}"),
        };
        assert_eq!(context(&ada), ("c1", None));
        let another = ada.clone().with_authentication_context("c2");
        assert_eq!(context(&another), ("c1", None));
        let capable = ada.clone().taking_claims_challenges();
        assert_eq!(context(&capable), ("c1", Some(ada.tenant())));

        // Without the permission, the context is neither enough nor ever told of.
        let strong_stranger = Principal::for_tests("eve")
            .with_authentication_context("c1")
            .taking_claims_challenges();
        for stranger in [strong_stranger, strong.clone().application()] {
            let denial = rule.require(&stranger).expect_err("no permission");
            assert!(
                matches!(&denial, Denial::MissingPermission { scopes } if *scopes == ["Delete"]),
                "{denial:?}"
            );
        }
    }

    #[test]
    fn a_context_belongs_to_its_own_alternative() {
        let rule = Rule::AnyOf(vec![
            Rule::Role("All"),
            stepped_up(Rule::Scope("Delete"), "c1"),
            stepped_up(Rule::UserRole("Chief"), "c2"),
        ]);
        let user = || Principal::for_tests("ada");
        let lacks = |caller: &Principal| match rule.require(caller) {
            Ok(()) => "nothing",
            Err(Denial::AuthenticationContext { context, .. }) => context,
            Err(_) => "the permission",
        };

        assert_eq!(lacks(&user().with_role("All").application()), "nothing");
        let clerk = user().with_scope("Delete");
        assert_eq!(lacks(&clerk), "c1");
        let wrong = clerk.clone().with_authentication_context("c2");
        assert_eq!(lacks(&wrong), "c1");
        let both = clerk.clone().with_role("Chief");
        assert_eq!(lacks(&both), "c1");
        assert_eq!(lacks(&both.with_authentication_context("c2")), "nothing");
        assert_eq!(lacks(&user().with_role("Chief")), "c2");
        assert_eq!(
            lacks(&user().with_authentication_context("c1")),
            "the permission"
        );
    }

    #[test]
    fn a_context_around_several_rules_is_asked_for_with_each() {
        let either = Rule::AnyOf(vec![Rule::Scope("Delete"), Rule::UserRole("Chief")]);
        let rule = stepped_up(stepped_up(either, "c1"), "c2");
        let ada = Principal::for_tests("ada").with_role("Chief");

        let one = ada.clone().with_authentication_context("c2");
        assert!(!allowed(&rule, &ada) && !allowed(&rule, &one));
        assert!(allowed(&rule, &one.with_authentication_context("c1")));
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
