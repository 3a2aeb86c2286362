//! Azure as the app asks it: the vault, by the identity that the platform gives the app.

use std::sync::Arc;

use crate::secrets::vault::Vault;
use crate::settings::{Problems, Source};

/// Opens the vault that the settings name.
pub(crate) fn open_vault(_: &dyn Source, problems: &mut Problems) -> Option<Arc<dyn Vault>> {
    problems.push(
        "STOCKADE__SECRETS__VAULT_URI",
        "cannot be used: this build has no client for a vault",
    );
    None
}
