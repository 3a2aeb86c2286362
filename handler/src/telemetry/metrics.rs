//! Every metric, in one place. Without an exporter each of them does nothing.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, ObservableCounter};

use super::Outcome;

/// The instruments of the process. Whoever asks first has to come after the exporters.
pub(crate) fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> =
        LazyLock::new(|| Metrics::of(&opentelemetry::global::meter("stockade")));
    &METRICS
}

/// What is counted and measured. Rules, outcomes and functions are known words, so that nobody from
/// outside adds to the number of time series.
#[derive(Debug)]
pub(crate) struct Metrics {
    durations: Histogram<f64>,
    queue_times: Histogram<f64>,
    refusals: Counter<u64>,
    rejections: Counter<u64>,
    quarantined: Counter<u64>,
    secret_refreshes: Counter<u64>,
    key_refreshes: Counter<u64>,
    token_lookups: &'static Lookups,
    _token_lookups: ObservableCounter<u64>,
}

/// How often a token was looked for among those that are remembered. These are kept here, since they
/// are counted more often than a counter of the SDK could be.
#[derive(Debug)]
struct Lookups {
    hits: AtomicU64,
    misses: AtomicU64,
}

static TOKEN_LOOKUPS: Lookups = Lookups {
    hits: AtomicU64::new(0),
    misses: AtomicU64::new(0),
};

/// How something that is fetched again and again went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    Done,
    Failed,
}

impl Metrics {
    fn of(meter: &Meter) -> Self {
        let counter = |name, description| {
            let builder = meter.u64_counter(name);
            builder.with_description(description).build()
        };
        Self {
            durations: meter
                .f64_histogram("faas.invoke_duration")
                .with_unit("s")
                .with_boundaries(SECONDS.to_vec())
                .with_description("How long invocations took, and so how many there were")
                .build(),
            queue_times: meter
                .f64_histogram("stockade.queue_time")
                .with_unit("s")
                .with_boundaries(SECONDS.to_vec())
                .with_description("How old messages were when they were delivered")
                .build(),
            refusals: counter(
                "stockade.refusals",
                "Callers that were turned away, by rule",
            ),
            rejections: counter("stockade.rejections", "Inputs that were wrong, by rule"),
            quarantined: counter("stockade.quarantined", "Events that went into quarantine"),
            secret_refreshes: counter(
                "stockade.secret.refreshes",
                "How often secrets were asked for",
            ),
            key_refreshes: counter(
                "stockade.key.refreshes",
                "How often a tenant's signing keys were asked for",
            ),
            token_lookups: &TOKEN_LOOKUPS,
            _token_lookups: meter
                .u64_observable_counter("stockade.token_cache.lookups")
                .with_description("How often a token was looked for among those remembered")
                .with_callback(|observer| {
                    for (result, count) in [
                        ("hit", &TOKEN_LOOKUPS.hits),
                        ("miss", &TOKEN_LOOKUPS.misses),
                    ] {
                        let count = count.load(Ordering::Relaxed);
                        observer.observe(count, &[KeyValue::new("result", result)]);
                    }
                })
                .build(),
        }
    }

    pub(super) fn ended(&self, function: &'static str, outcome: Outcome, took: Duration) {
        let name = KeyValue::new("faas.name", function);
        let of_rule = |rule| [name.clone(), KeyValue::new("error.type", rule)];
        match outcome {
            Outcome::Failed("denied", rule, _) => self.refusals.add(1, &of_rule(rule)),
            Outcome::Failed("rejected", rule, _) => self.rejections.add(1, &of_rule(rule)),
            _ => {}
        }
        let attributes = [name, KeyValue::new("stockade.outcome", outcome.name())];
        self.durations.record(took.as_secs_f64(), &attributes);
    }

    /// A message was delivered so long after it was sent.
    pub(crate) fn delivered(&self, function: &'static str, age: Duration) {
        let name = KeyValue::new("faas.name", function);
        self.queue_times.record(age.as_secs_f64(), &[name]);
    }

    pub(crate) fn quarantined(&self, function: &'static str, rule: &'static str) {
        let attributes = [
            KeyValue::new("faas.name", function),
            KeyValue::new("error.type", rule),
        ];
        self.quarantined.add(1, &attributes);
    }

    pub(crate) fn secret_refreshed(&self, refresh: Refresh) {
        self.secret_refreshes.add(1, &[refresh.attribute()]);
    }

    pub(crate) fn keys_refreshed(&self, refresh: Refresh) {
        self.key_refreshes.add(1, &[refresh.attribute()]);
    }

    /// A token was among those that are remembered, or not.
    pub(crate) fn token_looked_up(&self, found: bool) {
        let Lookups { hits, misses } = self.token_lookups;
        let counted = if found { hits } else { misses };
        counted.fetch_add(1, Ordering::Relaxed);
    }
}

impl Refresh {
    pub(crate) fn of<T, E>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(_) => Self::Failed,
        }
    }

    fn attribute(self) -> KeyValue {
        let result = match self {
            Self::Done => "done",
            Self::Failed => "failed",
        };
        KeyValue::new("result", result)
    }
}

/// From half a millisecond to five minutes.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0,
];
