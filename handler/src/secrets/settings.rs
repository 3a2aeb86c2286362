//! How long secrets count, and the vault that they come from.

use std::sync::Arc;
use std::time::Duration;

use super::declared::{Declaration, Need};
use super::vault::Vault;
use crate::settings::{Problems, Source, development};

/// How secrets are kept, where an app has any.
#[derive(Clone)]
pub(crate) struct SecretSettings {
    pub(super) vault: Arc<dyn Vault>,
    /// How old a value may grow before it is asked for again.
    pub(super) refresh: Duration,
    /// How long a value counts while the vault does not answer.
    pub(super) last_good: Duration,
}

impl SecretSettings {
    /// Reads the settings. Nothing comes of it where no secret is declared; nor without a vault,
    /// which only optional secrets and a developer's machine can do without.
    pub(crate) fn read(
        source: &dyn Source,
        declared: &[Declaration],
        problems: &mut Problems,
    ) -> Option<Self> {
        let refresh = problems.number(source, REFRESH, 1..=24 * 60 * 60);
        let last_good = problems.number(source, LAST_GOOD, 1..=7 * 24 * 60 * 60);
        let refresh = refresh.map_or(DEFAULT_REFRESH, Duration::from_secs);
        let last_good = last_good.map_or(DEFAULT_LAST_GOOD, Duration::from_secs);
        if last_good < refresh {
            problems.push(
                LAST_GOOD,
                "has to be at least as long as the time between two refreshes",
            );
        }
        let first = declared.first()?;
        if Self::does_without_vault(source, declared) {
            return None;
        }
        Some(Self {
            vault: (first.open)(source, problems)?,
            refresh,
            last_good,
        })
    }

    /// Whether no vault is named and none has to be.
    pub(crate) fn does_without_vault(source: &dyn Source, declared: &[Declaration]) -> bool {
        let required = declared.iter().any(|one| one.need == Need::Required);
        let may_lack_vault = !required || development(source).is_ok();
        may_lack_vault && source.get(VAULT).is_none()
    }
}

const VAULT: &str = "STOCKADE__SECRETS__VAULT_URI";
const REFRESH: &str = "STOCKADE__SECRETS__REFRESH_SECONDS";
const LAST_GOOD: &str = "STOCKADE__SECRETS__LAST_GOOD_SECONDS";

const DEFAULT_REFRESH: Duration = Duration::from_secs(5 * 60);
const DEFAULT_LAST_GOOD: Duration = Duration::from_secs(24 * 60 * 60);
