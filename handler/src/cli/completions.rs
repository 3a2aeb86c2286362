//! `cargo fn completions`: what a shell needs to complete command lines.

use clap::Command;
use clap_complete::Shell;
use serde_json::json;

use super::failed::Failed;
use super::screen::Screen;

/// Runs the command.
pub(super) fn run(
    screen: &Screen,
    mut command: Command,
    shell: Shell,
    name: &str,
) -> Result<(), Failed> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let script = String::from_utf8_lossy(&script);
    if screen.wants_json() {
        screen.document(&json!({"shell": shell.to_string(), "script": script}));
    } else {
        screen.text(script.trim_end());
    }
    Ok(())
}
