//! The real binary with an app whose handler notes its environment.

use crate::client::{self, Answer};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

pub(crate) struct Devhost {
    /// Killed when the test ends.
    child: Child,
    app: TempDir,
    report: Value,
}

impl Devhost {
    /// Starts an app with these files, and waits until its handler has noted its environment.
    pub(crate) async fn start(files: &[(&str, &str)], arguments: &[&str]) -> Self {
        let app = app(files, answering().await);
        let mut child = command(&app, arguments).spawn().expect("devhost runs");
        let stdout = child.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let line = lines.next_line().await.expect("readable");
        let report = serde_json::from_str(&line.expect("devhost starts")).expect("JSON");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let noted = app.path().join("environment");
        client::until("the handler has noted its environment", async || {
            noted.exists()
        })
        .await;
        Self { child, app, report }
    }

    /// What becomes of devhost with an app that cannot be started.
    pub(crate) async fn end(files: &[(&str, &str)]) -> Output {
        let app = app(files, 9);
        command(&app, &[]).output().await.expect("devhost runs")
    }

    /// Stops it as a person does.
    pub(crate) async fn stop(&mut self) {
        let pid = self.child.id().expect("devhost runs").to_string();
        let killed = std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status();
        assert!(killed.expect("kill runs").success());
        let ended = self.child.wait().await.expect("devhost ends");
        assert_eq!(ended.code(), Some(0));
    }

    /// What it told when the handler was ready.
    pub(crate) fn report(&self) -> &Value {
        &self.report
    }

    /// A variable of the handler's environment.
    pub(crate) fn variable(&self, name: &str) -> String {
        let value = self.variable_if_any(name);
        value.unwrap_or_else(|| panic!("the handler has no {name}"))
    }

    pub(crate) fn variable_if_any(&self, name: &str) -> Option<String> {
        let environment = std::fs::read_to_string(self.app.path().join("environment"));
        let environment = environment.expect("it was noted");
        let mut lines = environment.lines();
        lines.find_map(|line| {
            let (found, value) = line.split_once('=')?;
            (found == name).then(|| value.to_owned())
        })
    }

    /// A token of the managed identity.
    pub(crate) async fn token(&self, resource: &str) -> String {
        let endpoint = self.variable("IDENTITY_ENDPOINT");
        let header = self.variable("IDENTITY_HEADER");
        let url = format!("{endpoint}?api-version=2019-08-01&resource={resource}");
        let got = client::get(&url, &[("x-identity-header", &header)]).await;
        let got = got.expect("an answer").json();
        got["access_token"].as_str().expect("a token").to_owned()
    }

    /// A request to the admin API of the stand-ins.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: &str) -> Answer {
        let key = self.report["masterKey"].as_str().expect("a key");
        self.admin_with(key, method, path, body).await
    }

    pub(crate) async fn admin_with(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> Answer {
        let host = self.report["url"].as_str().expect("an origin");
        let url = format!("{host}/admin/devhost/{path}");
        let stream = client::connect(&url).await.expect("a connection");
        let fields = [("x-functions-key", key)];
        let answer = client::send(stream, method, &url, &fields, body).await;
        answer.expect("an answer")
    }

    /// Changes a secret.
    pub(crate) async fn change(&self, path: &str, body: &str) {
        assert_eq!(self.admin("POST", path, body).await.status, 204, "{path}");
    }

    /// Switches a fault on or off.
    pub(crate) async fn change_fault(&self, of: &str, fault: Value) {
        let path = format!("{of}/fault");
        let answer = self.admin("POST", &path, &fault.to_string()).await;
        assert_eq!(answer.status, 200, "{fault}");
    }
}

fn command(app: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade-devhost"));
    command
        .arg(app.path())
        .args(["--port", "0", "--json", "--quiet"])
        .args(arguments)
        // The environment wins over local.settings.json, and this machine's is not the app's.
        .env_remove("SSL_CERT_FILE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A port that answers in the handler's place, by breaking off: any answer will do.
async fn answering() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    port
}

fn app(files: &[(&str, &str)], port: u16) -> TempDir {
    let app = tempfile::tempdir().expect("a temporary folder");
    let write =
        |name: &str, text: &str| std::fs::write(app.path().join(name), text).expect("writable");
    let host = json!({
        "version": "2.0",
        "customHandler": {
            "port": port.to_string(),
            "description": {"defaultExecutablePath": "handler.sh"},
        },
    });
    let function = json!({"bindings": [
        {"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": "0 0 3 * * *"},
    ]});
    write("host.json", &host.to_string());
    write(
        "handler.sh",
        "#!/bin/sh\nenv > environment.part\nmv environment.part environment\nexec sleep 600\n",
    );
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(app.path().join("handler.sh"), executable).expect("an execute bit");
    std::fs::create_dir(app.path().join("nightly")).expect("writable");
    write("nightly/function.json", &function.to_string());
    for (name, text) in files {
        write(name, text);
    }
    app
}
