//! The app behind devhost, with Rotel between what it sends by OTLP and devhost's receiver.

use std::sync::OnceLock;

use serde_json::{Value, json};
use stockade_tests::process::poll;
use stockade_tests::running::free_port;
use stockade_tests::{App, Host, Request, Setup};

use crate::rotel::{Rotel, Told, What, read};

/// The trace of an order that is taken in and worked off.
pub(crate) const GOOD: &str = "0af7651916cd43dd8448eb211c80319c";
/// The trace of one that comes without a token.
pub(crate) const REFUSED: &str = "1bf7651916cd43dd8448eb211c80319d";
/// The trace of one that is none.
const REJECTED: &str = "2cf7651916cd43dd8448eb211c80319e";
/// The span of the client's that each of them belongs to.
pub(crate) const CALLER: &str = "b7ad6b7169203331";

/// What became of the calls.
pub(crate) struct Seen {
    /// Everything that Rotel told.
    pub(crate) told: Vec<Told>,
    /// The same, as it wrote it.
    pub(crate) lines: Vec<String>,
    /// What devhost was told of the two traces, by each source.
    good: Value,
    refused: Value,
    /// What was sent with the calls and is nobody's business.
    pub(crate) secrets: Vec<String>,
}

impl Seen {
    /// The calls are made once, for all tests.
    pub(crate) fn get() -> &'static Self {
        static SEEN: OnceLock<Seen> = OnceLock::new();
        SEEN.get_or_init(|| Self::of("cumulative"))
    }

    /// Makes the calls, and waits until everything is told.
    pub(crate) fn of(temporality: &str) -> Self {
        let port = free_port();
        let host = Setup::of(App::Reference)
            .setting(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                &format!("http://127.0.0.1:{port}"),
            )
            .setting(
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                temporality,
            )
            .setting("OTEL_METRIC_EXPORT_INTERVAL", "1000")
            .start();
        let rotel = Rotel::start(port, host.tenant());
        let token = host.token_with(&["Orders.Write"]);
        let order = json!({
            "orderId": "an-order-of-adas",
            "email": "ada@contoso.example",
            "currency": "EUR",
            "items": [{"sku": "SKU-00815", "quantity": 1, "unitPriceCents": 4711}],
        });

        assert_eq!(place(&host, GOOD, Some(&token), &order), 202);
        assert_eq!(place(&host, REFUSED, None, &order), 401);
        assert_eq!(place(&host, REJECTED, Some(&token), &json!({})), 400);

        let good = wait_for_trace(&host, GOOD, [7, 1, 1]);
        let refused = wait_for_trace(&host, REFUSED, [2, 0, 1]);
        wait_for_metrics(&host);
        let lines = rotel.stop();
        let mut secrets = vec![token];
        secrets.extend(["adas", "contoso", "SKU-"].map(str::to_owned));
        Self {
            told: read(&lines),
            lines,
            good,
            refused,
            secrets,
        }
    }

    /// The spans of a trace.
    pub(crate) fn spans(&self, trace: &str) -> Vec<&Told> {
        let spans = self.told.iter().filter(|told| told.what == What::Span);
        spans
            .filter(|span| span.member("Trace ID") == trace)
            .collect()
    }

    /// The one log record of a trace that says this.
    pub(crate) fn record(&self, trace: &str, body: &str) -> &Told {
        let records = self.told.iter().filter(|told| told.what == What::Record);
        let mut found = records.filter(|record| {
            record.member("Trace ID") == trace && record.member("Body") == format!("Str({body})")
        });
        let record = found.next();
        assert!(found.next().is_none(), "{body} was told twice");
        record.unwrap_or_else(|| panic!("{body} was not told"))
    }

    /// What Application Insights was told of a span, and what Rotel sent on.
    pub(crate) fn of_span(&self, trace: &str, id: &str) -> (&Value, &Value) {
        let mut spans = entries(&self.trace(trace)["spans"]);
        let span = spans.find(|span| span["spanId"] == id);
        by_source(&span.unwrap_or_else(|| panic!("{id} is not there"))["said"])
    }

    /// The same of a log record.
    pub(crate) fn of_record(&self, trace: &str, body: &str) -> (&Value, &Value) {
        let trace = self.trace(trace);
        let mut records = entries(&trace["logs"]).chain(entries(&trace["audit"]));
        let found = records.find(|said| by_source(said).1["body"] == body);
        by_source(found.unwrap_or_else(|| panic!("{body} is not there")))
    }

    fn trace(&self, trace: &str) -> &Value {
        match trace {
            GOOD => &self.good,
            _ => &self.refused,
        }
    }
}

fn place(host: &Host, trace: &str, token: Option<&str>, order: &Value) -> u16 {
    let mut request = Request::post("/api/orders")
        .header("traceparent", &format!("00-{trace}-{CALLER}-01"))
        .json(order);
    if let Some(token) = token {
        request = request.bearer(token);
    }
    request.send(host.port).status
}

/// A trace, once both sources have told so many spans, lines and audit events.
fn wait_for_trace(host: &Host, trace: &str, counts: [usize; 3]) -> Value {
    poll(trace, || {
        let answer = telemetry(host, &format!("/traces/{trace}"))?;
        let is_whole = ["spans", "logs", "audit"]
            .iter()
            .zip(counts)
            .all(|(of, count)| {
                let entries: Vec<_> = entries(&answer[of]).collect();
                let by_both = |entry: &&Value| {
                    let said = entry.get("said").unwrap_or(entry);
                    entries_of_sources(said) == ["applicationInsights", "otlp"]
                };
                entries.len() == count && entries.iter().all(by_both)
            });
        is_whole.then_some(answer)
    })
}

/// Waits until Rotel has sent on what was counted last.
fn wait_for_metrics(host: &Host) {
    poll("metrics", || {
        let report = telemetry(host, "")?;
        let counted = |name: &str| {
            entries(&report["metrics"])
                .any(|metric| metric["source"] == "otlp" && metric["name"] == name)
        };
        ["stockade.rejections", "stockade.queue_time"]
            .iter()
            .all(|name| counted(name))
            .then_some(())
    });
}

fn telemetry(host: &Host, path: &str) -> Option<Value> {
    let answer = Request::get(&format!("/admin/devhost/telemetry{path}"))
        .header("x-functions-key", host.master_key())
        .send(host.port);
    (answer.status == 200).then(|| answer.json())
}

fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn entries_of_sources(said: &Value) -> Vec<&str> {
    let mut sources: Vec<_> = entries(said)
        .filter_map(|said| said["source"].as_str())
        .collect();
    sources.sort_unstable();
    sources
}

/// What Application Insights was told, and what Rotel sent on.
fn by_source(said: &Value) -> (&Value, &Value) {
    let of = |source: &str| {
        let found = entries(said).find(|said| said["source"] == source);
        &found.unwrap_or_else(|| panic!("{source} was not told"))["said"]
    };
    (of("applicationInsights"), of("otlp"))
}
