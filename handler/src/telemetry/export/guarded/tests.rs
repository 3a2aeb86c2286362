use std::sync::Mutex;

use opentelemetry::trace::Event;

use super::super::tests::span;
use super::*;

/// Keeps what it gets, and panics over spans that ask for it.
#[derive(Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        assert!(batch.iter().all(|span| span.name != "panic"), "as asked");
        if batch.iter().any(|span| span.name == "refuse") {
            return Err(OTelSdkError::InternalFailure("refused".to_owned()));
        }
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

async fn passed(span: SpanData) -> SpanData {
    let kept = Kept::default();
    let passed = Arc::clone(&kept.0);
    let guarded = Guarded::new(
        kept,
        Fields::declared(&[]),
        Ledger::new("kept", "spans", 1),
        Refused::default(),
    );
    SpanExporter::export(&guarded, vec![span]).await.unwrap();
    passed.lock().unwrap().pop().unwrap()
}

#[tokio::test]
async fn an_exporter_that_panics_loses_its_batch_and_no_other() {
    let kept = Kept::default();
    let passed = Arc::clone(&kept.0);
    let ledger = Ledger::new("kept", "spans", 10);
    let guarded = Guarded::new(
        kept,
        Fields::declared(&[]),
        Arc::clone(&ledger),
        Refused::default(),
    );

    for names in [&["panic", "beside it"][..], &["refuse"], &["good"]] {
        let batch = names.iter().map(|name| span(name)).collect();
        let _ = SpanExporter::export(&guarded, batch).await;
    }

    let lost = ledger.losses();
    assert_eq!((lost.failed, lost.panicked), (3, 2));
    assert_eq!(ledger.delivered(), 1);
    assert_eq!(passed.lock().unwrap()[0].name, "good");
}

#[tokio::test]
async fn long_texts_are_cut_between_characters() {
    // Each limit falls inside a character of three bytes.
    let long = format!("a{}", "日".repeat(4000));
    let mut sent = span("long");
    sent.name = long.clone().into();
    sent.attributes = vec![
        KeyValue::new("faas.name", long.clone()),
        KeyValue::new(
            "error.type",
            Value::Array(vec![StringValue::from(long.clone())].into()),
        ),
    ];
    sent.events.events.push(Event::new(
        long.clone(),
        std::time::SystemTime::UNIX_EPOCH,
        vec![KeyValue::new("stockade.outcome", long)],
        0,
    ));

    let passed = passed(sent).await;

    assert_eq!(passed.name.len(), 1024);
    assert_eq!(passed.attributes[0].value.as_str().len(), 1024);
    let Value::Array(Array::String(texts)) = &passed.attributes[1].value else {
        panic!("an array");
    };
    assert_eq!(texts[0].as_str().len(), 1024);
    let event = &passed.events.events[0];
    assert_eq!(event.name.len(), 1024);
    assert_eq!(event.attributes[0].value.as_str().len(), 1024);
}

#[tokio::test]
async fn attributes_pass_by_their_names() {
    let mut sent = span("named");
    let known = [
        "faas.name",
        "http.route",
        "user.id",
        "microsoft.sample_rate",
    ];
    let unknown = [
        "url.full",
        "url.path",
        "url.query",
        "http.request.header.authorization",
        "client.address.city",
        "exception.message",
        "order.note",
        "Faas.Name",
    ];
    sent.attributes = known
        .iter()
        .chain(&unknown)
        .map(|name| KeyValue::new(*name, "value"))
        .collect();

    let passed = passed(sent).await;

    let names: Vec<_> = passed
        .attributes
        .iter()
        .map(|one| one.key.as_str())
        .collect();
    assert_eq!(names, known);
}

#[tokio::test]
async fn a_status_tells_a_rule_and_nobodys_words() {
    for (told, passes) in [("missing_token", true), ("no order 17 of Jane", false)] {
        let mut sent = span("failed");
        sent.status = Status::error(told);
        let expected = Status::error(if passes { told } else { "" });

        assert_eq!(passed(sent).await.status, expected);
    }
}
