//! The app's lists: who may call beside having a token of the right kind. All of them are optional,
//! and each that is set has to hold.
//!
//! What they are asked about is missing from many tokens, so what is not said counts as not so.

use std::str::FromStr;

use super::claims::{Claims, ClientCredential, Groups};
use super::denial::Denial;
use super::guid::Guid;
use super::json::Value;

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lists {
    /// The applications that may call; `None` lets every one.
    pub(crate) clients: Option<GuidList>,
    /// The users and applications that may call; `None` lets every one.
    pub(crate) principals: Option<GuidList>,
    /// The groups of which a caller has to be in one; `None` asks for none.
    pub(crate) groups: Option<GuidList>,
    pub(crate) min_client_credential: ClientCredential,
}

/// GUIDs to look one up in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GuidList(Box<[Guid]>);

impl Lists {
    /// Lets the caller through whom the claims of a genuine token name.
    ///
    /// # Errors
    ///
    /// The list that the caller is not on.
    pub(super) fn check(&self, claims: &Claims<'_>) -> Result<(), Denial> {
        if let Some(clients) = &self.clients
            && !clients.has(&claims.client)
        {
            return Err(Denial::Client);
        }
        if let Some(principals) = &self.principals {
            // Only `oid` means the same caller in each app, so the subject does not stand in for it.
            let own = claims.object_id.as_deref();
            if !own.is_some_and(|own| principals.has(own)) {
                return Err(Denial::UnlistedPrincipal);
            }
        }
        if let Some(groups) = &self.groups {
            groups.check_membership(&claims.groups)?;
        }
        let credential = claims.client_credential.unwrap_or(ClientCredential::None);
        if credential < self.min_client_credential {
            return Err(Denial::ClientCredential);
        }
        Ok(())
    }
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            clients: None,
            principals: None,
            groups: None,
            min_client_credential: ClientCredential::None,
        }
    }
}

impl GuidList {
    fn has(&self, text: &str) -> bool {
        Guid::parse(text).is_ok_and(|guid| self.0.binary_search(&guid).is_ok())
    }

    /// Whether one of these groups is among the claimed ones, all of which have to be ids: where the
    /// registration emits names, a name could be chosen to look like an id.
    fn check_membership(&self, claimed: &Groups<'_>) -> Result<(), Denial> {
        let claimed = match claimed {
            Groups::Listed(claimed) => claimed,
            Groups::Elsewhere => return Err(Denial::GroupsElsewhere),
            Groups::Missing | Groups::Malformed => return Err(Denial::GroupsClaim),
        };
        let mut is_member = false;
        for group in claimed {
            let Value::Text(group) = group else {
                return Err(Denial::GroupsClaim);
            };
            let group = Guid::parse(group).map_err(|_| Denial::GroupsClaim)?;
            is_member |= self.0.binary_search(&group).is_ok();
        }
        if is_member {
            Ok(())
        } else {
            Err(Denial::Group)
        }
    }
}

impl FromIterator<Guid> for GuidList {
    fn from_iter<I: IntoIterator<Item = Guid>>(guids: I) -> Self {
        let mut guids: Vec<_> = guids.into_iter().collect();
        guids.sort_unstable();
        guids.dedup();
        Self(guids.into())
    }
}

impl FromStr for ClientCredential {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "secret" => Ok(Self::Secret),
            "certificate" => Ok(Self::Certificate),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests;
