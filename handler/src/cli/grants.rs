//! What a token has to carry, read off the access rules.

use std::collections::BTreeSet;

use crate::auth::{Gate, Rule};
use crate::function::Entry;

/// The permissions that rules name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Grants {
    /// For users: delegated permissions.
    pub(super) scopes: BTreeSet<String>,
    /// For users: roles that they were given.
    pub(super) user_roles: BTreeSet<String>,
    /// For applications: their own roles.
    pub(super) app_roles: BTreeSet<String>,
    /// For users: authentication contexts.
    pub(super) contexts: BTreeSet<String>,
    /// Some rule is content with any permission of this app.
    pub(super) any: bool,
}

impl Grants {
    /// What the rules of these functions name.
    pub(super) fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut grants = Self::default();
        for entry in entries {
            match &entry.trigger.gate {
                Gate::Rule(rule) => grants.add(rule),
                Gate::Anonymous { .. } | Gate::Host => {}
            }
        }
        if grants.any && grants.scopes.is_empty() {
            grants.scopes.insert(USUAL_SCOPE.to_owned());
        }
        grants
    }

    /// Whether a user can satisfy one of the rules.
    pub(super) fn suit_a_user(&self) -> bool {
        self.any || !self.scopes.is_empty() || !self.user_roles.is_empty()
    }

    fn add(&mut self, rule: &Rule) {
        match rule {
            Rule::Scope(name) => self.scopes.insert((*name).to_owned()),
            Rule::UserRole(name) => self.user_roles.insert((*name).to_owned()),
            Rule::Role(name) => self.app_roles.insert((*name).to_owned()),
            Rule::AnyCaller => std::mem::replace(&mut self.any, true),
            Rule::AnyOf(rules) => {
                for rule in rules {
                    self.add(rule);
                }
                false
            }
            Rule::SteppedUp { rule, context } => {
                self.add(rule);
                self.contexts.insert((*context).to_owned())
            }
        };
    }
}

/// What the portal calls the first scope of an app (Microsoft: "Configure an application to expose a
/// web API").
const USUAL_SCOPE: &str = "user_impersonation";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{self, Access, Caller};
    use crate::{Function, Reply, on};

    fn grants(access: Access<Caller>) -> Grants {
        let function = Function::<()>::new("f", on::get("f", access), async || Reply::ok(1));
        Grants::of([function.entry()])
    }

    fn names(set: &BTreeSet<String>) -> Vec<&str> {
        set.iter().map(String::as_str).collect()
    }

    #[test]
    fn every_alternative_counts() {
        let either = access::any_of([
            access::scope("Read"),
            access::role("Read.All"),
            access::user_role("Reader"),
        ]);

        let found = grants(either);

        assert_eq!(names(&found.scopes), ["Read"]);
        assert_eq!(names(&found.app_roles), ["Read.All"]);
        assert_eq!(names(&found.user_roles), ["Reader"]);
    }

    #[test]
    fn a_context_counts_beside_its_permission() {
        let found = grants(access::scope("Delete").with_authentication_context("c1"));

        assert_eq!(names(&found.scopes), ["Delete"]);
        assert_eq!(names(&found.contexts), ["c1"]);
    }

    #[test]
    fn a_rule_for_applications_does_not_suit_a_user() {
        assert!(!grants(access::role("Read.All")).suit_a_user());
        assert!(grants(access::scope("Read")).suit_a_user());
    }

    #[test]
    fn a_rule_that_takes_any_permission_gets_one() {
        assert_eq!(
            names(&grants(access::any_caller_of_this_app()).scopes),
            [USUAL_SCOPE]
        );
    }
}
