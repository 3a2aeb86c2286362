//! An app folder, and the processes that run it: devhost with the handler behind it, or the handler
//! alone.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::Request;
use crate::log::Line;
use crate::process::{PATIENCE, Process};
use crate::{binaries, machine};

/// Which app is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// The reference app.
    Reference,
    /// An app of the gallery.
    Gallery(&'static str),
}

/// How the host hands over requests for functions without a second output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In its envelope.
    Envelope,
    /// As a copy.
    Forwarding,
    /// As they are, streamed.
    Proxying,
}

impl Mode {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Envelope, Self::Forwarding, Self::Proxying];
}

/// An app folder in the making.
#[derive(Debug, Clone)]
pub struct Setup {
    app: App,
    host_json: Value,
    settings: BTreeMap<String, String>,
}

impl Setup {
    /// The app, proxied, with settings by default.
    pub fn of(app: App) -> Self {
        let text = std::fs::read_to_string(repository().join("host.json"))
            .expect("the repository has a host.json");
        let host_json = serde_json::from_str(&text).expect("host.json is JSON");
        let setup = Self {
            app,
            host_json,
            settings: BTreeMap::new(),
        };
        setup.mode(Mode::Proxying)
    }

    /// Sets the flags of an HTTP mode.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        self.host_json(&json!({"customHandler": {
            "enableForwardingHttpRequest": mode != Mode::Envelope,
            "enableProxyingHttpRequest": mode == Mode::Proxying,
        }}))
    }

    /// Merges members into host.json.
    #[must_use]
    pub fn host_json(mut self, members: &Value) -> Self {
        merge(&mut self.host_json, members);
        self
    }

    /// Gives a setting to the app.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Starts devhost with the app behind it, and waits until it is ready.
    pub fn start(&self) -> Host {
        let folder = self.assemble();
        // The shell ends devhost when its own standard input closes, which it does with this
        // process at the latest: a value in a `static` is never dropped.
        const UNTIL_STDIN_CLOSES: &str = "\"$0\" \"$@\" </dev/null & \
            exec >/dev/null 2>&1; read -r _; kill -TERM $!; wait $!";
        let mut command = self.command("sh".as_ref());
        command
            .args(["-c", UNTIL_STDIN_CLOSES])
            .arg(binaries::path("stockade-devhost"))
            .arg(folder.path())
            .args(["--port", "0", "--json"])
            .stdin(Stdio::piped());
        let process = Process::start(&mut command);
        let report = process.wait_for("devhost to be ready", |lines| {
            lines.iter().find_map(|line| {
                let report: Value = serde_json::from_str(line).ok()?;
                report["masterKey"].is_string().then_some(report)
            })
        });
        Host {
            process,
            port: port(&report["port"]),
            handler_port: port(&report["handlerPort"]),
            master_key: text(&report["masterKey"]),
            tenant: text(&report["tenant"]),
            _folder: folder,
        }
    }

    /// Starts the handler alone, and waits until it serves.
    pub fn start_handler(&self) -> Handler {
        let (port, folder) = (free_port(), self.assemble());
        let process = Process::start(&mut self.handler_command(port, &folder));
        let handler = Handler {
            process,
            port,
            _folder: folder,
        };
        handler.wait_for_line("the handler to serve", |line| line.message() == "serving");
        handler
    }

    /// Runs the handler alone until it ends by itself, with `port` as the host's.
    pub fn run_to_its_end(&self, port: u16) -> Ended {
        let folder = self.assemble();
        let mut process = Process::start(&mut self.handler_command(port, &folder));
        let status = process.wait_for_end(PATIENCE);
        Ended {
            status,
            lines: process.lines(),
        }
    }

    /// The command that runs the handler alone.
    pub fn handler_command(&self, port: u16, folder: &TempDir) -> Command {
        let mut command = self.command(&folder.path().join("handler"));
        command
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .env("FUNCTIONS_APP_ROOT_PATH", folder.path());
        command
    }

    /// Writes the app folder.
    pub fn assemble(&self) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let root = folder.path();
        write(&root.join("host.json"), &self.host_json);
        for function in self.manifest()["functions"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let name = function["name"].as_str().expect("a function has a name");
            std::fs::create_dir(root.join(name)).expect("names of functions differ");
            write(
                &root.join(name).join("function.json"),
                &function["function.json"],
            );
        }
        std::os::unix::fs::symlink(self.binary(), root.join("handler"))
            .expect("the folder is empty");
        folder
    }

    fn binary(&self) -> &'static Path {
        binaries::path(match self.app {
            App::Reference => "handler",
            App::Gallery(_) => "gallery",
        })
    }

    fn manifest(&self) -> Value {
        let text = match self.app {
            // What `cargo fn manifest --check` keeps in step with the code.
            App::Reference => std::fs::read(repository().join("handler/manifest.json")),
            App::Gallery(_) => {
                let mut command = self.command(self.binary());
                command.arg("manifest").output().map(|ended| ended.stdout)
            }
        };
        serde_json::from_slice(&text.expect("the app has a manifest")).expect("it is JSON")
    }

    /// A command that sees the app's settings, and nothing of ours beside the search path.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.settings);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        if let App::Gallery(name) = self.app {
            command.env("GALLERY", name);
        }
        command
    }
}

/// A running devhost with its handler and its tenant.
#[derive(Debug)]
pub struct Host {
    process: Process,
    /// Where callers from outside come in.
    pub port: u16,
    /// Where the handler listens.
    pub handler_port: u16,
    master_key: String,
    tenant: String,
    _folder: TempDir,
}

impl Host {
    /// The master key.
    pub fn master_key(&self) -> &str {
        &self.master_key
    }

    /// The pid of the handler.
    ///
    /// # Panics
    ///
    /// When it does not run.
    pub fn handler_pid(&self) -> u32 {
        machine::descendant(self.process.pid(), "handler").expect("the handler runs")
    }

    /// A token of the stand-in tenant, as its own request wants it.
    pub fn token(&self, wanted: &Value) -> String {
        let port = self.tenant.rsplit_once(':').map(|(_, port)| port);
        let port = port.and_then(|port| port.parse().ok());
        let answer = Request::post("/stand-in/token")
            .json(wanted)
            .send(port.expect("the tenant's origin ends with its port"));
        assert_eq!(answer.status, 200, "{answer:?}");
        text(&answer.json()["access_token"])
    }

    /// A user's token with these scopes.
    pub fn token_with(&self, scopes: &[&str]) -> String {
        self.token(&json!({ "scopes": scopes }))
    }

    /// Runs a function by the admin API.
    pub fn run(&self, function: &str, input: &str) {
        let answer = Request::post(&format!("/admin/functions/{function}"))
            .header("x-functions-key", &self.master_key)
            .json(&json!({ "input": input }))
            .send(self.port);
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// Everything that devhost and the handler wrote.
    pub fn output(&self) -> Vec<String> {
        self.process.lines()
    }

    /// The handler's log.
    pub fn log(&self) -> Vec<Line> {
        read_log(&self.process.lines())
    }

    /// Waits for a line of the handler's log.
    pub fn wait_for_line(&self, what: &str, wanted: impl Fn(&Line) -> bool) -> Line {
        wait_for_line(&self.process, what, 1, wanted)
    }

    /// Waits until the handler's log has so many of the wanted lines, and gives the last.
    pub fn wait_for_lines(&self, count: usize, what: &str, wanted: impl Fn(&Line) -> bool) -> Line {
        wait_for_line(&self.process, what, count, wanted)
    }

    /// Stops devhost, and gives everything that it and the handler wrote.
    pub fn stop(mut self) -> Vec<String> {
        self.process.close_stdin();
        self.process.wait_for_end(PATIENCE);
        self.process.lines()
    }
}

/// A handler without a host: this process stands for it.
#[derive(Debug)]
pub struct Handler {
    process: Process,
    /// Where it listens.
    pub port: u16,
    _folder: TempDir,
}

impl Handler {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its log.
    pub fn log(&self) -> Vec<Line> {
        read_log(&self.process.lines())
    }

    /// Everything that it wrote.
    pub fn output(&self) -> Vec<String> {
        self.process.lines()
    }

    /// Waits for a line of its log.
    pub fn wait_for_line(&self, what: &str, wanted: impl Fn(&Line) -> bool) -> Line {
        wait_for_line(&self.process, what, 1, wanted)
    }

    /// Waits until its log has so many of the wanted lines, and gives the last.
    pub fn wait_for_lines(&self, count: usize, what: &str, wanted: impl Fn(&Line) -> bool) -> Line {
        wait_for_line(&self.process, what, count, wanted)
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for its end.
    pub fn wait_for_end(&mut self, within: Duration) -> ExitStatus {
        self.process.wait_for_end(within)
    }

    /// A direct request, with what a host in proxying mode adds.
    pub fn direct(&self, request: Request) -> Request {
        request
            .header("X-Azure-Functions-InvocationId", ID)
            .header("x-ms-invocation-id", ID)
    }
}

/// An invocation id such as a host gives.
pub const ID: &str = "3f0ad7ea-2d4f-4c39-9c12-7d0b8a5c7a10";

/// A process that ended by itself.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything that it wrote.
    pub lines: Vec<String>,
}

/// A port that nothing listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    address.port()
}

fn read_log(lines: &[String]) -> Vec<Line> {
    lines.iter().filter_map(|line| Line::read(line)).collect()
}

fn wait_for_line(
    process: &Process,
    what: &str,
    count: usize,
    wanted: impl Fn(&Line) -> bool,
) -> Line {
    process.wait_for(what, |lines| {
        let mut found = read_log(lines).into_iter().filter(&wanted);
        found.nth(count - 1)
    })
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn port(value: &Value) -> u16 {
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
    port.expect("the report has this port")
}

fn text(value: &Value) -> String {
    value.as_str().expect("the report has this text").to_owned()
}

fn write(path: &Path, json: &Value) {
    std::fs::write(path, json.to_string()).expect("the folder can be written to");
}

fn merge(into: &mut Value, members: &Value) {
    match (into, members) {
        (Value::Object(into), Value::Object(members)) => {
            for (name, member) in members {
                merge(into.entry(name).or_insert(Value::Null), member);
            }
        }
        (into, members) => *into = members.clone(),
    }
}
