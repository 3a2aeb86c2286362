//! An app folder in the making, and the start of what runs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries;
use crate::process::{PATIENCE, Process, UNTIL_STDIN_CLOSES};
use crate::running::{Ended, Handler, Host, free_port};

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

/// How the app was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Build {
    Debug,
    Release,
}

/// An app folder in the making.
#[derive(Debug, Clone)]
pub struct Setup {
    app: App,
    build: Build,
    host_json: Value,
    settings: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

impl Setup {
    /// The app, proxied, with settings by default.
    pub fn of(app: App) -> Self {
        let text = std::fs::read_to_string(repository().join("host.json"))
            .expect("the repository has a host.json");
        let host_json = serde_json::from_str(&text).expect("host.json is JSON");
        let setup = Self {
            app,
            build: Build::Debug,
            host_json,
            settings: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        setup.mode(Mode::Proxying)
    }

    /// The reference app as it is deployed.
    pub fn of_release() -> Self {
        Self {
            build: Build::Release,
            ..Self::of(App::Reference)
        }
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

    /// Puts a file into the app folder.
    #[must_use]
    pub fn file(mut self, name: &str, contents: &str) -> Self {
        self.files.insert(name.to_owned(), contents.to_owned());
        self
    }

    /// Starts devhost with the app behind it, and waits until it is ready.
    pub fn start(&self) -> Host {
        self.start_by(|mut command| Process::start(&mut command))
    }

    /// The same in a terminal, which the output goes to.
    pub fn start_in_terminal(&self) -> Host {
        self.start_by(Process::start_in_terminal)
    }

    fn start_by(&self, start: impl Fn(Command) -> Process) -> Host {
        let folder = self.assemble();
        let mut command = self.command("sh".as_ref());
        command
            .args(["-c", UNTIL_STDIN_CLOSES])
            .arg(binaries::path("stockade-devhost"))
            .arg(folder.path())
            .args(["--port", "0", "--json"])
            .args(self.random_secrets())
            .stdin(Stdio::piped());
        let process = start(command);
        let report = process.wait_for("devhost to be ready", |lines| {
            lines.iter().find_map(|line| {
                let report: Value = serde_json::from_str(line).ok()?;
                report["masterKey"].is_string().then_some(report)
            })
        });
        Host::new(process, &report, folder)
    }

    /// Starts the handler alone, and waits until it serves.
    pub fn start_handler(&self) -> Handler {
        let (port, folder) = (free_port(), self.assemble());
        let process = Process::start(&mut self.handler_command(port, &folder));
        let handler = Handler::new(process, port, folder);
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
        for (name, contents) in &self.files {
            std::fs::write(root.join(name), contents).expect("the folder can be written to");
        }
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

    /// Values for the secrets of the reference app, as `cargo fn dev` asks for them.
    fn random_secrets(&self) -> Vec<String> {
        let manifest = match self.app {
            App::Reference => self.manifest(),
            App::Gallery(_) => return Vec::new(),
        };
        let secrets = manifest["secrets"].as_array().into_iter().flatten();
        let names = secrets.filter_map(|secret| secret["name"].as_str());
        names
            .flat_map(|name| ["--random-secret".to_owned(), name.to_owned()])
            .collect()
    }

    fn binary(&self) -> &'static Path {
        match (self.app, self.build) {
            (App::Reference, Build::Release) => binaries::release("handler"),
            (App::Reference, Build::Debug) => binaries::path("handler"),
            (App::Gallery(_), _) => binaries::path("gallery"),
        }
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

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
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
