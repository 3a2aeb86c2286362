//! The app, as the commands see it: without the type of its state.

use crate::app::App;
use crate::function::Entry;
use crate::manifest::Manifest;
use crate::secrets::Declaration;
use crate::wire::Mode;

use super::failed::Failed;

/// What the commands ask of an app.
pub(super) trait Subject {
    /// The app's name.
    fn name(&self) -> &'static str;

    /// How HTTP requests may reach it.
    fn mode(&self) -> Mode;

    /// Its functions.
    fn entries(&self) -> Vec<&Entry>;

    /// Its inventory.
    fn manifest(&self) -> Manifest;

    /// The secrets that it declares.
    fn secrets(&self) -> Vec<Declaration>;

    /// What is wrong with it, under this mode and route prefix.
    fn problems_under(&self, mode: Mode, prefix: &str) -> Vec<String>;

    /// What stands against its start under this host.json and these settings.
    fn problems_at_start(
        &self,
        host_json: &str,
        source: &dyn crate::settings::Source,
    ) -> crate::settings::Problems;
}

impl<S: Send + Sync + 'static> Subject for App<S> {
    fn name(&self) -> &'static str {
        self.name()
    }

    fn mode(&self) -> Mode {
        self.mode()
    }

    fn entries(&self) -> Vec<&Entry> {
        self.entries().collect()
    }

    fn manifest(&self) -> Manifest {
        self.manifest()
    }

    fn secrets(&self) -> Vec<Declaration> {
        self.secrets()
    }

    fn problems_under(&self, mode: Mode, prefix: &str) -> Vec<String> {
        self.problems_under(mode, prefix)
    }

    fn problems_at_start(
        &self,
        host_json: &str,
        source: &dyn crate::settings::Source,
    ) -> crate::settings::Problems {
        crate::run::problems_at_start(self, host_json, source)
    }
}

impl dyn Subject + '_ {
    /// The function that the developer named.
    pub(super) fn function(&self, name: &str) -> Result<&Entry, Failed> {
        let entries = self.entries();
        let found = entries.iter().find(|entry| entry.name == name);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = entries.iter().map(|entry| entry.name).collect();
            Failed::usage(
                format!("The app has no function `{name}`."),
                format!("one of: {}", names.join(", ")),
            )
        })
    }
}
