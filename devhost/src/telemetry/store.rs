//! The memory of what came.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::counts::Counts;
use super::received::Received;
use super::record::{Attributes, Batch, Content, Log, Metric, Source, Span};
use super::show::Waiting;
use super::trace::{Added, Joined, Raw, Seen, Trace, join_log};

/// How many invocations are remembered.
pub(super) const MAX_INVOCATIONS: usize = 10_000;
/// Traces without an invocation come on top of those.
const MAX_TRACES: usize = 20_000;
/// How much memory traces may take, about.
const MAX_BYTES: usize = 128 * 1024 * 1024;
const MAX_SERIES: usize = 2000;
/// How far back the same line of another source may be.
const LATEST: usize = 1000;

#[derive(Debug)]
pub(super) struct Store {
    /// Grows with everything that changes, and never falls: not even when devhost is started again.
    pub(super) version: u64,
    /// The app by its own name.
    pub(super) app: Option<String>,
    traces: HashMap<String, Trace>,
    /// The traces in the order in which they began.
    order: VecDeque<String>,
    /// By number, the latest last.
    pub(super) invocations: BTreeMap<u64, Place>,
    next: u64,
    bytes: usize,
    /// How many invocations were forgotten for newer ones.
    pub(super) dropped: u64,
    /// Lines that belong to no trace.
    loose: Ring,
    pub(super) audit: Ring,
    series: BTreeMap<(Source, String, String), Series>,
    counts: Counts,
    pub(super) received: Received,
    pub(super) waiting: Waiting,
}

/// Where an invocation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) trace: String,
    pub(super) span: String,
}

/// A metric with one set of attributes.
#[derive(Debug)]
struct Series {
    attributes: Attributes,
    last: Metric,
    raw: Box<RawValue>,
    points: u64,
    sum: f64,
}

impl Store {
    pub(super) fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let milliseconds = since.map_or(0, |since| since.as_millis());
        Self {
            version: u64::try_from(milliseconds).unwrap_or_default(),
            app: None,
            traces: HashMap::new(),
            order: VecDeque::new(),
            invocations: BTreeMap::new(),
            next: 1,
            bytes: 0,
            dropped: 0,
            loose: Ring::new(1000),
            audit: Ring::new(5000),
            series: BTreeMap::new(),
            counts: Counts::default(),
            received: Received::default(),
            waiting: Waiting::default(),
        }
    }

    pub(super) fn forget(&mut self) {
        let (version, next) = (self.version + 1, self.next);
        *self = Self {
            version,
            next,
            ..Self::new()
        };
    }

    pub(super) fn count_request(&mut self, source: Source, status: Option<StatusCode>) {
        self.counts.request(source, status);
    }

    /// Remembers what a source sent.
    pub(super) fn take(&mut self, source: Source, batch: Batch) {
        for rejected in &batch.rejected {
            self.counts.rejected(source, rejected.signal);
        }
        if batch.app.is_some() {
            self.app = batch.app;
        }
        for item in batch.items {
            self.counts.item(source, item.content.signal());
            let raw = item.raw;
            match item.content {
                Content::Span(content) => self.take_span(Seen {
                    source,
                    raw,
                    content,
                }),
                Content::Log(content) => self.take_log(Seen {
                    source,
                    raw,
                    content,
                }),
                Content::Metric(metric) => self.take_metric(source, raw, metric),
            }
        }
        self.version += 1;
        self.make_room();
    }

    fn take_span(&mut self, seen: Seen<Span>) {
        let begins = seen.content.kind.begins();
        let place = Place {
            trace: seen.content.trace.clone(),
            span: seen.content.id.clone(),
        };
        let number = self.next;
        let trace = self.trace_for(&place.trace);
        let before = trace.bytes;
        let added = trace.add_span(seen);
        let grown = trace.bytes - before;
        if begins && matches!(added, Added::New) {
            trace.invocations.push(number);
            self.next += 1;
            self.waiting.push(place.clone());
            self.invocations.insert(number, place);
        }
        self.bytes += grown;
    }

    fn take_log(&mut self, seen: Seen<Log>) {
        if seen.content.is_audit {
            return self.audit.push(seen);
        }
        let Some(trace) = seen.content.trace.clone() else {
            return self.loose.push(seen);
        };
        let trace = self.trace_for(&trace);
        let before = trace.bytes;
        trace.add_log(seen);
        self.bytes += trace.bytes - before;
    }

    fn take_metric(&mut self, source: Source, raw: Box<RawValue>, metric: Metric) {
        let attributes = serde_json::to_string(&metric.attributes);
        let attributes = attributes.expect("attributes have names that are texts");
        let key = (source, metric.name.clone(), attributes);
        if let Some(series) = self.series.get_mut(&key) {
            series.points += 1;
            series.sum += metric.value;
            (series.last, series.raw) = (metric, raw);
        } else if self.series.len() < MAX_SERIES {
            let series = Series {
                attributes: metric.attributes.clone(),
                points: 1,
                sum: metric.value,
                last: metric,
                raw,
            };
            self.series.insert(key, series);
        }
    }

    fn trace_for(&mut self, id: &str) -> &mut Trace {
        if !self.traces.contains_key(id) {
            self.order.push_back(id.to_owned());
        }
        self.traces.entry(id.to_owned()).or_insert_with(Trace::new)
    }

    /// Forgets the oldest traces until all bounds are kept.
    fn make_room(&mut self) {
        while self.invocations.len() > MAX_INVOCATIONS
            || self.traces.len() > MAX_TRACES
            || self.bytes > MAX_BYTES
        {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            let Some(trace) = self.traces.remove(&oldest) else {
                continue;
            };
            self.bytes -= trace.bytes;
            for number in trace.invocations {
                self.invocations.remove(&number);
                self.dropped += 1;
            }
        }
    }

    pub(super) fn trace(&self, id: &str) -> Option<&Trace> {
        self.traces.get(id)
    }

    /// The audit events of a trace.
    pub(super) fn audit_of<'a>(&'a self, trace: &str) -> impl Iterator<Item = &'a Joined<Log>> {
        let trace = trace.to_owned();
        let events = self.audit.entries.iter();
        events.filter(move |event| event.best().trace.as_ref() == Some(&trace))
    }

    pub(super) fn report(&self) -> Value {
        let metrics = self.series.iter().map(|((source, name, _), series)| {
            json!({
                "source": source,
                "name": name,
                "attributes": series.attributes,
                "time": series.last.time.to_text(),
                "value": series.last.value,
                "count": series.last.count,
                "points": series.points,
                "sum": series.sum,
                "said": series.raw,
            })
        });
        json!({
            "version": self.version,
            "app": self.app,
            "sources": self.counts.report(),
            "traces": self.traces.len(),
            "invocations": self.invocations.len(),
            "audit": self.audit.entries.len(),
            "dropped": self.dropped,
            "metrics": metrics.collect::<Vec<_>>(),
        })
    }

    /// A trace in the words of the sources, as JSON text.
    pub(super) fn raw_trace(&self, id: &str) -> Option<String> {
        let audit: Vec<_> = self.audit_of(id).map(Joined::raw).collect();
        let trace = self.traces.get(id);
        if trace.is_none() && audit.is_empty() {
            return None;
        }
        let spans = trace.map_or_else(Vec::new, |trace| {
            let spans = trace.spans.iter();
            spans
                .map(|span| RawSpan {
                    span_id: &span.best().id,
                    said: span.raw(),
                })
                .collect()
        });
        let logs = trace.map_or_else(Vec::new, |trace| {
            trace.logs.iter().map(Joined::raw).collect()
        });
        Some(text(&RawTrace {
            trace_id: id,
            spans,
            logs,
            audit,
            dropped: trace.map_or(0, |trace| trace.dropped),
        }))
    }

    /// What belongs to no trace, and all audit events, in the words of the sources, as JSON text.
    pub(super) fn raw_logs(&self) -> String {
        text(&RawLogs {
            logs: self.loose.entries.iter().map(Joined::raw).collect(),
            audit: self.audit.entries.iter().map(Joined::raw).collect(),
        })
    }

    /// The invocations that have waited long enough for more of them to come.
    pub(super) fn take_quiet(&mut self, now: Instant) -> Vec<Place> {
        let traces = &self.traces;
        self.waiting
            .take(|place| Some(now.duration_since(traces.get(&place.trace)?.changed)))
    }
}

/// Typed, because the sources' own text would not survive a [`Value`] as it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawTrace<'a> {
    trace_id: &'a str,
    spans: Vec<RawSpan<'a>>,
    logs: Vec<Vec<Raw<'a>>>,
    audit: Vec<Vec<Raw<'a>>>,
    dropped: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawSpan<'a> {
    span_id: &'a str,
    said: Vec<Raw<'a>>,
}

#[derive(Serialize)]
struct RawLogs<'a> {
    logs: Vec<Vec<Raw<'a>>>,
    audit: Vec<Vec<Raw<'a>>>,
}

fn text(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("documents have string keys only")
}

/// The latest lines, within a bound.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) entries: VecDeque<Joined<Log>>,
    bytes: usize,
    most: usize,
}

impl Ring {
    const MAX_BYTES: usize = 16 * 1024 * 1024;

    fn new(most: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            most,
        }
    }

    fn push(&mut self, seen: Seen<Log>) {
        self.bytes += seen.bytes();
        let latest = self.entries.iter_mut().rev().take(LATEST);
        if let Some(seen) = join_log(latest, seen) {
            self.entries.push_back(Joined::new(seen));
        }
        while self.entries.len() > self.most || self.bytes > Self::MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes();
        }
    }
}
