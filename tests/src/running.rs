//! What runs: devhost with the handler behind it, or the handler alone.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Answer, Request};
use crate::log::Line;
use crate::machine;
use crate::process::{PATIENCE, Process};

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
    vault: String,
    ca_file: String,
    folder: TempDir,
}

impl Host {
    /// What devhost reported of itself.
    pub(crate) fn new(process: Process, report: &Value, folder: TempDir) -> Self {
        Self {
            process,
            port: port(&report["port"]),
            handler_port: port(&report["handlerPort"]),
            master_key: text(&report["masterKey"]),
            tenant: text(&report["tenant"]),
            vault: text(&report["vault"]),
            ca_file: text(&report["caFile"]),
            folder,
        }
    }

    /// The master key.
    pub fn master_key(&self) -> &str {
        &self.master_key
    }

    /// The origin of the stand-in tenant.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The address of the stand-in vault.
    pub fn vault(&self) -> &str {
        &self.vault
    }

    /// The file with the roots of a client that is to trust the vault.
    pub fn ca_file(&self) -> &str {
        &self.ca_file
    }

    /// The app folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Lets the handler end and the host start another, and waits until that one serves.
    pub fn restart(&self) {
        let serving = |line: &Line| line.message() == "serving";
        let before = self.log().iter().filter(|line| serving(line)).count();
        let pid = i32::try_from(self.handler_pid()).ok();
        let pid = pid.and_then(Pid::from_raw).expect("a pid is positive");
        kill_process(pid, Signal::TERM).expect("the handler runs");
        self.wait_for_lines(before + 1, "another handler to serve", serving);
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
        let answer = self.ask_tenant("token", wanted);
        text(&answer.json()["access_token"])
    }

    /// Switches a fault of the stand-in tenant, as its own request wants it.
    pub fn fault(&self, wanted: &Value) {
        self.ask_tenant("fault", wanted);
    }

    fn ask_tenant(&self, what: &str, wanted: &Value) -> Answer {
        let port = self.tenant.rsplit_once(':').map(|(_, port)| port);
        let port = port.and_then(|port| port.parse().ok());
        let answer = Request::post(&format!("/stand-in/{what}"))
            .json(wanted)
            .send(port.expect("the tenant's origin ends with its port"));
        assert!((200..300).contains(&answer.status), "{answer:?}");
        answer
    }

    /// A user's token with these scopes.
    pub fn token_with(&self, scopes: &[&str]) -> String {
        self.token(&json!({ "scopes": scopes }))
    }

    /// Looks into the stand-in storage account, or fills it.
    pub fn storage(&self, request: Request) -> Answer {
        self.admin(request)
    }

    /// Sends a request to the admin API.
    pub fn admin(&self, request: Request) -> Answer {
        let answer = request
            .header("x-functions-key", &self.master_key)
            .send(self.port);
        assert!(answer.status < 300, "{answer:?}");
        answer
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
    pub(crate) fn new(process: Process, port: u16, folder: TempDir) -> Self {
        Self {
            process,
            port,
            _folder: folder,
        }
    }

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

/// A port that nothing listens on, and that no connection of another test takes before it is bound:
/// Linux gives those ports from 32768 on (ip-sysctl, `ip_local_port_range`).
pub fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);

    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        let place = std::process::id().wrapping_mul(97).wrapping_add(tried) % 12_000;
        let port = 20_000 + u16::try_from(place).expect("it is below 12000");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
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

fn port(value: &Value) -> u16 {
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
    port.expect("the report has this port")
}

fn text(value: &Value) -> String {
    value.as_str().expect("the report has this text").to_owned()
}
