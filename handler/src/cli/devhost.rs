//! The devhost that is running: it leaves its addresses in the folder that it serves.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::settings::Process;

use super::failed::Failed;
use super::places::{app_folder, target};

/// Where a running devhost is reached.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Devhost {
    /// The origin that clients call.
    pub(super) host: String,
    /// The origin of the stand-in tenant, unless it was left out.
    pub(super) tenant: Option<String>,
    /// The key for `/admin`; it is worth nothing outside this machine.
    pub(super) master_key: String,
    /// What it gives its handler beside the app's own settings.
    #[serde(default)]
    pub(super) settings: BTreeMap<String, String>,
    pid: i32,
}

impl Devhost {
    /// Finds the one that serves this app.
    ///
    /// # Errors
    ///
    /// None is running.
    pub(super) fn running() -> Result<Self, Failed> {
        let notes = app_folder(&target(&Process)?).join(NOTES);
        Self::read(&notes)
            .filter(|devhost| is_running(devhost.pid))
            .ok_or_else(not_running)
    }

    /// The origin of its tenant.
    ///
    /// # Errors
    ///
    /// It was started without one.
    pub(super) fn tenant(&self) -> Result<&str, Failed> {
        self.tenant.as_deref().ok_or_else(|| {
            Failed::missing(
                "devhost is running without its stand-in tenant, so there is nobody to ask for a token.",
                "cargo fn dev  (without --no-tenant)",
            )
        })
    }

    fn read(notes: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(notes).ok()?).ok()
    }
}

/// What is said when there is none, also when one vanishes in the middle.
pub(super) fn not_running() -> Failed {
    Failed::missing(
        "devhost is not running.",
        "cargo fn dev  (in a second terminal)",
    )
}

/// A devhost that was killed leaves its notes behind.
#[cfg(unix)]
fn is_running(pid: i32) -> bool {
    rustix::process::Pid::from_raw(pid)
        .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

#[cfg(not(unix))]
fn is_running(_: i32) -> bool {
    true
}

const NOTES: &str = ".devhost.json";
