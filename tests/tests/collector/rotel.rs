//! Rotel in a process of its own, and what it says that it has read.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};

use stockade_tests::process::{PATIENCE, Process, UNTIL_STDIN_CLOSES, poll};
use tempfile::TempDir;

/// A running Rotel. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Rotel {
    process: Process,
    _folder: TempDir,
}

impl Rotel {
    /// Takes OTLP at a port of this machine, tells all of it, and sends it on to another.
    pub(crate) fn start(port: u16, onwards: &str) -> Self {
        let agent = std::env::var_os("ROTEL").expect(".ci/collector sets ROTEL");
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("sh");
        command
            .args(["-c", UNTIL_STDIN_CLOSES])
            .arg(agent)
            .arg("start")
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{port}")])
            // Nobody asks there, but a usual port may be another's.
            .args(["--otlp-grpc-endpoint", "127.0.0.1:0"])
            .args(["traces", "metrics", "logs"].map(|signal| format!("--debug-log={signal}")))
            .args(["--debug-log-verbosity", "detailed"])
            .args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"])
            .args(["--otlp-exporter-endpoint", onwards])
            .arg("--pid-file")
            .arg(folder.path().join("pid"))
            .arg("--log-file")
            .arg(folder.path().join("log"))
            .current_dir(&folder)
            .env_clear()
            .stdin(Stdio::piped());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        let process = Process::start(&mut command);
        poll("Rotel to listen", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        Self {
            process,
            _folder: folder,
        }
    }

    /// Stops it, and gives everything that it wrote.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.process.close_stdin();
        self.process.wait_for_end(PATIENCE);
        self.process.lines()
    }
}

/// What is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Span,
    Record,
    Metric,
}

/// A span, a log record or a metric as Rotel read it.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) what: What,
    /// Of the app, with the kind of value: `Str(orders)`.
    pub(crate) resource: BTreeMap<String, String>,
    /// Who says it.
    pub(crate) scope: String,
    /// Everything that has a name of OTLP's own.
    members: BTreeMap<String, String>,
    /// The attributes, those of all points of a metric together, with the kinds of their values.
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Told {
    /// What a member is said to be.
    pub(crate) fn member(&self, name: &str) -> &str {
        let member = self.members.get(name);
        member.unwrap_or_else(|| panic!("Rotel does not tell {name:?}: {self:?}"))
    }

    /// A time, in nanoseconds since 1970.
    pub(crate) fn nanoseconds(&self, name: &str) -> u64 {
        let member = self.member(name).parse();
        member.unwrap_or_else(|_| panic!("{name:?} is no time: {self:?}"))
    }

    /// The names of the attributes.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.attributes.keys().map(String::as_str).collect()
    }
}

/// Reads what Rotel wrote.
pub(crate) fn read(lines: &[String]) -> Vec<Told> {
    let mut reading = Reading::default();
    for line in lines {
        reading.read(line);
    }
    reading.told
}

#[derive(Default)]
struct Reading {
    told: Vec<Told>,
    resource: BTreeMap<String, String>,
    scope: String,
    list: List,
}

/// What the entries are that begin with an arrow.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum List {
    #[default]
    Attributes,
    Resource,
    Members,
}

impl Reading {
    fn read(&mut self, line: &str) {
        let line = line.trim();
        let entry = line.strip_prefix("-> ");
        if let Some(entry) = entry {
            self.add(self.list, entry);
        } else if let Some(list) = list(line) {
            self.list = list;
        } else if let Some(scope) = line.strip_prefix("InstrumentationScope ") {
            self.scope = scope.trim().to_owned();
        } else if let Some(what) = begins(line) {
            self.told.push(Told {
                what,
                resource: self.resource.clone(),
                scope: self.scope.clone(),
                members: BTreeMap::new(),
                attributes: BTreeMap::new(),
            });
        } else if line.starts_with("Resource") && line.contains(" #") {
            self.resource.clear();
        } else {
            self.add(List::Members, line);
        }
    }

    fn add(&mut self, list: List, entry: &str) {
        let Some((name, value)) = entry.split_once(':') else {
            return;
        };
        let into = match (list, self.told.last_mut()) {
            (List::Resource, _) => &mut self.resource,
            (List::Attributes, Some(told)) => &mut told.attributes,
            (List::Members, Some(told)) => &mut told.members,
            (List::Attributes | List::Members, None) => return,
        };
        into.insert(name.trim().to_owned(), value.trim().to_owned());
    }
}

fn list(line: &str) -> Option<List> {
    Some(match line {
        "Resource attributes:" => List::Resource,
        "Attributes:" | "Data point attributes:" => List::Attributes,
        "Descriptor:" => List::Members,
        _ => return None,
    })
}

fn begins(line: &str) -> Option<What> {
    let (word, number) = line.split_once(" #")?;
    number.parse::<usize>().ok()?;
    Some(match word {
        "Span" => What::Span,
        "LogRecord" => What::Record,
        "Metric" => What::Metric,
        _ => return None,
    })
}
