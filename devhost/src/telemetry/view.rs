//! What the page shows.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::record::{Log, Span, Time};
use super::store::{MAX_INVOCATIONS, Place, Store};
use super::trace::{Joined, Trace};

/// How many entries an answer has unless it is asked for fewer or more, and the most.
const USUAL: usize = 100;
const MOST: usize = 500;
/// An event that was set aside, among the audit events.
const QUARANTINED: &str = "event.quarantined";

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    view: View<'a>,
    /// The version that the client has.
    pub(super) since: Option<u64>,
    limit: usize,
    before: Option<u64>,
    function: Option<String>,
    outcome: Option<String>,
    event: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum View<'a> {
    Summary,
    Invocations,
    Trace(&'a str),
    Audit,
}

impl<'a> Wanted<'a> {
    /// Reads a path and its query; `None` is no such address.
    ///
    /// # Errors
    ///
    /// What is wrong with the query.
    pub(super) fn of(path: &'a str, query: &str) -> Result<Option<Self>, &'static str> {
        let view = match path.strip_prefix("/telemetry/") {
            Some("summary") => View::Summary,
            Some("invocations") => View::Invocations,
            Some("audit") => View::Audit,
            Some(path) => match path.strip_prefix("traces/") {
                Some(trace) => View::Trace(trace),
                None => return Ok(None),
            },
            None => return Ok(None),
        };
        let mut wanted = Self {
            view,
            since: None,
            limit: USUAL,
            before: None,
            function: None,
            outcome: None,
            event: None,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let number = || value.parse::<u64>().map_err(|_| "a number is wanted");
            let text = || Some(value.clone().into_owned()).filter(|text| !text.is_empty());
            match name.as_ref() {
                "since" => wanted.since = Some(number()?),
                "before" => wanted.before = Some(number()?),
                "limit" => {
                    let limit = usize::try_from(number()?).unwrap_or(MOST);
                    wanted.limit = limit.clamp(1, MOST);
                }
                "function" => wanted.function = text(),
                "outcome" => wanted.outcome = text(),
                "event" => wanted.event = text(),
                _ => return Err("a name in the query is not known"),
            }
        }
        Ok(Some(wanted))
    }
}

/// Invocations by what became of them.
#[derive(Debug, Default, Serialize)]
struct Tally {
    invocations: u64,
    refusals: u64,
    failures: u64,
    quarantined: u64,
}

impl Tally {
    fn count(&mut self, outcome: &str) {
        self.invocations += 1;
        match outcome {
            "denied" | "rejected" | "refused" | "unavailable" => self.refusals += 1,
            "failed" => self.failures += 1,
            _ => {}
        }
    }
}

impl Store {
    /// What is wanted; `None` is no such trace.
    pub(super) fn view(&self, wanted: &Wanted<'_>) -> Option<Value> {
        match wanted.view {
            View::Summary => Some(self.summary()),
            View::Invocations => Some(self.list(wanted)),
            View::Audit => Some(self.audit(wanted)),
            View::Trace(id) => self.whole(id),
        }
    }

    fn summary(&self) -> Value {
        let mut all = Tally::default();
        let mut functions: BTreeMap<&str, Tally> = BTreeMap::new();
        let mut rules: BTreeMap<&str, u64> = BTreeMap::new();
        let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, span) in self.invocations.values().filter_map(|at| self.find(at)) {
            all.count(span.outcome());
            functions
                .entry(function(span))
                .or_default()
                .count(span.outcome());
            *outcomes.entry(span.outcome()).or_default() += 1;
            if let Some(rule) = span.rule() {
                *rules.entry(rule).or_default() += 1;
            }
        }
        for event in &self.audit.entries {
            let event = event.best();
            if event.message != QUARANTINED {
                continue;
            }
            let count = times(event);
            all.quarantined += count;
            if let Some(name) = event
                .attributes
                .get("function.name")
                .and_then(Value::as_str)
            {
                functions.entry(name).or_default().quarantined += count;
            }
        }
        let mut summary = json!(all);
        summary["app"] = json!(self.app);
        summary["functions"] = json!(functions);
        summary["rules"] = json!(rules);
        summary["outcomes"] = json!(outcomes);
        summary["dropped"] = self.dropped.into();
        summary["bound"] = MAX_INVOCATIONS.into();
        summary
    }

    fn list(&self, wanted: &Wanted<'_>) -> Value {
        let before = wanted.before.unwrap_or(u64::MAX);
        let numbered = self.invocations.range(..before).rev();
        let mut found = numbered.filter_map(|(number, at)| {
            let (trace, span) = self.find(at)?;
            let is_wanted = wanted
                .function
                .as_deref()
                .is_none_or(|name| name == function(span))
                && wanted
                    .outcome
                    .as_deref()
                    .is_none_or(|outcome| outcome == span.outcome());
            is_wanted.then(|| (*number, invocation(trace, span)))
        });
        let shown: Vec<(u64, Value)> = found.by_ref().take(wanted.limit).collect();
        let next = found.next().and(shown.last()).map(|(number, _)| *number);
        let items: Vec<Value> = shown.into_iter().map(|(_, told)| told).collect();
        json!({"items": items, "next": next})
    }

    fn whole(&self, id: &str) -> Option<Value> {
        let audit: Vec<Value> = self.audit_of(id).map(line).collect();
        let Some(trace) = self.trace(id) else {
            let is_known = !audit.is_empty();
            let told =
                json!({"traceId": id, "spans": [], "logs": [], "audit": audit, "dropped": 0});
            return is_known.then_some(told);
        };
        let mut spans: Vec<&Joined<Span>> = trace.spans.iter().collect();
        spans.sort_by_key(|span| span.best().start);
        let began = spans.first().map_or(Time(0), |span| span.best().start);
        let spans: Vec<Value> = spans
            .into_iter()
            .map(|s| span_of(trace, s, began))
            .collect();
        let mut logs: Vec<&Joined<Log>> = trace.logs.iter().collect();
        logs.sort_by_key(|log| log.best().time);
        let logs: Vec<Value> = logs.into_iter().map(line).collect();
        Some(json!({
            "traceId": id,
            "spans": spans,
            "logs": logs,
            "audit": audit,
            "dropped": trace.dropped,
        }))
    }

    fn audit(&self, wanted: &Wanted<'_>) -> Value {
        let is_wanted = |event: &&Joined<Log>| {
            let name = wanted.event.as_deref();
            name.is_none_or(|name| name == event.best().message)
        };
        let events = self.audit.entries.iter().rev().filter(is_wanted);
        let items: Vec<Value> = events.take(wanted.limit).map(line).collect();
        json!({"items": items})
    }

    pub(super) fn find(&self, at: &Place) -> Option<(&Trace, &Joined<Span>)> {
        let trace = self.trace(&at.trace)?;
        Some((trace, trace.span(&at.span)?))
    }
}

/// The function that an invocation is of.
pub(super) fn function(span: &Joined<Span>) -> &str {
    span.text("faas.name").unwrap_or(&span.best().name)
}

fn invocation(trace: &Trace, span: &Joined<Span>) -> Value {
    let best = span.best();
    json!({
        "traceId": best.trace,
        "spanId": best.id,
        "time": best.start.to_text(),
        "function": function(span),
        "trigger": span.text("faas.trigger"),
        "outcome": span.outcome(),
        "rule": span.rule(),
        "status": span.number("http.response.status_code"),
        "durationMs": milliseconds(best.duration),
        "invocationId": span.text("faas.invocation_id"),
        "spans": trace.spans.len(),
        "logs": trace.logs.len(),
        "sources": span.sources(),
    })
}

fn span_of(trace: &Trace, span: &Joined<Span>, began: Time) -> Value {
    let best = span.best();
    let start = Duration::from_nanos(best.start.0.saturating_sub(began.0));
    json!({
        "id": best.id,
        "parentId": best.parent,
        "name": best.name,
        "kind": best.kind,
        "startMs": milliseconds(start),
        "durationMs": milliseconds(best.duration),
        "outcome": trace.outcome(span),
        "rule": span.rule(),
        "attributes": span.attributes(),
        "sources": span.sources(),
    })
}

fn line(log: &Joined<Log>) -> Value {
    let sources = log.sources();
    let log = log.best();
    json!({
        "time": log.time.to_text(),
        "level": log.level,
        "message": log.message,
        "traceId": log.trace,
        "spanId": log.span,
        "attributes": log.attributes,
        "sources": sources,
    })
}

/// How many alike events one stands for.
fn times(event: &Log) -> u64 {
    let count = event.attributes.get("count");
    count
        .and_then(|count| match count {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        })
        .unwrap_or(1)
}

/// To the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
