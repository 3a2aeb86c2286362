//! The command line: reads it, starts everything, waits, stops everything.

mod report;

use crate::app::{App, AppError};
use crate::authority::Authority;
use crate::blob::Blobs;
use crate::front::{Front, serve};
use crate::invoke::Invoker;
use crate::keys::{self, Keys};
use crate::log::{Log, Place, Volume};
use crate::process::{Ending, Handler, free_port};
use crate::queue::Queues;
use crate::sources::Sources;
use clap::Parser;
use report::Report;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long running invocations may take to end when devhost is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Runs an Azure Functions custom handler on this machine, as the Functions host would.
#[derive(Debug, Parser)]
#[command(name = "stockade-devhost", version, after_long_help = EXAMPLES)]
struct Args {
    /// The app folder: host.json, one folder with a function.json for each function, and the
    /// handler
    #[arg(value_name = "APPDIR", default_value = ".")]
    app: PathBuf,

    /// The port on 127.0.0.1 that clients call; 0 picks a free one and prints it
    #[arg(long, default_value_t = 7071)]
    port: u16,

    /// The master key; without this a new one is made at each start
    #[arg(long, value_name = "KEY")]
    master_key: Option<String>,

    /// The port of the stand-in tenant; 0 takes the first free one after the main port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    tenant_port: u16,

    /// Start no stand-in tenant
    #[arg(long, conflicts_with = "tenant_port")]
    no_tenant: bool,

    /// Print only what the handler prints and what fails
    #[arg(long)]
    quiet: bool,

    /// Print one JSON line on stdout when the handler is ready, and all else on stderr
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  stockade-devhost target/app                 serve the app on http://127.0.0.1:7071
  stockade-devhost target/app --port 0        pick a free port
  curl http://127.0.0.1:7071/api/hello        call an HTTP function
  curl -X POST http://127.0.0.1:7071/admin/functions/nightly -d '{}' \\
    -H \"x-functions-key: $MASTER_KEY\"         run any function by hand
  curl http://127.0.0.1:7071/admin/functions/hello/keys \\
    -H \"x-functions-key: $MASTER_KEY\"         list a function's keys
  curl http://127.0.0.1:7071/admin/devhost/queues/orders -d 'a message' \\
    -H \"x-functions-key: $MASTER_KEY\"         put a message on a queue; GET shows what is in it
  curl http://127.0.0.1:7071/admin/devhost/blobs \\
    -H \"x-functions-key: $MASTER_KEY\"         list the blobs that outputs have written

Settings come from the environment, then from local.settings.json in the app folder.
AzureFunctionsJobHost__customHandler__enableProxyingHttpRequest=true overrides host.json.

Exit codes:
  0  stopped by SIGINT or SIGTERM
  1  failed, or the handler failed three times within 30 minutes
  2  the command line, host.json, a function.json or a setting is wrong
  3  something needed is not there: the app folder, host.json, the handler's program";

/// Why devhost ends with something other than 0.
#[derive(Debug)]
struct Failure {
    code: u8,
    words: String,
}

impl Failure {
    fn failed(words: impl Into<String>) -> Self {
        Self {
            code: 1,
            words: words.into(),
        }
    }

    fn missing(words: impl Into<String>) -> Self {
        Self {
            code: 3,
            words: words.into(),
        }
    }
}

/// Runs the command until it is told to stop.
pub fn run() -> ExitCode {
    let args = Args::parse();
    let volume = if args.quiet {
        Volume::Quiet
    } else {
        Volume::Full
    };
    let place = if args.json {
        Place::Stderr
    } else {
        Place::Stdout
    };
    let log = Log::new(volume, place);
    let served = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("The runtime cannot start: {error}. Try again.")))
        .and_then(|runtime| runtime.block_on(serve_app(args, log)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            log.error(&failure.words);
            ExitCode::from(failure.code)
        }
    }
}

async fn serve_app(args: Args, log: Log) -> Result<(), Failure> {
    let started = Instant::now();
    let mut signals = Signals::new().map_err(|error| {
        Failure::failed(format!("Signals cannot be received: {error}. Try again."))
    })?;
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut app = App::read(&args.app, environment).map_err(cannot_read)?;
    if app.functions.is_empty() {
        let problem = "no folder has a function.json, and host.json has no customHandler.http.routes; the host starts no handler then";
        return Err(cannot_read(AppError::Problems(vec![problem.to_owned()])));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .await
        .map_err(|error| {
            Failure::failed(format!(
                "127.0.0.1:{} cannot be used: {error}. Run again with --port 0 for a free one.",
                args.port
            ))
        })?;
    let port = listener
        .local_addr()
        .map_or(args.port, |address| address.port());
    let handler_port = match app.host.port {
        Some(port) => port,
        None => free_port().map_err(|error| {
            Failure::failed(format!(
                "There is no free port for the handler: {error}. Try again."
            ))
        })?,
    };

    let sources =
        Sources::read(&app).map_err(|problems| cannot_read(AppError::Problems(problems)))?;
    let tenant = if args.no_tenant {
        None
    } else {
        let authority = Authority::bind(args.tenant_port, port).await.map_err(|error| {
            Failure::failed(format!(
                "The tenant's port {} cannot be used: {error}. Run again with --tenant-port 0, or --no-tenant.",
                args.tenant_port
            ))
        })?;
        authority.introduce(&mut app.settings);
        let origin = authority.origin().to_owned();
        tokio::spawn(authority.serve());
        Some(origin)
    };
    let app = Arc::new(app);
    let (handler, mut supervisor) = Handler::start(Arc::clone(&app), handler_port, log);
    let invoker = Invoker {
        app: Arc::clone(&app),
        handler: Arc::clone(&handler),
        queues: Queues::new(),
        blobs: Blobs::new(),
        log,
    };
    let names = app.functions.iter().map(|function| function.name.as_str());
    let keys = Keys::new(args.master_key.unwrap_or_else(keys::generate), names);
    let report = Report::new(&app, port, handler_port, &keys.master(), tenant);
    sources.start(&invoker.queues, &app.host.queues, &invoker);
    let front = Arc::new(Front::new(Arc::clone(&app), keys, invoker, sources, log));
    let serving = tokio::spawn(serve(listener, Arc::clone(&front)));
    log.info(&report.text());

    let ending = tokio::select! {
        ending = &mut supervisor => Some(ending),
        () = signals.next() => None,
        // Only tells of the start; a handler that is gone ends the supervisor.
        () = announce(&handler, &report, args.json, log, started) => tokio::select! {
            ending = &mut supervisor => Some(ending),
            () = signals.next() => None,
        },
    };
    serving.abort();
    match ending {
        None => {
            log.info("Stopping.");
            drain(&front, &mut signals).await;
            handler.stop();
            // A supervisor that panicked has dropped, and so killed, its process.
            let _ = supervisor.await;
            Ok(())
        }
        Some(Ok(Ending::Ordered)) => Ok(()),
        Some(Ok(Ending::TooManyErrors)) => Err(Failure::failed(
            "The handler failed three times within 30 minutes, and the host gives up after that. Its errors are above; when they are mended, run devhost again.",
        )),
        Some(Ok(Ending::CannotRun(error))) => Err(cannot_run(&app, &error)),
        Some(Err(error)) => Err(Failure::failed(format!(
            "devhost itself failed: {error}. Run it again."
        ))),
    }
}

/// Tells once that the handler is ready.
async fn announce(handler: &Handler, report: &Report, as_json: bool, log: Log, started: Instant) {
    if handler.ready().await.is_err() {
        return std::future::pending().await;
    }
    if as_json {
        println!("{}", report.json());
    }
    log.info(&format!(
        "The handler is ready after {:.0?}.",
        started.elapsed()
    ));
}

/// Lets running invocations end, for a while and until a second signal.
async fn drain(front: &Front, signals: &mut Signals) {
    let idle = async {
        while front.running() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = idle => {}
        () = tokio::time::sleep(DRAIN) => {}
        () = signals.next() => {}
    }
}

fn cannot_read(error: AppError) -> Failure {
    match error {
        AppError::Missing(path) => Failure::missing(format!(
            "{} is not there. Name the app folder, the one with host.json: stockade-devhost APPDIR",
            path.display()
        )),
        AppError::Problems(problems) => Failure {
            code: 2,
            words: format!(
                "The app cannot be started:\n  {}\nMend that and run devhost again.",
                problems.join("\n  ")
            ),
        },
    }
}

fn cannot_run(app: &App, error: &io::Error) -> Failure {
    let program = app.host.description.program(&app.root);
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("Make it executable: chmod +x {}", program.display())
        }
        _ => format!(
            "Build the handler so that it stands in {}, or correct customHandler.description.defaultExecutablePath in host.json.",
            app.root.display()
        ),
    };
    Failure::missing(format!(
        "The handler {} cannot be run: {error}. {hint}",
        program.display()
    ))
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
