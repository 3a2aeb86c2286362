//! Another program in this process's place.

use std::process::Command;

use super::failed::Failed;

/// Puts a program in this process's place, so that signals, the terminal and the exit code are its
/// own.
///
/// # Errors
///
/// It cannot be run.
#[cfg(unix)]
pub(super) fn become_program(mut command: Command) -> Result<(), Failed> {
    use std::os::unix::process::CommandExt as _;

    let error = command.exec();
    Err(cannot_run(&command, &error))
}

/// Runs a program to its end, and ends as it does.
#[cfg(not(unix))]
pub(super) fn become_program(mut command: Command) -> Result<(), Failed> {
    let status = command
        .status()
        .map_err(|error| cannot_run(&command, &error))?;
    match status.code() {
        Some(0) => Ok(()),
        code => std::process::exit(code.unwrap_or(1)),
    }
}

fn cannot_run(command: &Command, error: &std::io::Error) -> Failed {
    let program = command.get_program().to_string_lossy();
    Failed::missing(
        format!("{program} cannot be run: {error}."),
        format!("ls -l {program}"),
    )
}
