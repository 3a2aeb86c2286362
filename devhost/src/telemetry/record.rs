//! What a source says, in the form that both have in common.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::newtonsoft::{Date, DateKind};

/// The target of audit events, which is how they are told from other lines.
const AUDIT: &str = "stockade::audit";
/// Attributes that say what wrote a line.
const TARGETS: [&str; 3] = ["target", "log.target", "code.namespace"];
/// How the names of audit events begin. Application Insights is not told what wrote a line.
const AUDITED: [&str; 8] = [
    "access.",
    "app.",
    "auth.",
    "configuration.",
    "event.",
    "input.",
    "keys.",
    "secret.",
];

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// Envelopes for Application Insights.
    ApplicationInsights,
    /// OTLP over HTTP.
    Otlp,
}

impl Source {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::ApplicationInsights => "applicationInsights",
            Self::Otlp => "otlp",
        }
    }

    pub(crate) fn of(word: &str) -> Option<Self> {
        [Self::ApplicationInsights, Self::Otlp]
            .into_iter()
            .find(|source| source.word() == word)
    }
}

/// What something is said about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

pub(super) type Attributes = BTreeMap<String, Value>;

/// Nanoseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(pub(super) u64);

impl Time {
    /// Reads RFC 3339.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let epoch = Date::at(UNIX_EPOCH, DateKind::Utc).ticks();
        let ticks = Date::parse(text)?.ticks().checked_sub(epoch)?;
        u64::try_from(ticks).ok()?.checked_mul(100).map(Self)
    }

    /// RFC 3339 in UTC, to 100 ns.
    pub(super) fn to_text(self) -> String {
        Date::at(UNIX_EPOCH + Duration::from_nanos(self.0), DateKind::Utc).to_iso()
    }

    /// Application Insights is told no more than that.
    pub(super) fn milliseconds(self) -> u64 {
        self.0 / 1_000_000
    }
}

/// How bad a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// What a span did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SpanKind {
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

impl SpanKind {
    /// Whether such a span begins an invocation.
    pub(super) fn begins(self) -> bool {
        matches!(self, Self::Server | Self::Consumer)
    }
}

#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) name: String,
    pub(super) kind: SpanKind,
    pub(super) start: Time,
    pub(super) duration: Duration,
    pub(super) failed: bool,
    pub(super) attributes: Attributes,
}

/// A line, an event of a span, an exception or an audit event.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) trace: Option<String>,
    pub(super) span: Option<String>,
    pub(super) time: Time,
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) attributes: Attributes,
    pub(super) is_audit: bool,
}

#[derive(Debug)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) time: Time,
    /// A sum, a last value, or the sum of a histogram.
    pub(super) value: f64,
    pub(super) count: Option<u64>,
    pub(super) attributes: Attributes,
}

#[derive(Debug)]
pub(super) enum Content {
    Span(Span),
    Log(Log),
    Metric(Metric),
}

impl Content {
    pub(super) fn signal(&self) -> Signal {
        match self {
            Self::Span(_) => Signal::Traces,
            Self::Log(_) => Signal::Logs,
            Self::Metric(_) => Signal::Metrics,
        }
    }
}

/// One thing as a source said it.
#[derive(Debug)]
pub(super) struct Item {
    /// Its place in the request.
    pub(super) index: usize,
    /// As it came, or the like of it in JSON.
    pub(super) raw: Box<RawValue>,
    pub(super) content: Content,
}

/// What a request held.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    /// The app by its own name, if it says so.
    pub(super) app: Option<String>,
    /// What cannot be taken, by its place in the request.
    pub(super) rejected: Vec<Rejected>,
}

/// Why a request cannot be taken at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoBatch {
    Malformed,
    TooMany,
}

impl NoBatch {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    pub(super) index: usize,
    pub(super) signal: Signal,
    pub(super) status: u16,
    pub(super) why: &'static str,
}

/// Whether a line is an audit event: by what wrote it, or where nobody says that, by its name.
pub(super) fn is_audit(scope: Option<&str>, attributes: &Attributes, message: &str) -> bool {
    let named = TARGETS
        .iter()
        .find_map(|name| attributes.get(*name)?.as_str());
    match scope.into_iter().chain(named).collect::<Vec<_>>()[..] {
        [] => {
            let mut beginnings = AUDITED.iter();
            let rest = beginnings.find_map(|beginning| message.strip_prefix(beginning));
            rest.is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_lowercase())
            })
        }
        ref targets => targets.contains(&AUDIT),
    }
}
