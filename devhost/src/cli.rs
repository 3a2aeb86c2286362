//! The command line: reads it, starts everything, waits, stops everything.

mod failure;
mod notes;
mod report;
mod roots;
mod running;
mod signals;

use crate::log::{Log, Place, Volume};
use clap::Parser;
use failure::Failure;
use running::Running;
use signals::Signals;
use std::path::PathBuf;
use std::process::ExitCode;

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

    /// Start no stand-in tenant, and so no managed identity, Key Vault or telemetry either
    #[arg(long, conflicts_with = "tenant_port")]
    no_tenant: bool,

    /// The port of the stand-in Key Vault; 0 takes the first free one after the main port
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        conflicts_with = "no_tenant"
    )]
    vault_port: u16,

    /// Start no stand-in Key Vault
    #[arg(long, conflicts_with = "vault_port")]
    no_vault: bool,

    /// The port of the stand-in for Application Insights; 0 takes the first free one after the main port
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        conflicts_with = "no_tenant"
    )]
    ingestion_port: u16,

    /// Receive no telemetry, and show neither the page nor the trees of invocations
    #[arg(long, conflicts_with = "ingestion_port")]
    no_telemetry: bool,

    /// Give this secret of the vault a random value, where local.secrets.json has none; may be given
    /// again
    #[arg(long, value_name = "NAME")]
    random_secret: Vec<String>,

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
  curl http://127.0.0.1:7071/admin/devhost/telemetry \\
    -H \"x-functions-key: $MASTER_KEY\"         count what telemetry came; POST …/telemetry/fault
                                              makes its receivers fail, DELETE forgets
  curl -X PUT http://127.0.0.1:7071/admin/devhost/vault/secrets/erp-key -d '\"a value\"' \\
    -H \"x-functions-key: $MASTER_KEY\"         give a secret a new version; also POST
                                              …/erp-key/rotate, disable, enable, expire, deny, allow
  curl http://127.0.0.1:7071/admin/devhost/vault/fault -d '{\"kind\":\"throttled\",\"times\":3}' \\
    -H \"x-functions-key: $MASTER_KEY\"         make the vault fail; GET …/vault counts requests

Settings come from the environment, then from local.settings.json in the app folder.
Secrets of the stand-in Key Vault come from local.secrets.json there: names and values, or in place of a
value an object of value, enabled, nbf, exp and contentType. Neither file belongs into a repository.

Exit codes:
  0  stopped by SIGINT or SIGTERM
  1  failed, or the handler failed three times within 30 minutes
  2  the command line, host.json, a function.json or a setting is wrong
  3  something needed is not there: the app folder, host.json, the handler's program";

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
        .and_then(|runtime| runtime.block_on(serve(args, log)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            log.error(&failure.words);
            ExitCode::from(failure.code)
        }
    }
}

async fn serve(args: Args, log: Log) -> Result<(), Failure> {
    let signals = Signals::new().map_err(|error| {
        Failure::failed(format!("Signals cannot be received: {error}. Try again."))
    })?;
    let as_json = args.json;
    Running::begin(args, log)
        .await?
        .until_over(signals, as_json)
        .await
}
