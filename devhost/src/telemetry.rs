//! A stand-in for what watches over an app: the ingestion of Application Insights, a receiver of OTLP, and
//! a memory of what came, for people, the terminal and tests.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /v2/track` by TLS, at a host of its own | takes envelopes, in an array or one a line, gzipped or not |
//! | `POST /v1/traces`, `/v1/metrics`, `/v1/logs` at the tenant's port | takes OTLP in protobuf, gzipped or not |
//! | `GET /` there | the page |
//! | `GET /telemetry/…` there | what the page shows |
//!
//! Application Insights takes a bearer token of the stand-in tenant for [`RESOURCE`] where the handler is told
//! to bring one (Azure Monitor, "Microsoft Entra authentication for Application Insights"), and answers as
//! `TrackResponse` (ingestion API v2.1). OTLP is OTLP/HTTP 1.x; its JSON form is refused.
//!
//! What both say of one span or line is kept side by side, with the ids as each wrote them. Everything is
//! bounded: requests, items, and what is remembered. What came is told to every local program that asks.

mod body;
mod counts;
mod fault;
mod insights;
mod otlp;
mod page;
mod received;
mod record;
mod service;
mod show;
mod store;
#[cfg(test)]
mod tests;
mod trace;
mod tree;
mod view;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use uuid::Uuid;

pub use fault::FaultKind;
pub use record::Source;

use crate::fault::{Fault, Faults};
use store::Store;

/// What tokens for the ingestion are for.
pub const RESOURCE: &str = "https://monitor.azure.com";
/// The ingestion's host.
pub(crate) const HOST: &str = "devhost.ingestion.localhost";

/// The stand-in. Clones share what came, faults and counts.
#[derive(Debug, Clone)]
pub struct Telemetry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Without a slash at the end.
    ingestion: String,
    /// The port at which OTLP and the page are, which their `Host` has to name.
    port: u16,
    key: String,
    asks_for_token: AtomicBool,
    insights_faults: Faults<FaultKind>,
    otlp_faults: Faults<FaultKind>,
    store: Mutex<Store>,
}

impl Telemetry {
    /// A stand-in whose ingestion is reached at this origin, such as
    /// `https://devhost.ingestion.localhost:7074`, and all else at this port of 127.0.0.1.
    pub fn new(ingestion: impl Into<String>, port: u16) -> Self {
        Self {
            shared: Arc::new(Shared {
                ingestion: ingestion.into().trim_end_matches('/').to_owned(),
                port,
                key: Uuid::new_v4().to_string(),
                asks_for_token: AtomicBool::new(true),
                insights_faults: Faults::new(),
                otlp_faults: Faults::new(),
                store: Mutex::new(Store::new()),
            }),
        }
    }

    /// How an app is told of the ingestion (Application Insights, "Connection strings").
    pub fn connection_string(&self) -> String {
        let Shared { ingestion, key, .. } = &*self.shared;
        format!("InstrumentationKey={key};IngestionEndpoint={ingestion}/")
    }

    /// Where OTLP is taken.
    pub(crate) fn otlp_endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.shared.port)
    }

    /// The page's address.
    pub(crate) fn page(&self) -> String {
        format!("http://127.0.0.1:{}/", self.shared.port)
    }

    /// Whether the ingestion takes nothing without a token.
    pub fn ask_for_token(&self, asks: bool) {
        self.shared.asks_for_token.store(asks, Ordering::Relaxed);
    }

    /// Switches a fault on, in place of the one that the source had.
    pub fn set_fault(&self, source: Source, fault: Fault<FaultKind>) {
        self.faults(source).set(fault);
    }

    /// Forgets everything that came, and the counts of it.
    pub fn forget(&self) {
        self.lock().forget();
    }

    /// What is going on: faults, requests, items by source and signal, and the last value of each metric.
    pub(crate) fn report(&self) -> Value {
        let mut report = self.lock().report();
        report["connectionString"] = self.connection_string().into();
        report["otlpEndpoint"] = self.otlp_endpoint().into();
        report["faults"] = [Source::ApplicationInsights, Source::Otlp]
            .map(|source| (source.word(), self.faults(source).current()))
            .into_iter()
            .map(|(word, fault)| (word.to_owned(), serde_json::json!(fault)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        report
    }

    /// All that is known of a trace, by which source said it, as JSON text.
    pub(crate) fn raw_trace(&self, trace: &str) -> Option<String> {
        self.lock().raw_trace(trace)
    }

    /// The lines that belong to no trace, and the audit events, as JSON text.
    pub(crate) fn raw_logs(&self) -> String {
        self.lock().raw_logs()
    }

    /// The latest requests, byte for byte.
    pub(crate) fn received(&self) -> Value {
        self.lock().received.report()
    }

    pub(crate) fn faults(&self, source: Source) -> &Faults<FaultKind> {
        match source {
            Source::ApplicationInsights => &self.shared.insights_faults,
            Source::Otlp => &self.shared.otlp_faults,
        }
    }

    fn asks_for_token(&self) -> bool {
        self.shared.asks_for_token.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // Counts may be off by one item after a thread that panicked; nothing worse can be.
        self.shared
            .store
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
