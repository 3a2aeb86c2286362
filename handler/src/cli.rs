//! The developer's commands, `cargo fn …`: what they are called and how they end.
//!
//! They look at the app, which is a pure value, and at the folder it stands in. Nothing of them is
//! in a package, and nothing else in the crate knows them but the start of the process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::app::App;
use crate::run::PORT;
use crate::settings::Source;

use self::failed::Failed;
use self::kept::Intent;
use self::screen::Screen;
use self::subject::Subject;

mod assembly;
mod completions;
mod dev;
mod devhost;
mod docs;
mod doctor;
mod exec;
mod failed;
mod grants;
mod host_file;
mod http;
mod invoke;
mod kept;
mod list;
mod manifest;
mod places;
mod sample;
mod screen;
mod subject;
mod table;
mod token;
mod tool;

/// Whether the process was started by a developer: with arguments, or without the port that the
/// host would have named. The host itself adds no arguments (host 4.1037, HttpWorkerContext).
pub(crate) fn is_asked_for(source: &dyn Source) -> bool {
    std::env::args_os().len() > 1 || source.get(PORT).is_none()
}

/// Runs the command that the arguments name.
pub(crate) fn main<S: Send + Sync + 'static>(app: &App<S>) -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let command = Cli::command().color(color_asked_for(&arguments));
    let cli = command
        .try_get_matches_from(&arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match cli {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let screen = Screen::new(cli.color, cli.json);
    match cli.run(app, &screen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            screen.failed(&failed);
            ExitCode::from(failed.code())
        }
    }
}

/// Build, run and inspect this app on your own machine. No Azure account is needed.
///
/// Without a command it lists the functions of the app.
#[derive(Debug, Parser)]
#[command(
    name = "fn",
    bin_name = "cargo fn",
    max_term_width = 80,
    after_help = OVERVIEW
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// Print one JSON document, for tools
    #[arg(long, global = true)]
    json: bool,

    /// Use colours: auto, always or never; NO_COLOR=1 means never, too
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value_t = ColorChoice::Auto,
        hide_default_value = true,
        hide_possible_values = true
    )]
    color: ColorChoice,
}

/// The commands. One with options of its own is explained where its options are.
#[derive(Debug, Subcommand)]
enum Command {
    /// Show every function: what starts it, where, what it writes, who may call it
    ///
    /// The list comes from the code, so it is what the app does. With --json it is the manifest,
    /// which also stands in manifest.json beside Cargo.toml for reviewers.
    #[command(
        after_help = "Examples:\n  cargo fn list\n  cargo fn list --json | jq '.functions[].access'"
    )]
    List,

    /// Assemble the folder that the Functions host reads, and write manifest.json
    ///
    /// The folder is target/app: host.json with the flags of the app's HTTP mode, one folder with a
    /// function.json for each function, and the handler. devhost, `func start` and the package all
    /// take it. manifest.json beside Cargo.toml says the same in one file, kept for review.
    #[command(
        after_help = "Examples:\n  cargo fn manifest           after a change of functions\n  cargo fn manifest --check   in CI: writes nothing, shows what is out of step\n  cargo build --release --package stockade\n  cargo fn manifest --handler target/release/handler   for a package"
    )]
    Manifest {
        /// Write nothing; show what is out of step and exit 1
        #[arg(long)]
        check: bool,

        /// Put this program in, in place of the debug build that is running: a release build, for a
        /// package
        #[arg(long, value_name = "FILE", conflicts_with = "check")]
        handler: Option<PathBuf>,
    },

    Dev(dev::Options),

    Token(token::Options),

    /// Print input that a function accepts
    ///
    /// It is made from the schema of the function's payload or query. Examples and defaults in the
    /// schema come first; where a member has a pattern, give it an example.
    #[command(
        after_help = "Examples:\n  cargo fn sample create-order > order.json\n  cargo fn invoke create-order --data @order.json\n  curl \"http://127.0.0.1:7071/api/quote?$(cargo fn sample quote)\""
    )]
    Sample {
        /// The function
        name: String,
    },

    Invoke(invoke::Options),

    Doctor(doctor::Options),

    /// Write docs/settings.md and docs/triggers.md
    ///
    /// Both are made from the code: the table of settings, and what really becomes of an invocation
    /// that fails, for each trigger and each way to fail.
    #[command(
        after_help = "Examples:\n  cargo fn docs\n  cargo fn docs --check   in CI: writes nothing, shows what is out of step"
    )]
    Docs {
        /// Write nothing; show what is out of step and exit 1
        #[arg(long)]
        check: bool,
    },

    /// Print a completion script for a shell
    ///
    /// A shell completes the name of a program, so give `cargo fn` a name of its own first.
    #[command(
        after_help = "Examples:\n  alias cfn='cargo fn'\n  source <(cargo fn completions bash)"
    )]
    Completions {
        /// The shell
        shell: Shell,

        /// The name that you type in place of `cargo fn`
        #[arg(long, default_value = "cfn")]
        name: String,
    },
}

const OVERVIEW: &str = "\
Start here:
  cargo fn dev                   run the app on http://127.0.0.1:7071
  cargo fn invoke NAME --sample  call a function, from a second terminal
  cargo fn doctor                what stands between the app and its start
  cargo fn token --help          every command explains itself

Exit codes:
  0  done
  1  a check found something, or the work failed
  2  the command line or a setting is wrong
  3  a tool or a service is not there";

impl Cli {
    fn run(self, app: &dyn Subject, screen: &Screen) -> Result<(), Failed> {
        match self.command {
            None => list::overview(app, screen),
            Some(Command::List) => list::list(app, screen),
            Some(Command::Manifest { check: true, .. }) => manifest::check(app, screen),
            Some(Command::Manifest { handler, .. }) => {
                manifest::write(app, screen, handler.as_deref())
            }
            Some(Command::Dev(options)) => dev::run(app, screen, &options),
            Some(Command::Token(options)) => token::run(app, screen, &options),
            Some(Command::Sample { name }) => sample::run(app, screen, &name),
            Some(Command::Invoke(options)) => invoke::run(app, screen, &options),
            Some(Command::Doctor(options)) => doctor::run(app, screen, &options),
            Some(Command::Docs { check }) => docs::run(screen, Intent::of(check)),
            Some(Command::Completions { shell, name }) => {
                completions::run(screen, Cli::command(), shell, &name)
            }
        }
    }
}

/// What `--color` says, before the command line is read: help and usage errors have colours, too.
fn color_asked_for(arguments: &[OsString]) -> ColorChoice {
    let texts: Vec<_> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy())
        .collect();
    let after = texts.windows(2).find_map(|pair| match pair {
        [option, value] if option == "--color" => Some(value.as_ref()),
        _ => None,
    });
    let joined = texts.iter().find_map(|text| text.strip_prefix("--color="));
    match joined.or(after) {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}
