use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::output::{self, Enqueue};
use crate::test::TestApp;
use crate::{App, Context, Function, on};

#[derive(Debug, Deserialize, serde::Serialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Note {
    #[validate(length(min = 1, max = 3))]
    first_line: String,
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn event() -> Value {
    json!({
        "specversion": "1.0",
        "id": "e-1",
        "source": "/tests",
        "type": "note.written",
        "subject": "a note",
        "time": "1970-01-01T00:01:00.5+00:00",
        "datacontenttype": "application/cloudevents+json",
        "dataschema": "https://example.com/note",
        "traceparent": format!("00-{TRACE}-b7ad6b7169203331-01"),
        "tracestate": "a=b",
        "partitionkey": "7",
        "sequence7": 7,
        "final": true,
        "nothing": null,
        "data": {"firstLine": "abc"},
    })
}

/// The event with one member in another way, or without it.
fn event_with(name: &str, value: Option<Value>) -> Value {
    let mut event = event();
    let members = event.as_object_mut().unwrap();
    match value {
        Some(value) => drop(members.insert(name.to_owned(), value)),
        None => drop(members.remove(name)),
    }
    event
}

fn read(event: &Value) -> Result<Envelope<Note>, Vec<String>> {
    document(event.to_string().as_bytes())
        .map_err(|rejection| rejection.errors().iter().map(ToString::to_string).collect())
}

#[test]
fn an_event_is_read_with_what_its_envelope_says() {
    let Envelope { event, parent } = read(&event()).unwrap_or_else(|why| panic!("{why:?}"));

    assert_eq!((&*event.id, &*event.source), ("e-1", "/tests"));
    assert_eq!(event.kind, "note.written");
    assert_eq!(event.subject.as_deref(), Some("a note"));
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(60_500);
    assert_eq!(event.time, Some(time));
    assert_eq!(event.data.first_line, "abc");
    assert_eq!(parent.unwrap().span_context().trace_id().to_string(), TRACE);
}

#[test]
fn what_an_event_may_leave_out_may_be_left_out_or_null() {
    for name in [
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "traceparent",
        "tracestate",
        "partitionkey",
    ] {
        for value in [None, Some(Value::Null)] {
            assert!(read(&event_with(name, value)).is_ok(), "{name}");
        }
    }
}

#[test]
fn each_fault_of_an_envelope_is_refused_at_its_place() {
    for (name, value, expected) in [
        ("specversion", None, "missing_member at \"/specversion\""),
        (
            "specversion",
            Some(json!("0.3")),
            "value at \"/specversion\"",
        ),
        ("specversion", Some(json!(1)), "type at \"/specversion\""),
        ("id", None, "missing_member at \"/id\""),
        ("id", Some(json!(null)), "missing_member at \"/id\""),
        ("id", Some(json!("")), "value at \"/id\""),
        ("source", Some(json!("")), "value at \"/source\""),
        (
            "source",
            Some(json!("a\u{1b}b")),
            "control_character at \"/source\"",
        ),
        ("type", None, "missing_member at \"/type\""),
        ("subject", Some(json!("")), "value at \"/subject\""),
        ("time", Some(json!("yesterday")), "value at \"/time\""),
        (
            "datacontenttype",
            Some(json!("text/xml")),
            "value at \"/datacontenttype\"",
        ),
        ("traceparent", Some(json!({})), "type at \"/traceparent\""),
        ("tracestate", Some(json!(1)), "type at \"/tracestate\""),
        ("data", None, "missing_member at \"/data\""),
        ("data", Some(json!(null)), "type at \"/data\""),
        // An extension is a single value under a plain name.
        ("partitionkey", Some(json!({"a": 1})), "type at \"\""),
        ("partitionkey", Some(json!(["a"])), "type at \"\""),
        ("data_base64", Some(json!("AA==")), "unknown_member at \"\""),
        ("partitionKey", Some(json!("7")), "unknown_member at \"\""),
        ("", Some(json!("7")), "unknown_member at \"\""),
    ] {
        let event = event_with(name, value);

        let refused = read(&event).map(|_| ()).unwrap_err();

        assert_eq!(refused, [expected], "{event}");
    }
}

#[test]
fn the_data_of_an_event_is_read_and_validated_as_any_payload() {
    for (data, expected) in [
        (
            json!({"firstLine": "abcd"}),
            "length at \"/data/firstLine\"",
        ),
        (json!({"firstLine": 1}), "type at \"/data/firstLine\""),
        (json!({}), "missing_member at \"/data/firstLine\""),
        (
            json!({"firstLine": "a", "extension": 1}),
            "unknown_member at \"/data\"",
        ),
    ] {
        let refused = read(&event_with("data", Some(data))).map(|_| ());

        assert_eq!(refused.unwrap_err(), [expected]);
    }
}

#[test]
fn no_member_of_an_envelope_comes_twice() {
    let text = event().to_string();
    for (member, place) in [("\"id\":\"e-2\"", "/id"), ("\"partitionkey\":\"8\"", "")] {
        let twice = format!("{{{member},{}", &text[1..]);

        let refused = document::<Envelope<Note>>(twice.as_bytes()).map(|_| ());

        let errors = refused.unwrap_err();
        assert_eq!(
            errors.errors()[0].to_string(),
            format!("duplicate_member at \"{place}\"")
        );
    }
}

#[test]
fn a_sample_of_an_event_is_one() {
    let schema = schemars::schema_for!(Described<Note>);

    let sample = crate::input::sample::sample(&schema);

    read(&sample).unwrap_or_else(|why| panic!("{sample}: {why:?}"));
    assert_eq!(sample["data"], json!({"firstLine": "sam"}));
}

/// The traces that the functions of [`app`] ran in.
type Seen = Arc<Mutex<Vec<String>>>;

struct Notes;

impl output::Queue for Notes {
    const NAME: &'static str = "notes";
    type Message = output::CloudEvent<Note>;
}

fn app() -> (TestApp<()>, Seen) {
    let seen = Seen::default();
    let (writes, reads) = (seen.clone(), seen.clone());
    let write = move |context: Context| {
        writes.lock().unwrap().push(context.traceparent());
        let first_line = "abc".to_owned();
        let event = output::CloudEvent::new(&context, "note.written", Note { first_line });
        async move { Enqueue::<Notes>::one(event) }
    };
    let read = move |context: Context, _: CloudEvent<Note>| {
        reads.lock().unwrap().push(context.traceparent());
        async {}
    };
    let app = App::new("notes")
        .function(Function::new("write", on::timer("0 0 3 * * *"), write))
        .function(Function::new("read", on::queue("notes"), read));
    (app.with_state(()), seen)
}

#[tokio::test]
async fn a_trace_goes_on_from_the_writer_of_an_event_to_its_reader() {
    let (app, seen) = app();

    let written = app.call("write").await;
    let event: Value = serde_json::from_str(&written.queued::<Notes>()[0]).unwrap();
    assert!(app.call("read").message(&event).await.is_done());

    let again = app.call("write").await;
    let again: Value = serde_json::from_str(&again.queued::<Notes>()[0]).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(event["traceparent"], *seen[0]);
    assert_eq!(seen[0][..36], seen[1][..36], "one trace");
    assert_ne!(seen[0][36..52], seen[1][36..52], "two spans");
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["source"], "/functions/write");
    assert_eq!(event["type"], "note.written");
    assert!(event["time"].as_str().unwrap().ends_with('Z'), "{event}");
    let id = event["id"].as_str().unwrap();
    assert_eq!(id.parse::<crate::InvocationId>().unwrap().as_str(), id);
    assert_eq!(id.as_bytes()[14], b'4', "a random UUID");
    assert_ne!(again["id"], event["id"]);
}

#[tokio::test]
async fn a_malformed_trace_begins_a_new_one() {
    let (app, seen) = app();
    for parent in [
        json!("00-zz"),
        json!(format!("ff-{TRACE}-b7ad6b7169203331-01")),
    ] {
        let event = event_with("traceparent", Some(parent));

        assert!(app.call("read").message(&event).await.is_done());
    }

    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|trace| !trace.contains(TRACE)), "{seen:?}");
    assert_ne!(seen[0][..36], seen[1][..36]);
}

#[test]
fn the_trace_of_an_event_that_is_refused_is_known_all_the_same() {
    let known = |event: Value| parent_alone(event.to_string().as_bytes()).is_some();

    assert!(known(event_with("data", None)));
    assert!(known(event_with("id", Some(json!([])))));
    assert!(!known(event_with("traceparent", Some(json!([])))));
    assert!(!known(json!("text")));
}
