//! What is known of one trace, whoever said it.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::record::{Attributes, Log, Source, Span};

/// The most that is kept of one trace, each way of saying it counted.
const MAX_SPANS: usize = 1000;
const MAX_LOGS: usize = 1000;

/// One thing, in the words of each source.
#[derive(Debug)]
pub(super) struct Joined<T> {
    seen: Vec<Seen<T>>,
}

#[derive(Debug)]
pub(super) struct Seen<T> {
    pub(super) source: Source,
    pub(super) raw: Box<RawValue>,
    pub(super) content: T,
}

impl<T> Seen<T> {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        const OVERHEAD: usize = 512;
        // The text, and as much again for what was read from it.
        self.raw.get().len() * 2 + OVERHEAD
    }
}

impl<T> Joined<T> {
    pub(super) fn new(seen: Seen<T>) -> Self {
        Self { seen: vec![seen] }
    }

    /// The words of the source that says most: OTLP has types and nanoseconds.
    pub(super) fn best(&self) -> &T {
        let otlp = self.seen.iter().find(|seen| seen.source == Source::Otlp);
        &otlp.unwrap_or(&self.seen[0]).content
    }

    pub(super) fn sources(&self) -> Vec<Source> {
        let mut sources: Vec<Source> = self.seen.iter().map(|seen| seen.source).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    pub(super) fn bytes(&self) -> usize {
        self.seen.iter().map(Seen::bytes).sum()
    }

    /// As each source said it.
    pub(super) fn raw(&self) -> Vec<Raw<'_>> {
        let seen = self.seen.iter();
        seen.map(|seen| Raw {
            source: seen.source,
            said: &seen.raw,
        })
        .collect()
    }

    fn is_from(&self, source: Source) -> bool {
        self.seen.iter().any(|seen| seen.source == source)
    }
}

/// What a source said, word for word.
#[derive(Debug, Serialize)]
pub(super) struct Raw<'a> {
    source: Source,
    said: &'a RawValue,
}

impl Joined<Span> {
    /// What any source says of it; in case of doubt OTLP.
    pub(super) fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        let mut seen: Vec<&Seen<Span>> = self.seen.iter().collect();
        seen.sort_by_key(|seen| seen.source);
        for seen in seen {
            attributes.extend(seen.content.attributes.clone());
        }
        attributes.retain(|name, _| !is_of_resource(name));
        attributes
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name)?.as_str()
    }

    /// A number, which Application Insights has as a text.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.attribute(name)? {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        }
    }

    fn attribute(&self, name: &str) -> Option<&Value> {
        let own = self.best().attributes.get(name);
        own.or_else(|| {
            let mut seen = self.seen.iter();
            seen.find_map(|seen| seen.content.attributes.get(name))
        })
    }

    /// The outcome that the app names, or else whether it failed.
    pub(super) fn outcome(&self) -> &str {
        self.text("stockade.outcome")
            .unwrap_or(match self.failed() {
                true => "failed",
                false => "succeeded",
            })
    }

    fn failed(&self) -> bool {
        self.seen.iter().any(|seen| seen.content.failed)
    }

    pub(super) fn rule(&self) -> Option<&str> {
        self.text("error.type")
    }
}

impl Joined<Log> {
    /// Whether both are the same line, told by another source. Application Insights is told the time to
    /// the millisecond.
    fn is_same(&self, other: &Seen<Log>) -> bool {
        let (one, two) = (self.best(), &other.content);
        !self.is_from(other.source)
            && one.time.milliseconds() == two.time.milliseconds()
            && one.message == two.message
            && one.span == two.span
            && one.trace == two.trace
            && one.attributes.get(AUDIT_ID) == two.attributes.get(AUDIT_ID)
    }
}

/// The attribute by which audit events are told apart that say the same at the same time.
const AUDIT_ID: &str = "audit.id";

/// Puts a line beside what another source said of it, among the latest ones.
pub(super) fn join_log<'a>(
    latest: impl Iterator<Item = &'a mut Joined<Log>>,
    seen: Seen<Log>,
) -> Option<Seen<Log>> {
    for joined in latest {
        if joined.is_same(&seen) {
            joined.seen.push(seen);
            return None;
        }
    }
    Some(seen)
}

/// What Application Insights repeats on each item of what it is told once of the app.
fn is_of_resource(name: &str) -> bool {
    ["service.", "telemetry.sdk.", "cloud."]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// One trace.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) spans: Vec<Joined<Span>>,
    pub(super) logs: Vec<Joined<Log>>,
    /// The numbers of its invocations.
    pub(super) invocations: Vec<u64>,
    pub(super) bytes: usize,
    /// When something of it came last.
    pub(super) changed: Instant,
    /// What is not kept.
    pub(super) dropped: usize,
}

/// What became of a span.
pub(super) enum Added {
    /// Nothing was known of it before.
    New,
    Joined,
    Dropped,
}

impl Trace {
    pub(super) fn new() -> Self {
        Self {
            spans: Vec::new(),
            logs: Vec::new(),
            invocations: Vec::new(),
            bytes: 0,
            changed: Instant::now(),
            dropped: 0,
        }
    }

    pub(super) fn add_span(&mut self, seen: Seen<Span>) -> Added {
        self.changed = Instant::now();
        let count: usize = self.spans.iter().map(|span| span.seen.len()).sum();
        if count >= MAX_SPANS {
            self.dropped += 1;
            return Added::Dropped;
        }
        self.bytes += seen.bytes();
        let mut known = self.spans.iter_mut();
        match known.find(|span| span.seen[0].content.id == seen.content.id) {
            Some(known) => {
                known.seen.push(seen);
                Added::Joined
            }
            None => {
                self.spans.push(Joined::new(seen));
                Added::New
            }
        }
    }

    pub(super) fn add_log(&mut self, seen: Seen<Log>) {
        self.changed = Instant::now();
        if self.logs.len() >= MAX_LOGS {
            self.dropped += 1;
            return;
        }
        self.bytes += seen.bytes();
        if let Some(seen) = join_log(self.logs.iter_mut().rev(), seen) {
            self.logs.push(Joined::new(seen));
        }
    }

    pub(super) fn span(&self, id: &str) -> Option<&Joined<Span>> {
        self.spans.iter().find(|span| span.best().id == id)
    }

    /// The outcome of a span of this trace. A part in which an invocation ended badly ended as that did: the
    /// stage in which a caller is turned away has not failed.
    pub(super) fn outcome<'a>(&'a self, span: &'a Joined<Span>) -> &'a str {
        const MAX_STEPS: usize = 16;
        let own = span.outcome();
        if !span.failed() || span.text("stockade.outcome").is_some() {
            return own;
        }
        let mut above = Some(span);
        for _ in 0..MAX_STEPS {
            let Some(span) = above else { break };
            if span.best().kind.begins() && span.outcome() != "succeeded" {
                return span.outcome();
            }
            above = span.best().parent.as_deref().and_then(|id| self.span(id));
        }
        own
    }
}
