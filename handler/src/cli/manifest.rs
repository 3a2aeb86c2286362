//! `cargo fn manifest`: assembles the folder for the host, keeps manifest.json in step.

use std::path::Path;

use serde_json::json;

use crate::settings::Process;

use super::assembly::{Purpose, assemble, pretty};
use super::failed::Failed;
use super::host_file::HostFile;
use super::kept::{Compared, Kept};
use super::places::Places;
use super::screen::{Screen, Tone};
use super::subject::Subject;

/// What both forms of the command look at.
struct Found {
    places: Places,
    host: HostFile,
    manifest: Compared,
}

impl Found {
    fn look(app: &dyn Subject) -> Result<Self, Failed> {
        let places = Places::find(&Process)?;
        let host = HostFile::read(&places, app)?;
        let path = places.manifest();
        let shown = places.shown(&path);
        let manifest = Kept::new(path, shown, pretty(&app.manifest())).compare()?;
        Ok(Self {
            places,
            host,
            manifest,
        })
    }
}

/// Runs the command with `--check`.
pub(super) fn check(app: &dyn Subject, screen: &Screen) -> Result<(), Failed> {
    let Found { host, manifest, .. } = Found::look(app)?;
    let in_step = manifest.is_in_step();
    if screen.wants_json() {
        screen.document(&json!({
            "manifest": manifest.shown(),
            "inStep": in_step,
            "problems": host.problems(),
        }));
    } else if !in_step {
        screen.text(&manifest.difference(screen));
    }
    require_sound(&host)?;
    if !in_step {
        return Err(Failed::work(
            format!("{} is out of step with the code.", manifest.shown()),
            "cargo fn manifest  (then commit the file)",
        ));
    }
    if !screen.wants_json() {
        screen.text(&format!(
            "{} {} and host.json are in step with the code.",
            screen.paint(Tone::Good, "ok:"),
            manifest.shown()
        ));
    }
    Ok(())
}

/// Runs the command; `handler` is the program to put in.
pub(super) fn write(
    app: &dyn Subject,
    screen: &Screen,
    handler: Option<&Path>,
) -> Result<(), Failed> {
    let Found {
        places,
        host,
        manifest,
    } = Found::look(app)?;
    require_sound(&host)?;
    let folder = assemble(&places, app, &host, Purpose::Package(handler))?;
    manifest.write()?;
    let shown = places.shown(&folder);
    let count = app.entries().len();
    if screen.wants_json() {
        screen.document(&json!({
            "folder": folder,
            "functions": count,
            "http": app.mode().name(),
            "manifest": manifest.shown(),
            "changed": !manifest.is_in_step(),
        }));
        return Ok(());
    }
    let kept = if manifest.is_in_step() {
        "was in step already"
    } else {
        "is new: review and commit it"
    };
    let functions = if count == 1 { "function" } else { "functions" };
    let mode = app.mode().name();
    screen.text(&format!(
        "{shown} holds host.json (HTTP by {mode}), {count} {functions} and the handler.\n\
         {} {kept}.\n\n\
         Next:  {}",
        manifest.shown(),
        screen.paint(Tone::Typed, "cargo fn dev")
    ));
    Ok(())
}

/// Refuses to go on with an app that would not start, or with a host.json that the host refuses.
///
/// # Errors
///
/// Every problem, a line each.
pub(super) fn require_sound(host: &HostFile) -> Result<(), Failed> {
    let problems = host.problems();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failed::work(
        format!("The app would not start.\n  {}", problems.join("\n  ")),
        "mend that, then cargo fn manifest",
    ))
}
