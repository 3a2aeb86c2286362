//! Queues that say what they had no room for.
//!
//! The SDK's own drop without a count that anybody could read.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::ledger::Ledger;

/// A processor that takes no more than its ledger admits. It never waits for room.
#[derive(Debug)]
pub(super) struct Bounded<P> {
    processor: P,
    ledger: Arc<Ledger>,
}

impl<P> Bounded<P> {
    pub(super) fn new(processor: P, ledger: Arc<Ledger>) -> Self {
        Self { processor, ledger }
    }
}

impl<P: SpanProcessor> SpanProcessor for Bounded<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.processor.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.ledger.admit() {
            self.processor.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.processor.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.processor.shutdown_with_timeout(timeout)
    }
}

impl<P: LogProcessor> LogProcessor for Bounded<P> {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.ledger.admit() {
            self.processor.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.processor.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.processor.shutdown_with_timeout(timeout)
    }
}

/// Processors behind one another, each with all that comes. Clones are the same processors.
#[derive(Debug)]
pub(super) struct Each<P: ?Sized>(pub(super) Vec<Arc<P>>);

impl<P: ?Sized> Clone for Each<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl SpanProcessor for Each<dyn SpanProcessor> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        for processor in &self.0 {
            processor.on_start(span, context);
        }
    }

    fn on_end(&self, span: SpanData) {
        let Some((last, others)) = self.0.split_last() else {
            return;
        };
        for processor in others {
            processor.on_end(span.clone());
        }
        last.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.iter().try_for_each(|each| each.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0
            .iter()
            .try_for_each(|each| each.shutdown_with_timeout(timeout))
    }
}

impl LogProcessor for Each<dyn LogProcessor> {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        for processor in &self.0 {
            processor.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.iter().try_for_each(|each| each.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0
            .iter()
            .try_for_each(|each| each.shutdown_with_timeout(timeout))
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SpanExporter};

    use super::super::guarded::Guarded;
    use super::super::tests::span;
    use super::*;
    use crate::telemetry::Fields;
    use crate::telemetry::export::transport::Refused;

    /// Never answers.
    #[derive(Debug)]
    struct Dead;

    impl SpanExporter for Dead {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            std::future::pending().await
        }
    }

    #[test]
    fn a_dead_receiver_costs_telemetry_and_no_time() {
        let ledger = Ledger::new("dead", "spans", 64);
        let processor = BatchSpanProcessor::builder(Guarded::new(
            Dead,
            Fields::declared(&[]),
            Arc::clone(&ledger),
            Refused::default(),
        ))
        .with_batch_config(
            BatchConfigBuilder::default()
                .with_max_queue_size(64)
                .with_max_export_batch_size(16)
                .build(),
        )
        .build();
        let bounded = Bounded::new(processor, Arc::clone(&ledger));

        let began = std::time::Instant::now();
        for _ in 0..10_000 {
            bounded.on_end(span("late"));
        }
        let took = began.elapsed();
        let dropped = ledger.losses().dropped;
        ledger.close();

        assert!(took < Duration::from_secs(5), "{took:?}");
        // One batch at most is on its way, and the queue is full.
        assert!(
            (10_000 - 64 - 16..=10_000 - 64).contains(&dropped),
            "{dropped}"
        );
        // At the end all of it is lost, and told.
        assert_eq!(ledger.losses().dropped, 10_000);
        bounded.on_end(span("after the end"));
        assert_eq!(ledger.losses().dropped, 10_001);
    }
}
