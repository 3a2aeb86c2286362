//! A copy of the project in a folder of its own, and a devhost that only listens.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The repository's root.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// host.json and what is kept in step with the code, copied.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for file in [
            "host.json",
            "handler/manifest.json",
            "docs/audit.md",
            "docs/settings.md",
            "docs/triggers.md",
        ] {
            let copy = project.path(file);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(repository().join(file), copy).unwrap();
        }
        project
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    pub(crate) fn json(&self, file: &str) -> Value {
        serde_json::from_str(&self.read(file)).unwrap()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `cargo fn` in this project, as cargo would start it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handler"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", self.path("nothing"))
            .env("CARGO", "cargo")
            .env("CARGO_MANIFEST_DIR", self.path("handler"))
            .env("CARGO_TARGET_DIR", self.path("target"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }
}

/// How a command ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) remarks: String,
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        Self {
            code: status.code(),
            output: String::from_utf8(stdout).unwrap(),
            remarks: String::from_utf8(stderr).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Takes what devhost and its tenant would be sent, and answers as it is told.
pub(crate) struct FakeDevhost {
    requests: Arc<Mutex<Vec<Received>>>,
}

/// A request that came in.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|(own, value)| (own == name).then_some(value.as_str()))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl FakeDevhost {
    /// Listens, and leaves its notes in the project as devhost does. Functions answer with `status`.
    pub(crate) fn start(project: &Project, status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        leave_notes(project, &origin, std::process::id());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let received = answer(&stream.unwrap(), status);
                record.lock().unwrap().push(received);
            }
        });
        Self { requests }
    }

    /// What came in so far, in its order.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }
}

/// What devhost writes into the folder that it serves.
pub(crate) fn leave_notes(project: &Project, origin: &str, pid: u32) {
    let notes = json!({
        "host": origin,
        "tenant": origin,
        "tenantId": "7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384",
        "audience": "e2a5d1b0-6f47-4c39-8a1e-5b7d90c3f612",
        "masterKey": "not-a-key",
        "pid": pid,
    });
    project.write("target/app/.devhost.json", &notes.to_string());
}

/// The token that the tenant of [`FakeDevhost`] gives.
pub(crate) const TOKEN: &str = "a.token.of-nobody";

fn answer(stream: &TcpStream, status: u16) -> Received {
    let mut reader = BufReader::new(stream);
    let mut next = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let line = next();
    let mut headers = Vec::new();
    while let Some((name, value)) = next().split_once(": ") {
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut received = Received {
        line,
        headers,
        body: String::new(),
    };
    let length = received
        .header("content-length")
        .map(|text| text.parse().unwrap());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    received.body = String::from_utf8(body).unwrap();
    let (status, body) = if received.line.contains("/stand-in/token") {
        (200, json!({"access_token": TOKEN}))
    } else {
        (status, json!({"answered": true}))
    };
    let body = body.to_string();
    let mut writer = stream;
    write!(
        writer,
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    received
}
