//! What became of what was to be exported.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, ObservableUpDownCounter};

/// The account of one signal on its way through one exporter.
#[derive(Debug)]
pub(super) struct Ledger {
    exporter: &'static str,
    signal: &'static str,
    /// What waits, and how much of it may.
    waiting: AtomicUsize,
    most: usize,
    closed: AtomicBool,
    /// What was taken out of the queue and has not arrived yet.
    under_way: AtomicU64,
    exported: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    panicked: AtomicU64,
}

/// What was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Losses {
    /// There was no room for it, or no time.
    pub(super) dropped: u64,
    /// It was sent and not accepted.
    pub(super) failed: u64,
    /// Of these, what the exporter panicked over.
    pub(super) panicked: u64,
}

impl Ledger {
    pub(super) fn new(exporter: &'static str, signal: &'static str, most: usize) -> Arc<Self> {
        Arc::new(Self {
            exporter,
            signal,
            waiting: AtomicUsize::new(0),
            most,
            closed: AtomicBool::new(false),
            under_way: AtomicU64::new(0),
            exported: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
        })
    }

    /// Whether there is room for one more. Where there is none, it counts as dropped.
    pub(super) fn admit(&self) -> bool {
        let fits = !self.closed.load(Ordering::Relaxed)
            && self.waiting.fetch_add(1, Ordering::Relaxed) < self.most;
        if !fits {
            if !self.closed.load(Ordering::Relaxed) {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        fits
    }

    /// So many are taken out of the queue.
    pub(super) fn take(&self, count: usize) {
        let less = |waiting: usize| Some(waiting.saturating_sub(count));
        let _ = self
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.under_way.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn exported(&self, count: usize) {
        self.arrive(count, &self.exported);
    }

    pub(super) fn failed(&self, count: usize) {
        self.arrive(count, &self.failed);
    }

    pub(super) fn panicked(&self, count: usize) {
        self.panicked.fetch_add(count as u64, Ordering::Relaxed);
        self.failed(count);
    }

    fn arrive(&self, count: usize, at: &AtomicU64) {
        if self.closed.load(Ordering::Relaxed) {
            // It was given up for lost, and that has been told.
            return;
        }
        at.fetch_add(count as u64, Ordering::Relaxed);
        self.under_way.fetch_sub(count as u64, Ordering::Relaxed);
    }

    /// From now on nothing is taken, and what is still here is lost.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let here = self.waiting.swap(0, Ordering::Relaxed) as u64
            + self.under_way.swap(0, Ordering::Relaxed);
        self.dropped.fetch_add(here, Ordering::Relaxed);
    }

    pub(super) fn losses(&self) -> Losses {
        Losses {
            dropped: self.dropped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            panicked: self.panicked.load(Ordering::Relaxed),
        }
    }

    #[cfg(test)]
    pub(super) fn delivered(&self) -> u64 {
        self.exported.load(Ordering::Relaxed)
    }
}

/// Every ledger of the process, and what was told of it.
#[derive(Debug)]
pub(super) struct Ledgers {
    kept: Vec<(Arc<Ledger>, Mutex<Losses>)>,
}

impl Ledgers {
    pub(super) fn new(ledgers: Vec<Arc<Ledger>>) -> Arc<Self> {
        let kept = ledgers.into_iter().map(|ledger| (ledger, Mutex::default()));
        Arc::new(Self {
            kept: kept.collect(),
        })
    }

    /// Tells what was lost since it was told last.
    pub(super) fn tell(&self) {
        for (ledger, told) in &self.kept {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            let lost = ledger.losses();
            if lost == *told {
                continue;
            }
            tracing::warn!(
                exporter = ledger.exporter,
                signal = ledger.signal,
                dropped = lost.dropped - told.dropped,
                failed = lost.failed - told.failed,
                panicked = lost.panicked - told.panicked,
                "telemetry was lost"
            );
            // What is written here is a warning of the host's own, which gets through where lines on
            // standard output are kept out of its log (host 4.1037, ParseErrorMessageAndLog).
            eprintln!(
                "warning: telemetry was lost: {}, {}: {} dropped, {} failed",
                ledger.exporter,
                ledger.signal,
                lost.dropped - told.dropped,
                lost.failed - told.failed,
            );
            *told = lost;
        }
    }

    /// Tells of losses as long as the process lives.
    pub(super) async fn keep_telling(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(TELLING);
        loop {
            ticks.tick().await;
            self.tell();
        }
    }

    pub(super) fn close(&self) {
        for (ledger, _) in &self.kept {
            ledger.close();
        }
    }

    #[cfg(test)]
    pub(super) fn lost(&self, signal: &str) -> Losses {
        let mut kept = self.kept.iter();
        let found = kept.find(|(ledger, _)| ledger.signal == signal);
        found.expect("an account of it").0.losses()
    }

    /// Makes a metric of the losses.
    ///
    /// It only grows, and is no counter all the same: of a counter Application Insights is told what came
    /// since the last time, and that is lost with everything else while nobody takes it.
    pub(super) fn measure(self: &Arc<Self>, meter: &Meter) -> ObservableUpDownCounter<i64> {
        let ledgers = Arc::clone(self);
        meter
            .i64_observable_up_down_counter("stockade.telemetry.lost")
            .with_description("Spans, log records and metrics that were not delivered")
            .with_callback(move |observer| {
                for (ledger, _) in &ledgers.kept {
                    let lost = ledger.losses();
                    let lost = [("dropped", lost.dropped), ("failed", lost.failed)];
                    for (result, count) in lost.into_iter().filter(|(_, count)| *count > 0) {
                        let attributes = [
                            KeyValue::new("exporter", ledger.exporter),
                            KeyValue::new("signal", ledger.signal),
                            KeyValue::new("result", result),
                        ];
                        let count = i64::try_from(count).unwrap_or(i64::MAX);
                        observer.observe(count, &attributes);
                    }
                }
            })
            .build()
    }
}

/// How often losses are told at most.
const TELLING: Duration = Duration::from_secs(30);
