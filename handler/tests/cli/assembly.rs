//! The folder for the host, and the files that the repository keeps.

use std::fs;

use serde_json::json;

use super::support::Project;

#[test]
fn the_listed_manifest_is_the_one_that_is_kept() {
    let project = Project::new();

    let listed = project.run(&["list", "--json"]).json();

    assert_eq!(listed, project.json("handler/manifest.json"));
}

#[test]
fn manifest_assembles_the_folder_that_the_host_reads() {
    let project = Project::new();

    let ran = project.run(&["manifest"]);

    assert_eq!(ran.code, Some(0), "{ran:?}");
    let host = project.json("target/app/host.json");
    assert_eq!(host["customHandler"]["enableProxyingHttpRequest"], true);
    assert_eq!(host["customHandler"]["enableForwardingHttpRequest"], true);
    assert_eq!(
        host["functionTimeout"],
        project.json("host.json")["functionTimeout"]
    );
    let manifest = project.json("handler/manifest.json");
    let functions = manifest["functions"].as_array().unwrap();
    assert_eq!(functions.len(), 6);
    for function in functions {
        let file = format!(
            "target/app/{}/function.json",
            function["name"].as_str().unwrap()
        );
        assert_eq!(project.json(&file), function["function.json"]);
    }
    let handler = fs::read(project.path("target/app/handler")).unwrap();
    assert!(handler == fs::read(env!("CARGO_BIN_EXE_handler")).unwrap());
}

#[test]
fn manifest_takes_another_program_for_a_package() {
    let project = Project::new();
    project.write("release", "a release build");
    let release = project.path("release");

    let ran = project.run(&["manifest", "--handler", release.to_str().unwrap()]);
    let absent = project.run(&["manifest", "--handler", "nowhere"]);

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(project.read("target/app/handler"), "a release build");
    assert_eq!(absent.code, Some(3), "{absent:?}");
}

#[test]
fn manifest_removes_the_functions_that_it_made_and_nothing_else() {
    let project = Project::new();
    project.write("target/app.functions", "gone\nkept\n../outside\n");
    project.write("target/app/gone/function.json", "{}");
    project.write("target/app/kept/function.json", "{}");
    project.write("target/app/kept/notes.txt", "mine");
    project.write("target/app/foreign/function.json", "{}");
    project.write("target/outside/function.json", "{}");

    assert_eq!(project.run(&["manifest"]).code, Some(0));

    let there = |file: &str| project.path(file).exists();
    assert!(!there("target/app/gone"));
    assert!(!there("target/app/kept/function.json"));
    assert!(there("target/app/kept/notes.txt"));
    assert!(there("target/app/foreign/function.json"));
    assert!(there("target/outside/function.json"));
    assert!(there("target/app/nightly/function.json"));
}

#[test]
fn check_passes_while_the_kept_manifest_is_in_step() {
    let project = Project::new();

    let ran = project.run(&["manifest", "--check"]);

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!project.path("target").exists());
}

#[test]
fn check_shows_what_is_out_of_step_and_writes_nothing() {
    let project = Project::new();
    let stale = project
        .read("handler/manifest.json")
        .replace("Orders.Write", "Orders.Wrote");
    project.write("handler/manifest.json", &stale);

    let ran = project.run(&["manifest", "--check"]);

    assert_eq!(ran.code, Some(1), "{ran:?}");
    let document = project.run(&["manifest", "--check", "--json"]).json();
    assert_eq!(document["inStep"], false);
    assert!(
        ran.output.contains("-        \"scope\": \"Orders.Wrote\""),
        "{}",
        ran.output
    );
    assert!(
        ran.output.contains("+        \"scope\": \"Orders.Write\""),
        "{}",
        ran.output
    );
    assert!(ran.remarks.contains("cargo fn manifest"), "{}", ran.remarks);
    assert_eq!(project.read("handler/manifest.json"), stale);
    assert!(!project.path("target").exists());
}

#[test]
fn a_host_json_that_contradicts_the_app_stops_everything_that_would_use_it() {
    let project = Project::new();
    let mut host = project.json("host.json");
    host["customHandler"]["enableProxyingHttpRequest"] = json!(false);
    project.write("host.json", &host.to_string());

    for arguments in [vec!["manifest"], vec!["manifest", "--check"], vec!["dev"]] {
        let ran = project.run(&arguments);

        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
        assert!(ran.remarks.contains("enableProxyingHttpRequest"), "{ran:?}");
    }
    assert!(!project.path("target/app").exists());
}

#[test]
fn the_docs_that_are_kept_are_in_step() {
    let project = Project::new();
    let sound = project.run(&["docs", "--check"]);
    project.write("docs/triggers.md", "# Triggers\n");
    let stale = project.run(&["docs", "--check"]);
    let mended = project.run(&["docs"]);

    assert_eq!(sound.code, Some(0), "{sound:?}");
    assert_eq!(stale.code, Some(1), "{stale:?}");
    assert!(
        stale.output.contains("+| HTTP | 400 | 422 |"),
        "{}",
        stale.output
    );
    assert_eq!(mended.code, Some(0), "{mended:?}");
    assert_eq!(project.run(&["docs", "--check"]).code, Some(0));
}
