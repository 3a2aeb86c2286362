//! The folder that the Functions host reads: host.json, one folder for each function, the handler.
//!
//! The folder may hold other things too, such as devhost's notes. Only what was made here is taken
//! away again; a list beside the folder says what that is.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::manifest::Described;

use super::failed::Failed;
use super::host_file::HostFile;
use super::places::{HOST_JSON, LOCAL_SECRETS, LOCAL_SETTINGS, Places, app_folder};
use super::subject::Subject;

/// What the folder is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose<'a> {
    /// To be handed on, perhaps with another program: a package never holds a developer's settings or
    /// secrets.
    Package(Option<&'a Path>),
    /// To be run here and now, with local.settings.json and local.secrets.json.
    LocalRun,
}

/// Makes the folder, and gives its path.
///
/// # Errors
///
/// The program is not there, or what the file system says.
pub(super) fn assemble(
    places: &Places,
    app: &dyn Subject,
    host: &HostFile,
    purpose: Purpose<'_>,
) -> Result<PathBuf, Failed> {
    if let Purpose::Package(Some(handler)) = purpose
        && !handler.is_file()
    {
        return Err(Failed::missing(
            format!("There is no {}.", handler.display()),
            "cargo build --release --package stockade",
        ));
    }
    let folder = app_folder(places.target());
    fill(&folder, places, app, host, purpose).map_err(|error| {
        Failed::work(
            format!("{} cannot be assembled: {error}.", folder.display()),
            format!("ls -la {}", folder.display()),
        )
    })?;
    Ok(folder)
}

fn fill(
    folder: &Path,
    places: &Places,
    app: &dyn Subject,
    host: &HostFile,
    purpose: Purpose<'_>,
) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let manifest = app.manifest();
    let names: BTreeSet<_> = manifest.functions().iter().map(Described::name).collect();
    let list = places.target().join(LIST);
    remove_stale(folder, &list, &names)?;
    // Before the folders, so that whatever was made is known, even if the work breaks off.
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    fs::write(&list, lines)?;
    for function in manifest.functions() {
        let own = folder.join(function.name());
        fs::create_dir_all(&own)?;
        fs::write(own.join(FUNCTION_JSON), pretty(function.function_json()))?;
    }
    fs::write(folder.join(HOST_JSON), pretty(&host.assembled(app)))?;
    local_files(folder, places, purpose)?;
    match purpose {
        Purpose::Package(Some(handler)) => copy_handler(handler, folder),
        Purpose::Package(None) | Purpose::LocalRun => {
            copy_handler(&std::env::current_exe()?, folder)
        }
    }
}

/// Takes away the folders of functions that are no more. What else somebody put into one stays.
fn remove_stale(folder: &Path, list: &Path, names: &BTreeSet<&str>) -> io::Result<()> {
    let Ok(made) = fs::read_to_string(list) else {
        return Ok(());
    };
    let is_folder_name = |name: &str| {
        let mut bytes = name.bytes();
        !name.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let stale = made
        .lines()
        .filter(|name| is_folder_name(name) && !names.contains(name));
    for name in stale {
        let own = folder.join(name);
        unless_absent(fs::remove_file(own.join(FUNCTION_JSON)))?;
        match fs::remove_dir(&own) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            other => unless_absent(other)?,
        }
    }
    Ok(())
}

/// What is this machine's own goes into no package, and away with its original.
fn local_files(folder: &Path, places: &Places, purpose: Purpose<'_>) -> io::Result<()> {
    for name in [LOCAL_SETTINGS, LOCAL_SECRETS] {
        let copy = folder.join(name);
        unless_absent(fs::remove_file(&copy))?;
        if purpose == Purpose::LocalRun {
            unless_absent(fs::copy(places.local(name), copy).map(drop))?;
        }
    }
    Ok(())
}

/// Copies the program. One may be running from there already, so the copy is put in its place whole.
fn copy_handler(program: &Path, folder: &Path) -> io::Result<()> {
    let name = format!("{HANDLER}{}", std::env::consts::EXE_SUFFIX);
    let fresh = folder.join(format!(".{name}.new"));
    fs::copy(program, &fresh)?;
    fs::rename(fresh, folder.join(name))
}

fn unless_absent(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// JSON for people: indented, with a line end.
pub(super) fn pretty(document: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(document).expect("documents have string keys only");
    text + "\n"
}

/// The program's name in the folder.
pub(super) const HANDLER: &str = "handler";
const FUNCTION_JSON: &str = "function.json";
/// Which function folders were made here, a line each.
const LIST: &str = "app.functions";
