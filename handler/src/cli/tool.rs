//! Finds devhost, or builds it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::settings::{Process, Source as _};

use super::failed::Failed;
use super::places::Places;

/// The devhost to run: the one that `STOCKADE_DEVHOST` names, else the one of this workspace, built
/// now, else one on `PATH`.
///
/// # Errors
///
/// There is none, or it does not build.
pub(super) fn devhost(places: &Places) -> Result<PathBuf, Failed> {
    if let Some(named) = Process.get(VARIABLE) {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(named)
        } else {
            Err(Failed::missing(
                format!("{VARIABLE} names {}, which is not there.", named.display()),
                format!("unset {VARIABLE}"),
            ))
        };
    }
    if is_member(places.root()) {
        return build(places);
    }
    on_path().ok_or_else(|| {
        Failed::missing(
            format!("{PROGRAM} is not installed: it is not on PATH, and {VARIABLE} is not set."),
            "cargo install --path devhost  (in a checkout of Stockade)",
        )
    })
}

/// Whether the workspace has devhost's own package.
fn is_member(root: &Path) -> bool {
    let manifest = std::fs::read_to_string(root.join("devhost").join("Cargo.toml"));
    manifest.is_ok_and(|text| text.lines().any(|line| line == NAME_LINE))
}

/// Builds it, with cargo's progress on the screen. What cargo prints is no output of ours.
fn build(places: &Places) -> Result<PathBuf, Failed> {
    let built = Command::new(places.cargo())
        .args(["build", "--package", PROGRAM])
        .current_dir(places.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    let program = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    let program = places.target().join("debug").join(program);
    match built {
        Ok(status) if status.success() && program.is_file() => Ok(program),
        Ok(_) => Err(Failed::work(
            "devhost does not build; cargo's words are above.",
            format!("cargo build --package {PROGRAM}"),
        )),
        Err(error) => Err(Failed::missing(
            format!("cargo cannot be run: {error}."),
            format!("cargo build --package {PROGRAM}"),
        )),
    }
}

fn on_path() -> Option<PathBuf> {
    let program = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(&program))
        .find(|path| path.is_file())
}

const VARIABLE: &str = "STOCKADE_DEVHOST";
const PROGRAM: &str = "stockade-devhost";
const NAME_LINE: &str = "name = \"stockade-devhost\"";
