//! The developer's commands, driven as a developer drives them: through the binary.

#![cfg(all(feature = "cli", unix))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use support::{FakeDevhost, Project, Ran, TOKEN, leave_notes, repository};

#[path = "cli/support.rs"]
mod support;

const COMMANDS: [&str; 8] = [
    "list",
    "manifest",
    "dev",
    "token",
    "sample",
    "invoke",
    "docs",
    "completions",
];

#[test]
fn without_a_command_the_functions_are_listed() {
    let ran = Project::new().run(&[]);

    assert_eq!(ran.code, Some(0), "{ran:?}");
    for text in [
        "create-order  http     POST /api/orders  scope Orders.Write",
        "nightly       timer    at 0 0 3 * * *    the Functions host",
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
    assert_eq!(functions.len(), 5);
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
fn settings_for_local_work_are_in_the_folder_only_while_it_is_run_here() {
    let project = Project::new();
    project.write("local.settings.json", r#"{"Values":{}}"#);
    let devhost = script(&project, "exit 0");

    let dev = Ran::of(project.command(&["dev"]).env("STOCKADE_DEVHOST", devhost));

    assert_eq!(dev.code, Some(0), "{dev:?}");
    assert!(project.path("target/app/local.settings.json").exists());
    assert_eq!(project.run(&["manifest"]).code, Some(0));
    assert!(!project.path("target/app/local.settings.json").exists());
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
        ran.output.contains("create-order  scope Orders.Write"),
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
fn a_token_carries_what_the_rules_name_unless_told_otherwise() {
    let project = Project::new();
    let devhost = FakeDevhost::start(&project, 200);

    let usual = project.run(&["token"]);
    let narrow = project.run(&["token", "--scope", "Orders.Read", "--lifetime", "5m"]);
    let daemon = project.run(&["token", "--app"]);

    assert_eq!((usual.code, usual.output), (Some(0), format!("{TOKEN}\n")));
    assert_eq!((narrow.code, daemon.code), (Some(0), Some(0)));
    let asked: Vec<_> = devhost
        .requests()
        .iter()
        .map(|request| request.json())
        .collect();
    let request = |kind, scopes: Value, roles: Value, seconds| json!({"kind": kind, "scopes": scopes, "roles": roles, "lifetime_seconds": seconds});
    assert_eq!(
        asked,
        [
            request(
                "user",
                json!(["Orders.Read", "Orders.Write"]),
                json!([]),
                3600
            ),
            request("user", json!(["Orders.Read"]), json!([]), 300),
            request("app", json!([]), json!(["Orders.Read.All"]), 3600),
        ]
    );
}

#[test]
fn an_http_function_is_invoked_at_its_route_with_a_fresh_token() {
    let project = Project::new();
    let devhost = FakeDevhost::start(&project, 202);

    let ran = project.run(&["invoke", "create-order", "--sample"]);

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.json(), json!({"answered": true}));
    let requests = devhost.requests();
    assert_eq!(requests[0].json()["scopes"], json!(["Orders.Write"]));
    let call = &requests[1];
    assert_eq!(call.line, "POST /api/orders HTTP/1.1");
    assert_eq!(
        call.header("authorization"),
        Some(format!("Bearer {TOKEN}").as_str())
    );
    assert_eq!(call.header("content-type"), Some("application/json"));
    assert_eq!(call.json(), project.run(&["sample", "create-order"]).json());
}

#[test]
fn the_command_line_decides_query_token_and_body() {
    let project = Project::new();
    let devhost = FakeDevhost::start(&project, 200);
    project.write("order.json", r#"{"mine":1}"#);

    for arguments in [
        vec![
            "invoke",
            "quote",
            "--query",
            "sku=A&B",
            "--query",
            "quantity=2",
            "--anonymous",
        ],
        vec![
            "invoke",
            "create-order",
            "--data",
            "@order.json",
            "--token",
            "own",
        ],
        vec!["invoke", "health"],
    ] {
        let ran = project.run(&arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    }

    let requests = devhost.requests();
    assert_eq!(requests.len(), 3, "{requests:?}");
    assert_eq!(
        requests[0].line,
        "GET /api/quote?sku=A%26B&quantity=2 HTTP/1.1"
    );
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(requests[1].body, r#"{"mine":1}"#);
    assert_eq!(requests[1].header("authorization"), Some("Bearer own"));
    assert_eq!(requests[2].header("authorization"), None);
}

#[test]
fn any_other_function_is_run_with_the_master_key() {
    let project = Project::new();
    let devhost = FakeDevhost::start(&project, 202);
    let fixture = repository().join("tests/fixtures/queue.json");

    let timer = project.run(&["invoke", "nightly"]);
    let message = project.run(&[
        "invoke",
        "order-worker",
        "--fixture",
        fixture.to_str().unwrap(),
    ]);

    assert_eq!((timer.code, message.code), (Some(0), Some(0)));
    let requests = devhost.requests();
    assert_eq!(requests[0].line, "POST /admin/functions/nightly HTTP/1.1");
    assert_eq!(requests[0].header("x-functions-key"), Some("not-a-key"));
    assert_eq!(requests[0].json(), json!({}));
    let input: Value = serde_json::from_str(requests[1].json()["input"].as_str().unwrap()).unwrap();
    assert_eq!(input["orderId"], "A-1001");
}

#[test]
fn a_call_that_fails_ends_with_1() {
    let project = Project::new();
    let _devhost = FakeDevhost::start(&project, 403);

    let ran = project.run(&["invoke", "health", "--json"]);
    let told = project.run(&["invoke", "health"]);

    assert_eq!((ran.code, told.code), (Some(1), Some(1)));
    assert!(told.remarks.contains("403"), "{told:?}");
    assert!(told.remarks.contains("Next:"), "{told:?}");
}

#[test]
fn a_sample_is_accepted_by_the_running_handler() {
    let project = Project::new();
    let sample = project.run(&["sample", "order-worker"]).json();
    let mut wrong = sample.clone();
    wrong["orderId"] = json!("");
    let handler = Handler::start();

    assert_eq!(handler.deliver("order-worker", &sample), 200);
    assert_eq!(handler.deliver("order-worker", &wrong), 422);
}

#[test]
fn samples_of_get_functions_are_queries() {
    let project = Project::new();

    assert_eq!(
        project.run(&["sample", "quote"]).output,
        "quantity=1&sku=SKU-00001\n"
    );
    let nothing = project.run(&["sample", "health"]);
    assert_eq!((nothing.code, nothing.output.as_str()), (Some(0), ""));
    assert!(nothing.remarks.contains("no input"), "{nothing:?}");
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
    assert!(stale.output.contains("+| HTTP | 422 |"), "{}", stale.output);
    assert_eq!(mended.code, Some(0), "{mended:?}");
    assert_eq!(project.run(&["docs", "--check"]).code, Some(0));
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

/// A program that stands in for devhost.
fn script(project: &Project, text: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;

    project.write("devhost.sh", &format!("#!/bin/sh\n{text}\n"));
    let path = project.path("devhost.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The pid of a process that is no more.
fn ended() -> u32 {
    let mut child = Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

/// The handler, serving as it does for the host.
struct Handler {
    process: std::process::Child,
    port: u16,
}

impl Handler {
    fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = Command::new(env!("CARGO_BIN_EXE_handler"))
            .env_clear()
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .env("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
            .env(
                "STOCKADE__AUTH__TENANTS",
                "7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384",
            )
            .env(
                "STOCKADE__AUTH__AUDIENCES",
                "e2a5d1b0-6f47-4c39-8a1e-5b7d90c3f612",
            )
            .env("STOCKADE__AUTH__INSECURE_AUTHORITY", "http://127.0.0.1:9")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let handler = Self { process, port };
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                std::time::Instant::now() < deadline,
                "the handler does not start"
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        handler
    }

    /// Delivers a message as the host does, and gives the status that the host is told.
    fn deliver(&self, function: &str, message: &Value) -> u16 {
        use std::io::{Read as _, Write as _};

        use base64::Engine as _;

        let message = base64::engine::general_purpose::STANDARD.encode(message.to_string());
        let body =
            json!({"Data": {"item": message}, "Metadata": {"DequeueCount": "1"}}).to_string();
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "POST /{function} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX-Azure-Functions-InvocationId: 2c3f5a8e-41d7-4b0a-9a51-0c6d9e7f1a2b\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
