//! The command.

use std::process::ExitCode;

fn main() -> ExitCode {
    stockade_devhost::cli::run()
}
