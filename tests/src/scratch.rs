//! Cargo projects that a suite writes, to see what the compiler says of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// A cargo workspace of its own in the target folder.
///
/// It keeps to the versions and the profiles of this workspace and builds into the same target
/// folder, so the dependencies that were built once are not built again.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    target: PathBuf,
}

impl Scratch {
    /// A project `name` in `tmp`, which is cargo's `CARGO_TARGET_TMPDIR`, with packages that are
    /// still to be written.
    ///
    /// # Panics
    ///
    /// If the folder cannot be written.
    pub fn new(tmp: &str, name: &str, packages: &[&str]) -> Self {
        let tmp = Path::new(tmp);
        let folder = tmp.join(name);
        let scratch = Self {
            folder,
            target: tmp.parent().expect("tmp is in the target folder").into(),
        };
        scratch.write("Cargo.lock", &read("Cargo.lock"));
        scratch.write("Cargo.toml", &with_members(&read("Cargo.toml"), packages));
        scratch
    }

    /// Writes a file of the project. One that is the same already stays as it is, so that cargo takes
    /// it for checked.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>, text: &str) {
        let path = self.folder.join(path);
        if fs::read_to_string(&path).is_ok_and(|known| known == text) {
            return;
        }
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("the folder can be made");
        fs::write(path, text).expect("the file can be written");
    }

    /// Copies a folder of the workspace, with all that is in it.
    ///
    /// # Panics
    ///
    /// If it cannot be read or written.
    pub fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        for entry in fs::read_dir(workspace().join(&from)).expect("a folder") {
            let entry = entry.expect("an entry");
            let (from, to) = (
                from.as_ref().join(entry.file_name()),
                to.as_ref().join(entry.file_name()),
            );
            if entry.file_type().expect("a type").is_dir() {
                self.copy(from, to);
            } else {
                self.write(to, &read(from));
            }
        }
    }

    /// Checks everything in the project, and gives the errors of each target by its name.
    ///
    /// # Panics
    ///
    /// If cargo does not get as far as the compiler.
    pub fn check(&self) -> Errors {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["check", "--workspace", "--lib", "--examples"])
            .args(["--offline", "--keep-going", "--message-format=json"])
            .arg("--manifest-path")
            .arg(self.folder.join("Cargo.toml"))
            // The configuration in `.cargo` is found from here.
            .current_dir(workspace())
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null())
            .output()
            .expect("cargo can be started");
        let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
        let mut errors = BTreeMap::new();
        for line in text.lines() {
            let said: Said = serde_json::from_str(line).expect("a message of cargo");
            let Some(target) = said.target else { continue };
            let of_target: &mut Vec<_> = errors.entry(target.name).or_default();
            of_target.extend(said.message.and_then(Diagnostic::into_error));
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() || errors.values().any(|of_target| !of_target.is_empty()),
            "cargo failed before the compiler did:\n{stderr}"
        );
        Errors(errors)
    }
}

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the suites are a folder of the workspace")
}

/// A file of the workspace.
///
/// # Panics
///
/// If it cannot be read.
pub fn read(path: impl AsRef<Path>) -> String {
    let path = workspace().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The manifest of a workspace, with these packages in the place of its own.
fn with_members(manifest: &str, packages: &[&str]) -> String {
    let line = |line: &str| {
        if line.starts_with("members = ") {
            format!("members = {packages:?}\n")
        } else {
            format!("{line}\n")
        }
    };
    let changed: String = manifest.lines().map(line).collect();
    assert_ne!(
        changed.trim(),
        manifest.trim(),
        "the members stand on a line"
    );
    changed
}

/// What the compiler refused, by target.
#[derive(Debug)]
pub struct Errors(BTreeMap<String, Vec<Error>>);

impl Errors {
    /// The errors of a target, none if it compiles.
    ///
    /// # Panics
    ///
    /// If the compiler never saw the target.
    pub fn of(&self, target: &str) -> &[Error] {
        self.0
            .get(target)
            .unwrap_or_else(|| panic!("`{target}` was not compiled"))
    }
}

/// One error. Notes are left out, since they change with the compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What it says.
    pub message: String,
    /// The source text that its arrow points at.
    pub arrow: String,
    /// What stands at the arrow.
    pub label: String,
}

#[derive(Deserialize)]
struct Said {
    target: Option<Target>,
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    message: String,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    is_primary: bool,
    label: Option<String>,
    text: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    text: String,
    highlight_start: usize,
    highlight_end: usize,
}

impl Diagnostic {
    /// The last "error" of a target only counts the others, and has no place.
    fn into_error(self) -> Option<Error> {
        let primary = self.spans.into_iter().find(|span| span.is_primary)?;
        (self.level == "error").then(|| Error {
            message: self.message,
            arrow: primary.highlighted(),
            label: primary.label.unwrap_or_default(),
        })
    }
}

impl Span {
    fn highlighted(&self) -> String {
        let lines = self.text.iter().map(|line| {
            let (start, end) = (line.highlight_start - 1, line.highlight_end - 1);
            line.text.chars().skip(start).take(end - start)
        });
        lines.flatten().collect()
    }
}
