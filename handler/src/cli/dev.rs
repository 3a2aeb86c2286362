//! `cargo fn dev`: the app behind a local Functions host.

use std::ffi::OsString;
use std::process::Command;

use clap::Args;

use crate::secrets::Declaration;
use crate::settings::Process;

use super::assembly::{Purpose, assemble};
use super::exec::become_program;
use super::failed::Failed;
use super::host_file::HostFile;
use super::list::{heading, who};
use super::manifest::require_sound;
use super::places::Places;
use super::screen::{Screen, Tone};
use super::subject::Subject;
use super::table::Table;
use super::tool;

/// Run the app on this machine, behind a local Functions host and a stand-in tenant
///
/// It assembles target/app, adds local.settings.json and local.secrets.json where there are any, and
/// hands the terminal to devhost: Ctrl-C stops both. A declared secret without a value gets a random
/// one. Nothing is restarted when files change; stop it and run it again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// The port on 127.0.0.1 that clients call; 0 picks a free one
    #[arg(long, default_value_t = 7071)]
    port: u16,

    /// The port of the stand-in tenant; without it, the first free one after the main port
    #[arg(long, value_name = "PORT", conflicts_with = "no_tenant")]
    tenant_port: Option<u16>,

    /// Start no stand-in tenant: the app's settings name a real one
    #[arg(long)]
    no_tenant: bool,

    /// The key for /admin; without it, devhost makes one
    #[arg(long, value_name = "KEY")]
    master_key: Option<String>,

    /// More options for devhost, after `--`
    #[arg(last = true, value_name = "OPTION")]
    more: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  cargo fn dev                             http://127.0.0.1:7071
  cargo fn dev --port 0 --json             a free port, told as one JSON line
  cargo fn dev -- --quiet                  devhost's own options; see
                                           cargo fn dev -- --help
  STOCKADE_DEVHOST=~/bin/stockade-devhost cargo fn dev";

/// Runs the command until devhost ends, and ends as it does.
pub(super) fn run(app: &dyn Subject, screen: &Screen, options: &Options) -> Result<(), Failed> {
    let places = Places::find(&Process)?;
    let host = HostFile::read(&places, app)?;
    require_sound(&host)?;
    let devhost = tool::devhost(&places)?;
    let folder = assemble(&places, app, &host, Purpose::LocalRun)?;
    if !screen.wants_json() {
        screen.text(&rules(app, screen));
    }
    let mut command = Command::new(devhost);
    command.arg(folder).args(arguments(options, screen));
    hand_on_colours(&mut command, screen);
    // A first run needs no file of secrets: here, nobody else has to know their values.
    let texts = app.secrets().into_iter().filter(Declaration::is_any_text);
    command.args(texts.flat_map(|secret| ["--random-secret", secret.name.as_str()]));
    become_program(command)
}

/// Who may call what. devhost itself tells where.
fn rules(app: &dyn Subject, screen: &Screen) -> String {
    let manifest = app.manifest();
    let mut table = Table::new(["FUNCTION", "WHO MAY CALL"]);
    for function in manifest.functions() {
        table.row([function.name.to_owned(), who(&function.access)]);
    }
    let example = manifest.functions().first().map_or("NAME", |f| f.name);
    let command = |text: &str| screen.paint(Tone::Typed, text);
    format!(
        "{}\n\n{}\n\nIn a second terminal:\n  {}   a token that opens them\n  {}   call a function",
        heading(app, screen),
        table.text(screen),
        command(&format!(
            "{:width$}",
            "cargo fn token",
            width = example.len() + INVOKE
        )),
        command(&format!("cargo fn invoke {example} --sample")),
    )
}

/// How long `cargo fn invoke  --sample` is without the function's name.
const INVOKE: usize = "cargo fn invoke  --sample".len();

/// devhost colours a terminal unless it is told not to, and has no option of its own for that.
fn hand_on_colours(command: &mut Command, screen: &Screen) {
    if screen.is_plain() {
        command.env("NO_COLOR", "1");
    }
}

fn arguments(options: &Options, screen: &Screen) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--port".into(), options.port.to_string().into()];
    if let Some(port) = options.tenant_port {
        arguments.extend(["--tenant-port".into(), port.to_string().into()]);
    }
    if options.no_tenant {
        arguments.push("--no-tenant".into());
    }
    if let Some(key) = &options.master_key {
        arguments.extend(["--master-key".into(), key.into()]);
    }
    if screen.wants_json() {
        arguments.push("--json".into());
    }
    arguments.extend(options.more.iter().cloned());
    arguments
}

#[cfg(test)]
mod tests {
    use clap::ColorChoice;

    use super::*;

    #[test]
    fn devhost_colours_nothing_where_the_command_line_says_so() {
        for (choice, expected) in [(ColorChoice::Never, Some("1")), (ColorChoice::Always, None)] {
            let mut command = Command::new("stockade-devhost");

            hand_on_colours(&mut command, &Screen::new(choice, false));

            let mut set = command.get_envs();
            let told = set.find(|(name, _)| *name == "NO_COLOR");
            let told = told.and_then(|(_, value)| value?.to_str());
            assert_eq!(told, expected, "{choice:?}");
        }
    }
}
