//! Who may call a function that outsiders can reach: the first decision that cannot be left out.
//!
//! ```
//! use stockade::access;
//!
//! access::scope("Orders.Write"); // a user, through an app that holds this delegated permission
//! access::role("Orders.Read.All"); // an application, by its own app role
//! access::any_of([access::scope("Orders.Read"), access::role("Orders.Read.All")]);
//! access::scope("Orders.Delete").with_authentication_context("c1"); // and who signed in as policy c1 asks
//! access::anonymous("load balancers carry no token, and nothing is told");
//! ```

use std::marker::PhantomData;

use serde::Serialize;

use crate::auth::{Gate, Rule};

/// Marks access rules that know the caller.
#[derive(Debug, Clone, Copy)]
pub struct Caller;

/// Marks access rules that let anyone in.
#[derive(Debug, Clone, Copy)]
pub struct Anyone;

/// An access rule. `W` says whether the handler may ask for the [`Principal`](crate::Principal).
#[derive(Debug, Clone)]
pub struct Access<W> {
    gate: Gate,
    marker: PhantomData<W>,
}

impl<W> Access<W> {
    pub(crate) fn into_gate(self) -> Gate {
        self.gate
    }

    fn new(gate: Gate) -> Self {
        Self {
            gate,
            marker: PhantomData,
        }
    }
}

impl Access<Caller> {
    /// Asks for an authentication context beside the permission: one of the ids `c1` to `c99` for which
    /// the tenant has a conditional access policy (claim `acrs`). It is asked for with this rule alone,
    /// also within [`any_of`].
    ///
    /// A caller that has the permission and not the context is told with a claims challenge (401) to
    /// sign the user in again, if its client has said that it can act on one (claim `xms_cc`, which the
    /// app registration has to emit), and else that the call is not allowed (403).
    #[must_use]
    pub fn with_authentication_context(self, id: &'static str) -> Self {
        match self.gate {
            Gate::Rule(rule) => Self::new(Gate::Rule(Rule::SteppedUp {
                rule: Box::new(rule),
                context: id,
            })),
            Gate::Anonymous { .. } | Gate::Host => self,
        }
    }

    /// What is wrong with the rule, in words for its developer.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        self.gate.problems(&mut problems);
        problems
    }

    pub(crate) fn into_rule(self) -> Rule {
        match self.gate {
            Gate::Rule(rule) => rule,
            // No function here makes one of these for a `Caller`; if one did, nobody would get in.
            Gate::Anonymous { .. } | Gate::Host => Rule::AnyOf(Vec::new()),
        }
    }
}

/// Users, through an app that holds the delegated permission `name` (claim `scp`).
pub fn scope(name: &'static str) -> Access<Caller> {
    Access::new(Gate::Rule(Rule::Scope(name)))
}

/// Applications that hold the app role `name` (claim `roles` of an app-only token). Users that carry
/// the same role are refused: [`user_role`] is for them.
pub fn role(name: &'static str) -> Access<Caller> {
    Access::new(Gate::Rule(Rule::Role(name)))
}

/// Users that are assigned the app role `name` (claim `roles` of a delegated token).
pub fn user_role(name: &'static str) -> Access<Caller> {
    Access::new(Gate::Rule(Rule::UserRole(name)))
}

/// Whoever satisfies one of the rules.
pub fn any_of<const N: usize>(rules: [Access<Caller>; N]) -> Access<Caller> {
    let rules = rules.into_iter().filter_map(|access| match access.gate {
        Gate::Rule(rule) => Some(rule),
        Gate::Anonymous { .. } | Gate::Host => None,
    });
    Access::new(Gate::Rule(Rule::AnyOf(rules.collect())))
}

/// Whoever holds a valid token for this app, whatever its permissions.
pub fn any_caller_of_this_app() -> Access<Caller> {
    Access::new(Gate::Rule(Rule::AnyCaller))
}

/// Anyone at all, without a token. The reason is kept in the manifest, where a reviewer reads it.
pub fn anonymous(reason: &'static str) -> Access<Anyone> {
    Access::new(Gate::Anonymous { reason })
}

/// An access rule as the manifest shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Shown {
    Anonymous { reason: &'static str },
    Scope(&'static str),
    Role(&'static str),
    UserRole(&'static str),
    AnyCallerOfThisApp,
    AnyOf(Vec<Shown>),
    AuthenticationContext { id: &'static str, rule: Box<Shown> },
    Host,
}

impl From<&Gate> for Shown {
    fn from(gate: &Gate) -> Self {
        match gate {
            Gate::Anonymous { reason } => Self::Anonymous { reason },
            Gate::Rule(rule) => rule.into(),
            Gate::Host => Self::Host,
        }
    }
}

impl From<&Rule> for Shown {
    fn from(rule: &Rule) -> Self {
        match rule {
            Rule::Scope(name) => Self::Scope(name),
            Rule::Role(name) => Self::Role(name),
            Rule::UserRole(name) => Self::UserRole(name),
            Rule::AnyCaller => Self::AnyCallerOfThisApp,
            Rule::AnyOf(rules) => Self::AnyOf(rules.iter().map(Self::from).collect()),
            Rule::SteppedUp { rule, context } => Self::AuthenticationContext {
                id: context,
                rule: Box::new((&**rule).into()),
            },
        }
    }
}

#[cfg(test)]
mod tests;
