//! What came, by source.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::record::{Signal, Source};

/// How much of a signal came from a source.
#[derive(Debug, Default, Serialize)]
struct Count {
    items: u64,
    rejected: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    items: BTreeMap<(Source, Signal), Count>,
    /// Answers by status; none is a connection that was broken off.
    requests: BTreeMap<(Source, Option<u16>), u64>,
}

impl Counts {
    pub(super) fn item(&mut self, source: Source, signal: Signal) {
        self.items.entry((source, signal)).or_default().items += 1;
    }

    pub(super) fn rejected(&mut self, source: Source, signal: Signal) {
        self.items.entry((source, signal)).or_default().rejected += 1;
    }

    pub(super) fn request(&mut self, source: Source, status: Option<StatusCode>) {
        let status = status.map(|status| status.as_u16());
        *self.requests.entry((source, status)).or_default() += 1;
    }

    /// `{source: {requests, statuses: {…}, signals: {signal: {items, rejected}}}}`.
    pub(super) fn report(&self) -> Value {
        let report = [Source::ApplicationInsights, Source::Otlp].map(|source| {
            let answers = || self.requests.iter().filter(|((of, _), _)| *of == source);
            let statuses: BTreeMap<String, u64> = answers()
                .filter_map(|((_, status), count)| Some((status.as_ref()?.to_string(), *count)))
                .collect();
            let signals: BTreeMap<&str, &Count> = self
                .items
                .iter()
                .filter(|((of, _), _)| *of == source)
                .map(|((_, signal), count)| (signal.word(), count))
                .collect();
            let requests: u64 = answers().map(|(_, count)| count).sum();
            let told = json!({"requests": requests, "statuses": statuses, "signals": signals});
            (source.word().to_owned(), told)
        });
        Value::Object(report.into_iter().collect())
    }
}
