//! Everything that a start reads before it does anything.

use std::path::Path;
use std::time::Duration;

use crate::app::App;
use crate::auth::{AuthSettings, RESOURCE_SETTING, ResourceMetadata};
use crate::limits::LimitSettings;
use crate::secrets::SecretSettings;
use crate::settings::{self, Problems, Source};
use crate::storage::StorageSettings;
use crate::telemetry::TelemetrySettings;
use crate::telemetry::audit::Proxies;
use crate::wire::HostJson;

/// What the process needs to know before it binds its port.
pub(super) struct Settings {
    pub(super) port: u16,
    pub(super) host: HostJson,
    pub(super) limits: LimitSettings,
    pub(super) auth: Option<AuthSettings>,
    pub(super) resource: Option<ResourceMetadata>,
    pub(super) storage: Option<StorageSettings>,
    pub(super) secrets: Option<SecretSettings>,
    pub(super) telemetry: Option<TelemetrySettings>,
    pub(super) proxies: Proxies,
}

impl Settings {
    pub(super) fn read<S: Send + Sync + 'static>(
        app: &App<S>,
        source: &dyn Source,
        problems: &mut Problems,
    ) -> Option<Self> {
        let host_json = host_json_text(app, source, problems);
        Self::read_under(app, host_json.as_deref(), source, problems)
    }

    /// Reads them under this host.json, if it could be read.
    fn read_under<S: Send + Sync + 'static>(
        app: &App<S>,
        host_json: Option<&str>,
        source: &dyn Source,
        problems: &mut Problems,
    ) -> Option<Self> {
        settings::unknown_names(source, settings::TABLE, problems);
        let port = problems.parse(source, PORT);
        if source.get(PORT).is_none() {
            problems.push(
                PORT,
                "is not set: the Functions host sets it; try `cargo fn dev`",
            );
        }
        let limits = LimitSettings::read(source, problems);
        let proxies = Proxies::read(source, problems);
        let auth = AuthSettings::read(source, problems, app.needs_tokens());
        let resource = app.resource_metadata(&auth);
        if resource.is_some() && !app.serves_resource_metadata() {
            problems.push(
                RESOURCE_SETTING,
                "is set, but no function serves the metadata that challenges would name; add \
                 `.function(stockade::auth::protected_resource())` to the app",
            );
        }
        // The app's state reads them again; what is wrong with them is told here.
        let storage = StorageSettings::read(source, problems);
        let host = host_json.and_then(|text| checked_host_json(app, text, source, problems));
        let declared = app.secrets();
        settings::unresolved_references(source, &app.settings(), &declared, problems);
        let secrets = SecretSettings::read(source, &declared, problems);
        let telemetry = TelemetrySettings::read(app.name(), source, problems);
        Some(Self {
            port: port?,
            host: host?,
            limits,
            auth: app.needs_tokens().then_some(auth),
            resource,
            storage,
            secrets,
            telemetry,
            proxies,
        })
    }

    /// The longest that an invocation may take: a host that waits in vain kills the process, and
    /// every other invocation with it (seen on host 4.1037).
    pub(super) fn deadline(&self) -> Duration {
        let by_host = self.host.function_timeout.map(|timeout| {
            timeout
                .checked_sub(MARGIN)
                .filter(|left| *left >= MARGIN)
                .unwrap_or(timeout / 2)
        });
        by_host.map_or(self.limits.deadline, |most| most.min(self.limits.deadline))
    }
}

/// What stands against a start under this host.json, as the start itself finds it.
#[cfg(feature = "cli")]
pub(crate) fn problems_at_start<S: Send + Sync + 'static>(
    app: &App<S>,
    host_json: &str,
    source: &dyn Source,
) -> Problems {
    let mut problems = Problems::new();
    Settings::read_under(app, Some(host_json), source, &mut problems);
    problems
}

/// The host.json of the folder that the host names; without one, the app's own.
fn host_json_text<S: Send + Sync + 'static>(
    app: &App<S>,
    source: &dyn Source,
    problems: &mut Problems,
) -> Option<String> {
    let Some(root) = source.get(APP_ROOT) else {
        return Some(crate::manifest::own_host_json(app.mode()));
    };
    let text = std::fs::read_to_string(Path::new(&root).join("host.json")).ok();
    if text.is_none() {
        problems.push(
            "host.json",
            "cannot be read in the folder that FUNCTIONS_APP_ROOT_PATH names",
        );
    }
    text
}

/// host.json as it counts for this process, checked against the app.
fn checked_host_json<S: Send + Sync + 'static>(
    app: &App<S>,
    text: &str,
    source: &dyn Source,
    problems: &mut Problems,
) -> Option<HostJson> {
    let host = HostJson::read(text, source, problems)?;
    if host.mode.is_wider_than(app.mode()) {
        problems.push(
            "host.json",
            "hands requests over in a way that the app rules out with `App::http`; run `cargo fn manifest`",
        );
    }
    for text in app.problems_under(host.mode, &host.route_prefix) {
        problems.describe("app", text);
    }
    Some(host)
}

pub(crate) const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";
pub(crate) const APP_ROOT: &str = "FUNCTIONS_APP_ROOT_PATH";
/// How much sooner than the host we give up.
const MARGIN: Duration = Duration::from_secs(2);
