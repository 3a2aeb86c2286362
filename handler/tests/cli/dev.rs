//! Handing over to devhost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::support::{Project, Ran, leave_notes};

#[test]
fn files_for_local_work_are_in_the_folder_only_while_it_is_run_here() {
    for name in ["local.settings.json", "local.secrets.json"] {
        let project = Project::new();
        let copy = project.path("target/app").join(name);
        let devhost = script(&project, "exit 0");
        let dev = || {
            let ran = Ran::of(project.command(&["dev"]).env("STOCKADE_DEVHOST", &devhost));
            assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
        };
        project.write(name, r#"{"Values":{}}"#);

        dev();
        assert!(copy.exists(), "{name}");
        assert_eq!(project.run(&["manifest"]).code, Some(0));
        assert!(!copy.exists(), "{name}");

        dev();
        assert!(copy.exists(), "{name}");
        fs::remove_file(project.path(name)).unwrap();
        dev();
        assert!(!copy.exists(), "{name}");
    }
}

#[test]
fn dev_hands_over_to_devhost_and_ends_as_it_does() {
    let project = Project::new();
    let devhost = script(&project, "echo \"devhost: $*\"; exit 7");

    let ran = Ran::of(
        project
            .command(&["dev", "--port", "0", "--no-tenant", "--", "--quiet"])
            .env("STOCKADE_DEVHOST", devhost),
    );

    assert_eq!(ran.code, Some(7), "{ran:?}");
    let folder = project.path("target/app");
    let told = format!("devhost: {} --port 0 --no-tenant --quiet", folder.display());
    assert!(ran.output.contains(&told), "{}", ran.output);
    assert!(
        ran.output.contains("create-order   scope Orders.Write"),
        "{}",
        ran.output
    );
    assert!(ran.output.contains("cargo fn token"), "{}", ran.output);
}

#[test]
fn dev_for_tools_prints_nothing_of_its_own() {
    let project = Project::new();
    let devhost = script(&project, "echo \"$*\"");

    let ran = Ran::of(
        project
            .command(&["dev", "--json"])
            .env("STOCKADE_DEVHOST", devhost),
    );

    let folder = project.path("target/app");
    assert_eq!(
        ran.output,
        format!("{} --port 7071 --json\n", folder.display())
    );
}

#[test]
fn without_a_devhost_the_exit_code_is_3_and_says_what_to_type() {
    let project = Project::new();
    let absent = project.run(&["dev"]);
    let misnamed = Ran::of(
        project
            .command(&["dev"])
            .env("STOCKADE_DEVHOST", "/nowhere"),
    );
    leave_notes(&project, "http://127.0.0.1:9", ended());
    let killed = project.run(&["token"]);
    leave_notes(&project, "http://127.0.0.1:9", std::process::id());
    let deaf = project.run(&["invoke", "health"]);
    let never = Project::new().run(&["token"]);

    for (name, ran, next) in [
        ("absent", absent, "cargo install"),
        ("misnamed", misnamed, "unset STOCKADE_DEVHOST"),
        ("killed", killed, "cargo fn dev"),
        ("deaf", deaf, "cargo fn dev"),
        ("never started", never, "cargo fn dev"),
    ] {
        assert_eq!(ran.code, Some(3), "{name}: {ran:?}");
        assert!(ran.remarks.contains(next), "{name}: {ran:?}");
    }
}

#[test]
fn outside_cargo_the_commands_that_need_files_end_with_3() {
    let project = Project::new();
    let ran = Ran::of(
        project
            .command(&["manifest"])
            .env_remove("CARGO_MANIFEST_DIR"),
    );

    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.remarks.contains("cargo fn"), "{ran:?}");
}

#[test]
fn signals_reach_devhost() {
    let project = Project::new();
    let devhost = script(
        &project,
        "trap 'exit 9' TERM; touch up; while :; do /bin/sleep 0.01; done",
    );
    let mut dev = project
        .command(&["dev"])
        .env("STOCKADE_DEVHOST", devhost)
        .env("PATH", "/usr/bin:/bin")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !project.path("up").exists() {
        assert!(Instant::now() < deadline, "devhost was not started");
        std::thread::sleep(Duration::from_millis(5));
    }

    let pid = Pid::from_raw(dev.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();

    assert_eq!(dev.wait().unwrap().code(), Some(9));
}

#[test]
fn devhost_is_built_where_it_is_part_of_the_workspace() {
    let project = Project::new();
    project.write(
        "devhost/Cargo.toml",
        "[package]\nname = \"stockade-devhost\"\n",
    );
    let devhost = script(&project, "echo built and run");
    let cargo = program(
        &project,
        "cargo.sh",
        &format!(
            "[ \"$*\" = 'build --package stockade-devhost' ] || exit 1\n\
             /bin/mkdir -p target/debug && /bin/cp {} target/debug/stockade-devhost",
            devhost.display()
        ),
    );

    let built = Ran::of(project.command(&["dev"]).env("CARGO", &cargo));
    let broken = Ran::of(project.command(&["dev"]).env("CARGO", "/bin/false"));

    assert!(built.output.ends_with("built and run\n"), "{built:?}");
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(broken.remarks.contains("cargo build"), "{broken:?}");
}

/// A program that stands in for devhost.
fn script(project: &Project, text: &str) -> PathBuf {
    program(project, "devhost.sh", text)
}

fn program(project: &Project, name: &str, text: &str) -> PathBuf {
    project.write(name, &format!("#!/bin/sh\n{text}\n"));
    let path = project.path(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The pid of a process that is no more.
fn ended() -> u32 {
    let mut child = Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}
