//! From the start of the process to its end.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::app::{App, Assembly};
use crate::auth::{Certificates, SystemClock, Tokens};
use crate::failure::Error;
use crate::server;
use crate::settings::{Environment, Problems, Process, Source as _, development};
use crate::telemetry::{Exports, audit};

use self::settings::Settings;

mod logging;
mod settings;
mod state;

pub use self::logging::start_logging;
#[cfg(feature = "cli")]
pub(crate) use self::settings::{APP_ROOT, PORT, problems_at_start};

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
    let meanwhile = logging::log_meanwhile(app.fields());
    let mut problems = Problems::new();
    let settings = Settings::read(&app, &Process, &mut problems);
    let (Some(settings), true) = (settings, problems.is_empty()) else {
        eprint!("{}", told(&problems));
        return ExitCode::from(2);
    };
    drop(meanwhile);
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

/// Which version of the host the app asks for.
const HOST_VERSION: &str = "FUNCTIONS_EXTENSION_VERSION";
/// How long preparations may take before the port is bound all the same.
const PREPARATION: Duration = Duration::from_secs(5);
/// How long running invocations may take to end.
const DRAIN: Duration = Duration::from_secs(25);

fn told(problems: &Problems) -> String {
    let count = problems.iter().count();
    let noun = if count == 1 { "problem" } else { "problems" };
    format!("The app cannot start: {count} {noun}.\n{problems}See docs/settings.md.\n")
}

async fn run<S, F>(app: App<S>, mut settings: Settings, state: F, host: Parent) -> ExitCode
where
    S: Send + Sync + 'static,
    F: AsyncFn(&Environment) -> Result<S, Error>,
{
    let fields = app.fields();
    let telemetry = settings.telemetry.take();
    let exports =
        telemetry.map(|settings| Exports::start(settings, fields.clone(), &Handle::current()));
    logging::start(fields, exports.as_ref());
    if exports.is_none() && development(&Process).is_err() {
        // On standard error, since host.json keeps standard output out of the host's own telemetry.
        eprintln!("{NOTHING_IS_EXPORTED}");
    }
    let code = serve(app, settings, state, host, exports.as_ref()).await;
    if let Some(exports) = exports {
        exports.end().await;
    }
    code
}

/// Serves from the first preparations to the last answer. What is exported outlives it.
async fn serve<S, F>(
    app: App<S>,
    settings: Settings,
    state: F,
    host: Parent,
    exports: Option<&Exports>,
) -> ExitCode
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
        spans: exports.map(Exports::spans),
        proxies: settings.proxies,
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
    let host_version = Process.get(HOST_VERSION);
    audit::started(name, host_version.as_deref(), settings.host.mode.name());
    if let Some(auth) = &settings.auth {
        auth.tell_weakenings();
    }
    if let Some(storage) = &settings.storage {
        storage.tell_weakenings();
    }
    if let Some(exports) = exports {
        exports.tell_weakenings();
    }
    tracing::info!(
        app = name,
        port = settings.port,
        http = settings.host.mode.name(),
        ready = ready.state().initialized(),
        "serving"
    );
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
    let end = *ended.borrow();
    ready.trail().tell_rest();
    audit::stopped(name, end.name());
    end.exit_code()
}

const NOTHING_IS_EXPORTED: &str = "warning: no telemetry is exported, so nobody sees it in \
    Application Insights: set APPLICATIONINSIGHTS_CONNECTION_STRING, or raise \
    Host.Function.Console to Information in host.json. See docs/telemetry.md.";

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
