//! Messages that name the trace they belong to: CloudEvents 1.0 in structured mode.
//!
//! A storage queue carries bytes and nothing beside them, so a trace ends where a message is sent
//! unless the message says where it came from. The extension `traceparent` of CloudEvents does
//! (CloudEvents: Distributed Tracing Extension).

use std::time::SystemTime;

use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};
use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};
use uuid::{Builder, Uuid};

use crate::function::Context;
use crate::telemetry::{Trace, write_time};

/// A message in a CloudEvents 1.0 envelope, for queues whose readers should stay in the trace of the
/// invocation that wrote to them. [`input::CloudEvent`](crate::input::CloudEvent) reads it.
///
/// What is written is an identifier of its own, the function as `/functions/<name>`, the type, the
/// time, the invocation's [`traceparent`](Context::traceparent) and the data as JSON.
///
/// ```
/// use serde::Serialize;
/// use stockade::output::{self, CloudEvent, Enqueue};
/// use stockade::{Context, Function, on};
///
/// #[derive(Serialize)]
/// struct Closed {
///     day: u32,
/// }
///
/// struct ClosedDays;
///
/// impl output::Queue for ClosedDays {
///     const NAME: &'static str = "%CLOSED_DAYS_QUEUE%";
///     type Message = CloudEvent<Closed>;
/// }
///
/// async fn nightly(context: Context) -> Enqueue<ClosedDays> {
///     Enqueue::one(CloudEvent::new(&context, "day.closed", Closed { day: 7 }))
/// }
///
/// let function = Function::<()>::new("nightly", on::timer("0 0 3 * * *"), nightly);
/// ```
#[derive(Debug, Clone)]
pub struct CloudEvent<T> {
    id: Uuid,
    function: &'static str,
    kind: &'static str,
    time: SystemTime,
    trace: Trace,
    data: T,
}

impl<T> CloudEvent<T> {
    /// An event of the type `kind`, `order.placed` for one, that this invocation tells of. CloudEvents
    /// asks for a `kind` that is not empty, and recommends the reversed name of a domain in front.
    pub fn new(context: &Context, kind: &'static str, data: T) -> Self {
        Self {
            id: identifier(),
            function: context.function(),
            kind,
            time: SystemTime::now(),
            trace: *context.trace(),
            data,
        }
    }
}

/// Unique and no secret, so it comes from the generator that makes the ids of traces, which asks the
/// operating system only now and then.
fn identifier() -> Uuid {
    let random = RandomIdGenerator::default().new_trace_id().to_bytes();
    Builder::from_random_bytes(random).into_uuid()
}

impl<T: Serialize> Serialize for CloudEvent<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut time = String::with_capacity("2026-01-31T12:00:00.000Z".len());
        write_time(&mut time, self.time);
        let mut id = Uuid::encode_buffer();
        let mut event = serializer.serialize_struct("CloudEvent", 8)?;
        event.serialize_field("specversion", "1.0")?;
        event.serialize_field("id", &*self.id.as_hyphenated().encode_lower(&mut id))?;
        event.serialize_field("source", &Source(self.function))?;
        event.serialize_field("type", self.kind)?;
        event.serialize_field("time", &time)?;
        event.serialize_field("datacontenttype", "application/json")?;
        event.serialize_field("traceparent", &Parent(&self.trace))?;
        event.serialize_field("data", &self.data)?;
        event.end()
    }
}

/// A function as the source of an event. Its name needs no escapes in a URI (`App::problems`).
struct Source(&'static str);

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("/functions/{}", self.0))
    }
}

struct Parent<'a>(&'a Trace);

impl Serialize for Parent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}
