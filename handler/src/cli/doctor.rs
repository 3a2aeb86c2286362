//! `cargo fn doctor`: what stands between this app and its start.

use clap::Args;

use crate::settings::Process;

use self::gathered::{Gathered, LocalSettings};
use self::report::Report;
use super::devhost::Devhost;
use super::failed::Failed;
use super::host_file::HostFile;
use super::places::{LOCAL_SETTINGS, Places};
use super::screen::Screen;
use super::subject::Subject;

mod gathered;
mod report;
mod secret;
mod start;
mod way;

/// Say what stands between this app and its start: settings, identity, vault, secrets
///
/// It reads the settings as a start does, then gets a token by the app's identity, knocks at the
/// vault, and reads each declared secret once, all of them at the same time; it is over within 20 s.
/// No value is shown, nor anything about one.
///
/// Settings come from the environment. Names that are unset there come from local.settings.json, and
/// then from a running `cargo fn dev`, with its identity and its vault.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {}

const EXAMPLES: &str = "\
Examples:
  cargo fn doctor      before a start, and when a secret cannot be read
  cargo fn doctor --json | jq '.checks[] | select(.result != \"ok\")'

With --json the document has `app`, `ok`, `exitCode` and `checks`. A check has:
  check   settings, app, identity, vault, or secret with its `name`
  result  ok, warning, problem, or skipped: what came before stands in the way
  state   ok, skipped, or one of:
          settings  nothing-configured, wrong
          app       wrong
          identity  no-token, away, not-needed
          vault     none, unreachable, timed-out, throttled, refused,
                    foreign-challenge, malformed, not-needed
          secret    expiring, missing, role-missing, disabled, expired, not-yet,
                    unusable, throttled, unreachable, timed-out, no-token,
                    foreign-challenge, malformed, none-declared
  found   the finding in words; next: what to do about it, or null
Settings have `problems` and `sources`, the identity has `source`, the vault its
`address`, both and secrets `durationMs`; secrets have `required`, `pinned`,
`version`, `enabled`, `notBefore`, `expires` and `daysLeft`.

Below 30 days to its end a secret is worth a warning, and the exit code is 1.
Exit codes: 0 all well, 1 something was found, 2 settings are wrong,
3 the identity endpoint or the vault is not there; 2 goes before 3, 3 before 1.";

/// Runs the command.
pub(super) fn run(app: &dyn Subject, screen: &Screen, _: &Options) -> Result<(), Failed> {
    let places = Places::find(&Process)?;
    let local = LocalSettings::read(&places.local(LOCAL_SETTINGS));
    let devhost = Devhost::running().ok();
    let given = devhost.as_ref().map(|devhost| &devhost.settings);
    let gathered = Gathered::new(&Process, &local, given, places.root());
    gathered.settle_in()?;

    let host = HostFile::read(&places, app);
    let mut checks = start::checks(app, &gathered, &local, &host);
    checks.extend(way::checks(&app.secrets(), &gathered, given, screen));
    let report = Report {
        app: app.name(),
        checks,
    };
    report.print(screen);
    report.outcome()
}

/// An introduction, then a line for each.
fn listed(intro: &str, lines: &[String]) -> String {
    let lines = lines.iter().map(|line| format!("\n{line}"));
    intro.to_owned() + &lines.collect::<String>()
}
