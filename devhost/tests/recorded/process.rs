//! How the handler's process is started, ended and started again.

use crate::client;
use crate::devhost::Devhost;
use crate::recorder::Recorder;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// An app whose program is this shell script. It notes each start in `starts`; the recorder answers
/// on its port.
fn app(script: &str, port: u16) -> TempDir {
    let app = tempfile::tempdir().expect("a temporary folder");
    let host = serde_json::json!({
        "version": "2.0",
        "functionTimeout": "00:00:01",
        "customHandler": {
            "port": port.to_string(),
            "enableForwardingHttpRequest": true,
            "description": {"defaultExecutablePath": "handler.sh"},
        },
    });
    let function = serde_json::json!({"bindings": [
        {"type": "httpTrigger", "name": "req", "authLevel": "anonymous", "route": "orders/{id?}"},
        {"type": "http", "direction": "out", "name": "res"},
    ]});
    let write =
        |name: &str, text: String| std::fs::write(app.path().join(name), text).expect("writable");
    write("host.json", host.to_string());
    write(
        "local.settings.json",
        r#"{"Values": {"GREETING": "hello"}}"#.into(),
    );
    write(
        "handler.sh",
        format!("#!/bin/sh\necho $$ >> starts\n{script}\n"),
    );
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(app.path().join("handler.sh"), executable).expect("an execute bit");
    std::fs::create_dir(app.path().join("orders")).expect("writable");
    write("orders/function.json", function.to_string());
    app
}

fn lines(app: &Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(app.join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

async fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_alive(pid: &str) -> bool {
    // A zombie has been killed and only waits for its parent.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn signal(child: &tokio::process::Child, name: &str) {
    let pid = child.id().expect("devhost runs").to_string();
    let status = std::process::Command::new("kill")
        .args([&format!("-{name}"), &pid])
        .status();
    assert!(status.expect("kill runs").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_errors_end_the_host_with_1() {
    let recorder = Recorder::start().await;
    let app = app("exit 7", recorder.port());

    let ended = Devhost::launch(app.path())
        .wait()
        .await
        .expect("devhost ends");

    assert_eq!(ended.code(), Some(1));
    assert_eq!(lines(app.path(), "starts").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_code_200_asks_for_another_start_and_is_no_error() {
    let recorder = Recorder::start().await;
    let script = "[ $(wc -l < starts) -lt 5 ] && exit 200\nexec sleep 600";
    let devhost = Devhost::serve(app(script, recorder.port())).await;

    wait_until("the handler starts five times", || {
        lines(devhost.app(), "starts").len() == 5
    })
    .await;

    assert_eq!(
        client::get(devhost.port(), "/api/orders", Vec::new())
            .await
            .status,
        Some(200)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_exit_code_0_every_invocation_fails_and_nothing_starts() {
    let recorder = Recorder::start().await;
    let devhost = Devhost::serve(app("sleep 0.5; exit 0", recorder.port())).await;
    tokio::time::sleep(Duration::from_millis(900)).await;

    let got = client::get(devhost.port(), "/api/orders", Vec::new()).await;

    assert_eq!(got.status, Some(500));
    assert_eq!(lines(devhost.app(), "starts").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_kills_the_handler_and_starts_it_again() {
    let recorder = Recorder::start().await;
    let devhost = Devhost::serve(app("exec sleep 600", recorder.port())).await;
    // The recorder answers in the program's place, so devhost may be ready before it has begun.
    wait_until("the handler starts", || {
        lines(devhost.app(), "starts").len() == 1
    })
    .await;
    let first = lines(devhost.app(), "starts")[0].clone();

    let got = client::get(devhost.port(), "/api/orders?r=slow", Vec::new()).await;

    assert_eq!(got.status, Some(500));
    wait_until("the handler starts again", || {
        lines(devhost.app(), "starts").len() == 2
    })
    .await;
    assert!(!is_alive(&first));
    assert_eq!(
        client::get(devhost.port(), "/api/orders", Vec::new())
            .await
            .status,
        Some(200)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_devhost_with_0_and_leaves_no_process_behind() {
    for name in ["INT", "TERM"] {
        let recorder = Recorder::start().await;
        let script = "sleep 600 &\necho $! >> children\nwait";
        let mut devhost = Devhost::serve(app(script, recorder.port())).await;
        wait_until("the handler's child runs", || {
            lines(devhost.app(), "children").len() == 1
        })
        .await;
        let processes = [
            lines(devhost.app(), "starts"),
            lines(devhost.app(), "children"),
        ]
        .concat();
        assert!(processes.iter().all(|pid| is_alive(pid)), "SIG{name}");

        signal(devhost.child(), name);
        let ended = devhost.child().wait().await.expect("devhost ends");

        assert_eq!(ended.code(), Some(0), "SIG{name}");
        wait_until("every process is gone", || {
            !processes.iter().any(|pid| is_alive(pid))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handler_finds_its_port_its_folder_and_the_settings_in_its_environment() {
    let recorder = Recorder::start().await;
    let devhost = Devhost::serve(app(
        "env > environment\npwd > folder\nexec sleep 600",
        recorder.port(),
    ))
    .await;
    wait_until("the script has written", || {
        !lines(devhost.app(), "folder").is_empty()
    })
    .await;
    let environment = lines(devhost.app(), "environment");
    let root = devhost
        .app()
        .canonicalize()
        .expect("a folder")
        .display()
        .to_string();

    for expected in [
        format!("FUNCTIONS_CUSTOMHANDLER_PORT={}", recorder.port()),
        format!("FUNCTIONS_HTTPWORKER_PORT={}", recorder.port()),
        format!("FUNCTIONS_APP_ROOT_PATH={root}"),
        "GREETING=hello".to_owned(),
    ] {
        assert!(environment.contains(&expected), "{expected}");
    }
    assert_eq!(lines(devhost.app(), "folder"), [root]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_ends_devhost_with_3_and_a_bad_file_with_2() {
    let recorder = Recorder::start().await;
    let missing = app("", recorder.port());
    std::fs::remove_file(missing.path().join("handler.sh")).expect("it was there");
    let bad = app("", recorder.port());
    std::fs::write(
        bad.path().join("orders/function.json"),
        r#"{"bindings": []}"#,
    )
    .expect("writable");

    for (name, folder, code) in [
        ("no program", missing.path(), 3),
        ("no trigger", bad.path(), 2),
        ("no folder", Path::new("/nowhere/at/all"), 3),
    ] {
        let ended = Devhost::launch(folder).wait().await.expect("devhost ends");

        assert_eq!(ended.code(), Some(code), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handler_is_told_of_the_stand_in_tenant_unless_the_app_names_another() {
    let recorder = Recorder::start().await;
    let app = app("env > environment\nexec sleep 600", recorder.port());
    let settings = r#"{"Values": {"STOCKADE__AUTH__AUDIENCES": "mine"}}"#;
    std::fs::write(app.path().join("local.settings.json"), settings).expect("writable");
    let devhost = Devhost::serve_with_tenant(app).await;
    wait_until("the script has written", || {
        lines(devhost.app(), "environment").len() > 4
    })
    .await;
    let environment = lines(devhost.app(), "environment");
    let tenant = devhost.tenant_port();

    for expected in [
        format!("STOCKADE__AUTH__INSECURE_AUTHORITY=http://127.0.0.1:{tenant}"),
        "STOCKADE__AUTH__AUDIENCES=mine".to_owned(),
        "AZURE_FUNCTIONS_ENVIRONMENT=Development".to_owned(),
    ] {
        assert!(environment.contains(&expected), "{expected}");
    }
    let named = environment
        .iter()
        .find_map(|line| line.strip_prefix("STOCKADE__AUTH__TENANTS="));
    let document = format!(
        "/{}/v2.0/.well-known/openid-configuration",
        named.expect("a tenant")
    );
    let got = client::get(tenant, &document, Vec::new()).await;
    let metadata: serde_json::Value = serde_json::from_slice(&got.body).expect("JSON");
    assert_eq!(got.status, Some(200));
    assert!(
        metadata["issuer"]
            .as_str()
            .is_some_and(|issuer| issuer.contains(&tenant.to_string()))
    );
}
