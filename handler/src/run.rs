//! From the start of the process to its end.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::app::{App, Assembly};
use crate::auth::{
    AuthSettings, Certificates, RESOURCE_SETTING, ResourceMetadata, SystemClock, Tokens,
};
use crate::failure::Error;
use crate::limits::LimitSettings;
use crate::secrets::SecretSettings;
use crate::server;
use crate::settings::{self, Environment, Problems, Process, Source};
use crate::storage::StorageSettings;
use crate::telemetry::JsonLines;
use crate::wire::HostJson;

mod state;

/// Runs the app: the whole of a handler's `main`.
///
/// It serves the Functions host until the host goes away or the process is told to stop. With the
/// feature `cli`, a command line, or a start by nobody's host, turns it into the developer's commands.
///
/// The exit code is 0 only when the host has gone, since after a 0 the host never starts the handler
/// again; 200 after a drain while the host lives, which it takes for a deliberate restart; 2 for
/// settings that are wrong; 1 if the port cannot be had (host 4.1037, WorkerProcess.OnProcessExited).
pub fn main<S, F>(app: impl FnOnce() -> App<S>, state: F) -> ExitCode
where
    S: Send + Sync + 'static,
    F: AsyncFn(&Environment) -> Result<S, Error>,
{
    // Asked first, since the host may be gone before the port is bound.
    let host = parent();
    let app = app();
    #[cfg(feature = "cli")]
    if crate::cli::is_asked_for(&Process) {
        return crate::cli::main(&app);
    }
    start_logging();
    let mut problems = Problems::new();
    let settings = Settings::read(&app, &Process, &mut problems);
    let (Some(settings), true) = (settings, problems.is_empty()) else {
        eprint!("{}", told(&problems));
        return ExitCode::from(2);
    };
    match runtime() {
        Ok(runtime) => runtime.block_on(run(app, settings, state, host)),
        Err(error) => {
            eprintln!("the runtime cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A worker for each processor; with one processor, none but the main thread, since handing work
/// between threads would only cost.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut builder = match processors {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

/// What the process needs to know before it binds its port.
struct Settings {
    port: u16,
    host: HostJson,
    limits: LimitSettings,
    auth: Option<AuthSettings>,
    resource: Option<ResourceMetadata>,
    storage: Option<StorageSettings>,
    secrets: Option<SecretSettings>,
}

impl Settings {
    fn read<S: Send + Sync + 'static>(
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
        Some(Self {
            port: port?,
            host: host?,
            limits,
            auth: app.needs_tokens().then_some(auth),
            resource,
            storage,
            secrets,
        })
    }

    /// The longest that an invocation may take: a host that waits in vain kills the process, and
    /// every other invocation with it (seen on host 4.1037).
    fn deadline(&self) -> Duration {
        let by_host = self.host.function_timeout.map(|timeout| {
            timeout
                .checked_sub(MARGIN)
                .filter(|left| *left >= MARGIN)
                .unwrap_or(timeout / 2)
        });
        by_host.map_or(self.limits.deadline, |most| most.min(self.limits.deadline))
    }
}

pub(crate) const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";
pub(crate) const APP_ROOT: &str = "FUNCTIONS_APP_ROOT_PATH";
/// How much sooner than the host we give up.
const MARGIN: Duration = Duration::from_secs(2);
/// How long preparations may take before the port is bound all the same.
const PREPARATION: Duration = Duration::from_secs(5);
/// How long running invocations may take to end.
const DRAIN: Duration = Duration::from_secs(25);

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

fn told(problems: &Problems) -> String {
    let count = problems.iter().count();
    let noun = if count == 1 { "problem" } else { "problems" };
    format!("The app cannot start: {count} {noun}.\n{problems}See docs/settings.md.\n")
}

/// Writes what is logged with `tracing`, and the text of each panic, to standard output: one JSON
/// object to a line, and no text from outside begins a line of its own.
///
/// [`main`] does so by itself. A service that is no Functions app may call it first of all.
pub fn start_logging() {
    let subscriber = tracing_subscriber::registry()
        .with(levels())
        .with(JsonLines::to_stdout());
    // Only the app's own `main` installs a subscriber; if one is there already, it was meant.
    let _ = tracing::subscriber::set_global_default(subscriber);
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let text = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(
            panic.location = location,
            panic.text = text,
            "a panic was caught"
        );
    }));
}

/// What is logged at all. The Azure SDK tells names of secrets below a warning.
fn levels() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("azure_", LevelFilter::WARN)
        .with_target("typespec_", LevelFilter::WARN)
}

async fn run<S, F>(app: App<S>, settings: Settings, state: F, host: Parent) -> ExitCode
where
    S: Send + Sync + 'static,
    F: AsyncFn(&Environment) -> Result<S, Error>,
{
    let deadline = settings.deadline();
    let clock = Arc::new(SystemClock::new());
    let tokens = settings
        .auth
        .as_ref()
        .map(|auth| Arc::new(Tokens::new(auth, clock.clone())));
    let certificates = settings
        .auth
        .as_ref()
        .and_then(|auth| auth.certificates.as_ref());
    let name = app.name();
    let of_state = app.secrets_of_state().to_vec();
    let ready = app.assemble(Assembly {
        port: settings.port,
        mode: settings.host.mode,
        route_prefix: settings.host.route_prefix,
        deadline,
        tokens: tokens.clone(),
        certificates: certificates.map(|settings| Certificates::new(settings, clock.clone())),
        clock,
        resource: settings.resource.clone(),
        limits: settings.limits.clone(),
    });
    let ready = Arc::new(ready);

    let secrets = ready.secrets();
    // The tasks end with this function.
    let _kept_fresh = match &settings.secrets {
        Some(settings) => Some(secrets.keep_fresh(settings)),
        None => {
            secrets.settle();
            None
        }
    };
    let mut building = std::pin::pin!(state::build(&ready, &of_state, &state).fuse());
    let preparation = async {
        tokio::join!(
            prepare_keys(tokens.as_deref()),
            secrets.prepare(PREPARATION),
            async {
                let _ = tokio::time::timeout(PREPARATION, &mut building).await;
            }
        )
    };
    preparation.await;

    let _fresh = tokens.as_ref().map(|tokens| tokens.keep_fresh());
    let listener = match server::bind(settings.port).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(error = %error, port = settings.port, "the port cannot be bound");
            return ExitCode::FAILURE;
        }
    };
    tracing::info!(
        app = name,
        port = settings.port,
        http = settings.host.mode.name(),
        ready = ready.state().initialized(),
        "serving"
    );
    if let Some(auth) = &settings.auth {
        auth.log_weakenings();
    }
    if let Some(storage) = &settings.storage {
        storage.log_weakenings();
    }
    let (end, ended) = watch::channel(End::NotYet);
    let stop = async {
        let reason = wait_for_end(host).await;
        tracing::info!(reason = reason.name(), "stopping");
        let _ = end.send(reason);
    };
    let serving = server::serve(
        listener,
        Arc::clone(&ready),
        settings.limits.max_connections,
        stop,
        DRAIN,
    );
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        () = &mut serving => {}
        () = building => serving.await,
    }
    tracing::info!("stopped");
    let end = *ended.borrow();
    end.exit_code()
}

async fn prepare_keys(tokens: Option<&Tokens>) {
    if let Some(tokens) = tokens {
        tokens.prepare(PREPARATION).await;
    }
}

/// Why the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    Signal,
    HostGone,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::NotYet => "not yet",
            Self::Signal => "a signal",
            Self::HostGone => "the host has gone",
        }
    }

    fn exit_code(self) -> ExitCode {
        match self {
            Self::HostGone => ExitCode::SUCCESS,
            Self::NotYet | Self::Signal => ExitCode::from(200),
        }
    }
}

#[cfg(unix)]
type Parent = Option<rustix::process::Pid>;
#[cfg(not(unix))]
type Parent = ();

/// The process that started us.
#[cfg(unix)]
fn parent() -> Parent {
    rustix::process::getppid()
}

#[cfg(not(unix))]
fn parent() -> Parent {}

#[cfg(unix)]
async fn wait_for_end(host: Parent) -> End {
    use tokio::signal::unix::{SignalKind, signal};

    let stream = |kind| signal(kind).expect("signals can be listened to in a tokio runtime");
    let mut terminate = stream(SignalKind::terminate());
    let mut interrupt = stream(SignalKind::interrupt());
    tokio::select! {
        _ = terminate.recv() => End::Signal,
        _ = interrupt.recv() => End::Signal,
        () = host_gone(host) => End::HostGone,
    }
}

#[cfg(not(unix))]
async fn wait_for_end((): Parent) -> End {
    let _ = tokio::signal::ctrl_c().await;
    End::Signal
}

/// Ends when the process that started us has ended: a host that is killed leaves its handler behind
/// (seen on host 4.1037). `PR_SET_PDEATHSIG` would not do, since it is bound to one of the host's
/// threads.
#[cfg(unix)]
async fn host_gone(host: Parent) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    while parent() == host {
        ticks.tick().await;
    }
}

#[cfg(test)]
mod tests;
