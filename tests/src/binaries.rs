//! The binaries under test, built once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Where a built binary is.
///
/// # Panics
///
/// When the workspace does not build, or has no binary of this name.
pub fn path(name: &str) -> &'static Path {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();

    BUILT
        // As a release would be built, without the features of tests.
        .get_or_init(|| build(&["--workspace", "--bins"]))
        .get(name)
        .unwrap_or_else(|| panic!("the workspace has no binary `{name}`"))
}

/// Where the reference app with its developer's commands is: what `cargo fn` runs.
///
/// # Panics
///
/// When the app does not build.
pub fn commands() -> &'static Path {
    static COPIED: OnceLock<PathBuf> = OnceLock::new();

    COPIED.get_or_init(|| {
        let package = ["--package", "stockade", "--bin", "handler"];
        let built = build(&[&package[..], &["--features", "cli"]].concat());
        let handler = built.get("handler").expect("the app has a handler");
        // It stands where the handler without the commands belongs, which takes its place again.
        let copy = handler.with_file_name("handler-with-commands");
        let fresh = handler.with_file_name(format!("handler-with-commands.{}", std::process::id()));
        std::fs::copy(handler, &fresh).expect("the target folder can be written to");
        std::fs::rename(&fresh, &copy).expect("the target folder can be written to");
        build(&["--workspace", "--bins"]);
        copy
    })
}

/// Where a built example of the library is.
///
/// # Panics
///
/// When the library does not build, or has no example of this name.
pub fn example(name: &str) -> &'static Path {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();

    BUILT
        .get_or_init(|| build(&["--package", "stockade", "--examples"]))
        .get(name)
        .unwrap_or_else(|| panic!("the library has no example `{name}`"))
}

/// Where the release build of a binary of the app is: what is deployed, without the features of
/// tests.
///
/// # Panics
///
/// When the app does not build, or has no binary of this name.
pub fn release(name: &str) -> &'static Path {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();

    BUILT
        .get_or_init(|| build(&["--release", "--package", "stockade", "--bin", "handler"]))
        .get(name)
        .unwrap_or_else(|| panic!("the app has no binary `{name}`"))
}

/// Builds these targets and asks cargo where they are.
fn build(targets: &[&str]) -> BTreeMap<String, PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = Command::new(cargo)
        .args(["build", "--message-format=json"])
        .args(targets)
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be run");
    assert!(built.status.success(), "the workspace does not build");
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let name = message["target"]["name"].as_str()?.to_owned();
            Some((name, message["executable"].as_str()?.into()))
        })
        .collect()
}
