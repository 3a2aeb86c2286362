use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::SystemTime;

use opentelemetry::InstrumentationScope;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::azure::testing::{Answer, StandIn};
use crate::settings::Problems;

/// A span of an invocation, which took a second.
pub(super) fn span(name: &str) -> SpanData {
    SpanData {
        span_context: SpanContext::new(
            TraceId::from_bytes([0x11; 16]),
            SpanId::from_bytes([0x22; 8]),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: SpanId::from_bytes([0x33; 8]),
        parent_span_is_remote: true,
        span_kind: SpanKind::Server,
        name: name.to_owned().into(),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: Default::default(),
        links: Default::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

fn settings(rows: &[(&str, &str)]) -> TelemetrySettings {
    let rows = rows.iter();
    let mut source: BTreeMap<String, String> = rows
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    source.insert(
        "AZURE_FUNCTIONS_ENVIRONMENT".to_owned(),
        "Development".to_owned(),
    );
    let mut problems = Problems::new();
    let settings = TelemetrySettings::read("orders", &source, &mut problems);
    assert!(problems.is_empty(), "{problems}");
    settings.expect("an exporter")
}

/// A stand-in for Application Insights, and the settings that name it.
async fn insights(status: u16) -> (StandIn, TelemetrySettings) {
    let stand_in = StandIn::https(&["devhost.ingestion.localhost"], move |_, _| {
        Answer::new(
            status,
            r#"{"itemsReceived":1,"itemsAccepted":1,"errors":[]}"#,
        )
    })
    .await;
    let port = stand_in.address.port();
    let connection = format!(
        "InstrumentationKey=11111111-2222-3333-4444-555555555555;\
         IngestionEndpoint=https://devhost.ingestion.localhost:{port}/;"
    );
    let settings = settings(&[
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", &connection),
        ("STOCKADE__TELEMETRY__INSECURE_INGESTION", "true"),
    ]);
    (stand_in, settings)
}

/// What was tracked, of all requests.
fn tracked(stand_in: &StandIn) -> Vec<Value> {
    let mut items = Vec::new();
    for body in stand_in.bodies() {
        let mut text = String::new();
        let mut gzip = flate2::read::GzDecoder::new(&body[..]);
        gzip.read_to_string(&mut text).expect("gzip");
        let batch: Vec<Value> = serde_json::from_str(&text).expect("an array");
        items.extend(batch);
    }
    items
}

fn of_type<'a>(items: &'a [Value], kind: &str) -> Vec<&'a Value> {
    items
        .iter()
        .filter(|item| item["data"]["baseType"] == kind)
        .collect()
}

#[tokio::test]
async fn application_insights_gets_every_signal() {
    let (stand_in, settings) = insights(200).await;
    let exports = Exports::start_over(
        &settings,
        Fields::declared(&[]),
        &Handle::current(),
        &stand_in.outbound(),
    );
    let subscriber = tracing_subscriber::registry()
        .with(exports.opened_spans())
        .with(exports.records());
    let mut recorded = span("create-order");
    recorded.attributes = vec![
        KeyValue::new("http.request.method", "POST"),
        KeyValue::new("http.route", "orders/{id}"),
        KeyValue::new("http.response.status_code", 202),
        KeyValue::new("url.full", "https://orders.example/?code=x"),
        KeyValue::new("user.id", "t/o"),
        KeyValue::new("microsoft.sample_rate", 25.0),
    ];

    exports.spans().on_end(recorded);
    tracing::subscriber::with_default(subscriber, || {
        tracing::warn!(target: "orders", rule = "claim", order = 17, "turned away");
        tracing::info!(target: "stockade::audit", "app.started");
    });
    let meter = exports.providers.metrics.meter("test");
    meter.u64_counter("orders").build().add(3, &[]);
    exports.end().await;

    let items = tracked(&stand_in);
    let requests = of_type(&items, "RequestData");
    let [request] = &requests[..] else {
        panic!("{items:?}");
    };
    assert_eq!(request["data"]["baseData"]["name"], "create-order");
    assert_eq!(request["data"]["baseData"]["responseCode"], "202");
    assert_eq!(request["sampleRate"], 25.0);
    assert_eq!(request["tags"]["ai.operation.name"], "create-order");
    assert_eq!(request["tags"]["ai.operation.id"], "11".repeat(16));
    assert_eq!(request["tags"]["ai.operation.parentId"], "33".repeat(8));
    assert_eq!(request["tags"]["ai.cloud.role"], "orders");
    assert_eq!(request["tags"]["ai.user.authUserId"], "t/o");
    let messages: Vec<_> = of_type(&items, "MessageData")
        .iter()
        .map(|item| item["data"]["baseData"]["message"].clone())
        .collect();
    assert!(messages.contains(&"turned away".into()), "{messages:?}");
    assert!(messages.contains(&"app.started".into()), "{messages:?}");
    let text = Value::Array(items.clone()).to_string();
    assert!(
        !text.contains("code=x") && text.contains("\"order\":\"[withheld]\""),
        "{text}"
    );
    let counted = of_type(&items, "MetricData");
    let counted = counted
        .iter()
        .any(|item| item["data"]["baseData"]["metrics"][0]["name"] == "orders");
    assert!(counted);
    let posts = stand_in.requests();
    assert!(
        posts
            .iter()
            .all(|request| request.starts_with("post /v2/track "))
    );
}

#[tokio::test]
async fn a_collector_gets_every_signal_at_its_path() {
    let collector = StandIn::http(|_, _| Answer::new(200, "")).await;
    let address = format!("http://{}", collector.address);
    let settings = settings(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &address),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=the%20key"),
    ]);
    let exports = Exports::start_over(
        &settings,
        Fields::declared(&[]),
        &Handle::current(),
        &Outbound::of_the_process(),
    );
    let subscriber = tracing_subscriber::registry().with(exports.records());

    exports.spans().on_end(span("create-order"));
    tracing::subscriber::with_default(
        subscriber,
        || tracing::warn!(target: "orders", "turned away"),
    );
    let meter = exports.providers.metrics.meter("test");
    meter.u64_counter("orders").build().add(3, &[]);
    exports.end().await;

    let requests = collector.requests();
    for (path, told) in [
        ("/v1/traces", "create-order"),
        ("/v1/logs", "turned away"),
        ("/v1/metrics", "orders"),
    ] {
        let request = requests
            .iter()
            .find(|request| request.starts_with(&format!("post {path} ")))
            .unwrap_or_else(|| panic!("{path}"));
        assert!(
            request.contains("content-type: application/x-protobuf"),
            "{path}"
        );
        assert!(request.contains("x-key: the key"), "{path}");
        assert!(request.contains(told), "{path}");
    }
}

#[tokio::test]
async fn spans_that_code_opens_are_those_of_its_invocation() {
    use opentelemetry::Context;
    use opentelemetry::trace::TraceContextExt as _;

    let (stand_in, settings) = insights(200).await;
    let exports = Exports::start_over(
        &settings,
        Fields::declared(&[]),
        &Handle::current(),
        &stand_in.outbound(),
    );
    let subscriber = tracing_subscriber::registry().with(exports.opened_spans());
    let context = span("").span_context;
    let unsampled = SpanContext::new(
        context.trace_id(),
        context.span_id(),
        TraceFlags::default(),
        false,
        TraceState::NONE,
    );

    tracing::subscriber::with_default(subscriber, || {
        for (parent, name) in [(context, "recorded"), (unsampled, "unrecorded")] {
            let _context = Context::new().with_remote_span_context(parent).attach();
            let _fields =
                tracing::info_span!(target: "stockade::telemetry", "invocation").entered();
            let _span = tracing::info_span!("work", otel.name = name, order = 17).entered();
        }
    });
    exports.end().await;

    let items = tracked(&stand_in);
    let spans = of_type(&items, "RemoteDependencyData");
    let [span] = &spans[..] else {
        panic!("{items:?}");
    };
    assert_eq!(span["data"]["baseData"]["name"], "recorded");
    assert_eq!(span["tags"]["ai.operation.id"], "11".repeat(16));
    assert_eq!(span["tags"]["ai.operation.parentId"], "22".repeat(8));
    assert!(span["data"]["baseData"]["properties"]["order"].is_null());
}

#[tokio::test]
async fn a_receiver_that_refuses_loses_what_it_was_sent_and_that_is_counted() {
    let (stand_in, settings) = insights(400).await;
    let exports = Exports::start_over(
        &settings,
        Fields::declared(&[]),
        &Handle::current(),
        &stand_in.outbound(),
    );
    let ledgers = Arc::clone(&exports.ledgers);

    exports.spans().on_end(span("create-order"));
    exports.end().await;

    assert_eq!(ledgers.lost("spans").failed, 1);
}

#[tokio::test]
async fn an_answer_that_is_none_of_a_receivers_counts_as_a_loss() {
    let stand_in = StandIn::http(|_, _| Answer::new(200, "<html>Welcome</html>")).await;
    let settings = settings(&[(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        &format!("http://{}", stand_in.address),
    )]);
    let exports = Exports::start_over(
        &settings,
        Fields::declared(&[]),
        &Handle::current(),
        &Outbound::of_the_process(),
    );
    let ledgers = Arc::clone(&exports.ledgers);

    exports.spans().on_end(span("create-order"));
    exports.end().await;

    assert_eq!(ledgers.lost("spans").failed, 1);
}

#[tokio::test]
async fn the_end_waits_two_seconds_for_a_dead_receiver_and_no_longer() {
    let stand_in = StandIn::https(&["devhost.ingestion.localhost"], |_, _| {
        Answer::new(200, "{}").after(Duration::from_secs(60))
    })
    .await;
    let connection = format!(
        "InstrumentationKey=11111111-2222-3333-4444-555555555555;\
         IngestionEndpoint=https://devhost.ingestion.localhost:{}",
        stand_in.address.port()
    );
    let settings = settings(&[
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", &connection),
        ("STOCKADE__TELEMETRY__INSECURE_INGESTION", "true"),
    ]);
    let exports = Exports::start_over(
        &settings,
        Fields::declared(&[]),
        &Handle::current(),
        &stand_in.outbound(),
    );
    let ledgers = Arc::clone(&exports.ledgers);

    exports.spans().on_end(span("create-order"));
    let began = std::time::Instant::now();
    exports.end().await;

    let took = began.elapsed();
    assert!(took < Duration::from_millis(2500), "{took:?}");
    assert_eq!(ledgers.lost("spans").dropped, 1);
}
