//! A look at one secret from outside the store: what a start would make of it, and nothing of its value.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::declared::Declaration;
use super::slot::{self, Trouble};
use super::vault::{Fetched, ObjectVersion, Vault, VaultError};

/// What was found out about a secret.
#[derive(Debug)]
pub(crate) struct Examination {
    /// What the vault said of the version, if it said anything.
    pub(crate) attributes: Option<Attributes>,
    /// Why a start would have no value.
    pub(crate) trouble: Option<Trouble>,
    /// How long the vault took.
    pub(crate) took: Duration,
}

/// A version without its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes {
    pub(crate) version: ObjectVersion,
    pub(crate) enabled: bool,
    pub(crate) not_before: Option<SystemTime>,
    pub(crate) expires: Option<SystemTime>,
}

/// Fetches a secret once, by `deadline`, and judges it as the store does at the start.
pub(crate) async fn examine(
    declaration: &Declaration,
    vault: &dyn Vault,
    now: SystemTime,
    deadline: Instant,
) -> Examination {
    let started = Instant::now();
    let asked = vault.get(declaration.name, declaration.version);
    let fetched = tokio::time::timeout_at(deadline, asked).await;
    let took = started.elapsed();
    let fetched = match fetched.unwrap_or(Err(VaultError::TimedOut)) {
        Ok(fetched) => fetched,
        Err(error) => {
            return Examination {
                attributes: None,
                trouble: Some(error.into()),
                took,
            };
        }
    };
    Examination {
        attributes: Some(Attributes {
            version: fetched.version,
            enabled: fetched.enabled,
            not_before: fetched.not_before,
            expires: fetched.expires,
        }),
        trouble: judge(declaration, fetched, now).err(),
        took,
    }
}

fn judge(declaration: &Declaration, fetched: Fetched, now: SystemTime) -> Result<(), Trouble> {
    if declaration
        .version
        .is_some_and(|pinned| pinned != fetched.version)
    {
        return Err(Trouble::OtherVersion);
    }
    slot::examine(&fetched, now)?;
    let read = declaration.read(fetched.value, fetched.version);
    read.map(drop).map_err(Trouble::Unusable)
}
