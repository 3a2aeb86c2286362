//! The real binary, serving an app folder made for the test.

use crate::client;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Envelope,
    Forwarding,
    Proxying,
    /// Proxying with an empty route prefix and a route that takes everything.
    CatchAll,
    CatchAllForwarding,
    CatchAllEnvelope,
}

impl Mode {
    fn catches_all(self) -> bool {
        matches!(
            self,
            Self::CatchAll | Self::CatchAllForwarding | Self::CatchAllEnvelope
        )
    }
}

pub(crate) struct Devhost {
    /// Killed when the test ends.
    child: Child,
    app: TempDir,
    start: serde_json::Value,
}

impl Devhost {
    /// Starts an app whose handler listens on this port already.
    pub(crate) async fn start(mode: Mode, handler_port: u16) -> Self {
        let app = tempfile::tempdir().expect("a temporary folder");
        write_app(app.path(), mode, handler_port);
        Self::serve(app).await
    }

    /// Runs devhost on an app folder.
    pub(crate) fn launch(app: &Path) -> Child {
        Self::launch_with(app, &["--no-tenant"])
    }

    fn launch_with(app: &Path, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_stockade-devhost"))
            .arg(app)
            .args(["--port", "0", "--json", "--quiet"])
            .args(arguments)
            .args(["--master-key", &uuid::Uuid::new_v4().simple().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("devhost runs")
    }

    /// Serves an app folder once its handler is ready.
    pub(crate) async fn serve(app: TempDir) -> Self {
        Self::follow(Self::launch(app.path()), app).await
    }

    /// The same with a stand-in tenant.
    pub(crate) async fn serve_with_tenant(app: TempDir) -> Self {
        Self::follow(Self::launch_with(app.path(), &[]), app).await
    }

    async fn follow(mut child: Child, app: TempDir) -> Self {
        let stdout = child.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let start = loop {
            let line = lines
                .next_line()
                .await
                .expect("readable")
                .expect("devhost starts");
            if let Ok(start) = serde_json::from_str(&line) {
                break start;
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, app, start }
    }

    pub(crate) fn app(&self) -> &Path {
        self.app.path()
    }

    /// The port of the stand-in tenant.
    pub(crate) fn tenant_port(&self) -> u16 {
        let origin = self.start["tenant"].as_str().expect("a tenant");
        let (_, port) = origin.rsplit_once(':').expect("an origin with a port");
        port.parse().expect("a port")
    }

    pub(crate) fn port(&self) -> u16 {
        self.start["port"]
            .as_u64()
            .and_then(|port| port.try_into().ok())
            .expect("a port")
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(crate) fn master_key(&self) -> &str {
        self.start["masterKey"].as_str().expect("a key")
    }

    /// The default key of a function, from the host's own API.
    pub(crate) async fn function_key(&self, function: &str) -> String {
        let target = format!("/admin/functions/{function}/keys/default");
        let key = vec![("x-functions-key".to_owned(), self.master_key().to_owned())];
        let got = client::get(self.port(), &target, key).await;
        let json: serde_json::Value = serde_json::from_slice(&got.body).expect("JSON");
        json["value"].as_str().expect("a key").to_owned()
    }
}

fn write_app(root: &Path, mode: Mode, handler_port: u16) {
    let prefix = if mode.catches_all() { "" } else { "api" };
    let host = serde_json::json!({
        "version": "2.0",
        "functionTimeout": "00:00:10",
        "extensions": {"http": {"routePrefix": prefix}},
        "customHandler": {
            "enableForwardingHttpRequest": matches!(mode, Mode::Forwarding | Mode::CatchAllForwarding),
            "enableProxyingHttpRequest": matches!(mode, Mode::Proxying | Mode::CatchAll),
            "port": handler_port.to_string(),
            "description": {"defaultExecutablePath": "sleep", "arguments": ["600"]},
        },
    });
    std::fs::write(root.join("host.json"), host.to_string()).expect("writable");
    let http = |route: &str, level: &str| {
        serde_json::json!([
            {"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": level, "route": route,
             "methods": ["get", "post", "put", "patch", "delete", "head", "options"]},
            {"type": "http", "direction": "out", "name": "res"},
        ])
    };
    let nightly = serde_json::json!([
        {"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": "0 0 3 * * *"},
    ]);
    let functions = match mode {
        mode if mode.catches_all() => vec![
            ("catchall", http("{*path}", "anonymous")),
            ("nightly", nightly),
        ],
        _ => vec![
            ("orders", http("orders/{id?}", "anonymous")),
            ("keyed", http("keyed", "function")),
            ("adm", http("adm", "admin")),
            (
                "typed",
                http("typed/{id:int}/{when:datetime?}", "anonymous"),
            ),
            (
                "ret",
                with_output(&http("ret", "anonymous"), Some("$return")),
            ),
            ("noout", with_output(&http("noout", "anonymous"), None)),
            ("nightly", nightly),
        ],
    };
    for (name, bindings) in functions {
        std::fs::create_dir(root.join(name)).expect("writable");
        let text = serde_json::json!({"bindings": bindings}).to_string();
        std::fs::write(root.join(name).join("function.json"), text).expect("writable");
    }
}

/// The same function with its HTTP output under another name, or with none.
fn with_output(bindings: &serde_json::Value, name: Option<&str>) -> serde_json::Value {
    let output =
        name.map(|name| serde_json::json!({"type": "http", "direction": "out", "name": name}));
    serde_json::Value::Array(std::iter::once(bindings[0].clone()).chain(output).collect())
}
