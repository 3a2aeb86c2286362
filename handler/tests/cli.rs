//! The developer's commands, driven as a developer drives them: through the binary.

#![cfg(all(feature = "cli", unix))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::json;

use support::{FakeDevhost, Project, Ran};

#[path = "cli/assembly.rs"]
mod assembly;
#[path = "cli/calls.rs"]
mod calls;
#[path = "cli/dev.rs"]
mod dev;
#[path = "cli/secrets.rs"]
mod secrets;
#[path = "cli/support.rs"]
mod support;

const COMMANDS: [&str; 9] = [
    "list",
    "manifest",
    "dev",
    "token",
    "sample",
    "invoke",
    "doctor",
    "docs",
    "completions",
];

#[test]
fn without_a_command_the_functions_are_listed() {
    let ran = Project::new().run(&[]);

    assert_eq!(ran.code, Some(0), "{ran:?}");
    for text in [
        "create-order   http     POST /api/orders   scope Orders.Write",
        "nightly        timer    at 0 0 3 * * *     the Functions host",
        "cargo fn dev",
    ] {
        assert!(ran.output.contains(text), "{text} in {}", ran.output);
    }
}

#[test]
fn a_route_is_shown_under_the_prefix_of_host_json() {
    let project = Project::new();
    let mut host = project.json("host.json");
    host["extensions"]["http"] = json!({"routePrefix": "v1"});
    project.write("host.json", &host.to_string());

    assert!(project.run(&["list"]).output.contains("POST /v1/orders"));
}

#[test]
fn every_screen_fits_eighty_columns() {
    let project = Project::new();
    let helps = COMMANDS.map(|command| vec![command, "--help"]);
    for arguments in helps
        .into_iter()
        .chain([vec![], vec!["list"], vec!["--help"]])
    {
        let ran = project.run(&arguments);

        for line in ran.output.lines() {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
    }
}

#[test]
fn every_command_explains_itself_with_examples() {
    let project = Project::new();
    for command in COMMANDS {
        let ran = project.run(&[command, "--help"]);

        assert_eq!(ran.code, Some(0), "{command}");
        let usage = format!("Usage: cargo fn {command}");
        assert!(ran.output.contains(&usage), "{command}: {}", ran.output);
        let examples = ran.output.split("Examples:").nth(1).unwrap_or_default();
        assert!(examples.contains("cargo fn"), "{command}: {}", ran.output);
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let project = Project::new();
    for arguments in [
        vec!["nonsense"],
        vec!["sample"],
        vec!["sample", "no-such-function"],
        vec!["token", "--app", "--scope", "Orders.Read"],
        vec!["invoke", "quote", "--sample", "--data", "{}"],
        vec!["completions", "dos"],
    ] {
        let ran = project.run(&arguments);

        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert_eq!(ran.output, "", "{arguments:?}");
        assert_ne!(ran.remarks, "", "{arguments:?}");
    }
}

#[test]
fn colours_are_left_out_unless_they_are_asked_for() {
    let project = Project::new();
    let plain = project.run(&["list"]);
    let coloured = project.run(&["list", "--color", "always"]);
    let refused = Ran::of(
        project
            .command(&["list", "--color=never"])
            .env("NO_COLOR", "1"),
    );

    assert!(!plain.output.contains('\x1b'), "{plain:?}");
    assert!(coloured.output.contains('\x1b'), "{coloured:?}");
    assert_eq!(refused.output, plain.output);
}

#[test]
fn completions_are_for_the_name_that_is_typed() {
    let project = Project::new();

    let bash = project.run(&["completions", "bash", "--name", "desk"]);

    assert_eq!(bash.code, Some(0), "{bash:?}");
    assert!(bash.output.contains("complete -F _desk"), "{}", bash.output);
    assert!(bash.output.contains("--fixture"), "{}", bash.output);
}

#[test]
fn tools_get_one_json_document_from_every_command() {
    let project = Project::new();
    let _devhost = FakeDevhost::start(&project, 200);
    for arguments in [
        vec![],
        vec!["list"],
        vec!["manifest"],
        vec!["manifest", "--check"],
        vec!["token"],
        vec!["sample", "quote"],
        vec!["invoke", "health"],
        vec!["docs", "--check"],
        vec!["completions", "fish"],
    ] {
        let arguments = [arguments.as_slice(), &["--json"]].concat();
        let ran = project.run(&arguments);

        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        assert!(ran.json().is_object(), "{arguments:?}");
        assert_eq!(ran.remarks, "", "{arguments:?}");
    }
    let failed = project.run(&["sample", "nothing", "--json"]);
    assert_eq!(failed.code, Some(2));
    assert!(failed.json()["next"].is_string());
}
