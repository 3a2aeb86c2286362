//! Messages in a CloudEvents 1.0 envelope, in structured mode.
//!
//! 1. The envelope is strict JSON with `specversion` 1.0, and `id`, `source` and `type` that are not
//!    empty (CloudEvents 1.0.2, Required Attributes).
//! 2. Other members are extensions: their names are made of small letters and digits, their values
//!    are no objects or arrays (Attribute Naming Conventions, Type System). They are not kept.
//! 3. `data` is there, as JSON, and is read and validated as strictly as any payload.
//!    `data_base64` is refused.
//! 4. A `traceparent` that is malformed counts for nothing (W3C Trace Context §3.2.2.1).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use validator::{Validate, ValidationErrors};

use super::extract::document;
use super::json::{self, JsonLimits};
use super::{Input, Lenient, Rejection, content_type};
use crate::function::{Argument, Call, Inputs, Payload};
use crate::on::HasMessage;
use crate::telemetry::TraceParent;
use crate::wire::OffsetTime;

/// A message in a CloudEvents 1.0 envelope, which may name the trace that it belongs to: the
/// invocation goes on with it, unless the host itself named one. It comes last among the arguments.
///
/// [`output::CloudEvent`](crate::output::CloudEvent) writes it. Events of other senders are read too,
/// in structured mode with JSON data. What the envelope says is the sender's word: it is checked for
/// its form and for nothing else.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use stockade::input::CloudEvent;
/// use stockade::{Function, on};
/// use validator::Validate;
///
/// #[derive(Deserialize, Validate, JsonSchema)]
/// struct Closed {
///     #[validate(range(max = 366))]
///     day: u32,
/// }
///
/// async fn archive(CloudEvent { data, .. }: CloudEvent<Closed>) {
///     let Closed { day } = data;
///     // …
/// #   let _ = day;
/// }
///
/// let function = Function::<()>::new("archive", on::queue("%CLOSED_DAYS_QUEUE%"), archive);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CloudEvent<P> {
    /// Which event of its source it is. Deliveries repeat; two with the same id and source are the
    /// same event.
    pub id: String,
    /// Where it happened, as a URI reference.
    pub source: String,
    /// What happened: the attribute `type`.
    pub kind: String,
    /// What it is about, as the source says.
    pub subject: Option<String>,
    /// When it happened.
    pub time: Option<SystemTime>,
    /// What is told of it.
    pub data: P,
}

impl<T: HasMessage, S, P: Input> Argument<T, S> for CloudEvent<P> {
    type Role = Payload;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        let bytes = T::payload(call.event);
        let read = document::<Envelope<P>>(bytes);
        let parent = match &read {
            Ok(envelope) => envelope.parent,
            // The trace goes on into the refusal, too.
            Err(_) => parent_alone(bytes),
        };
        if let Some(parent) = parent {
            call.context.note_event(parent);
        }
        read.map(|envelope| envelope.event)
    }

    fn describe(inputs: &mut Inputs) {
        inputs.payload = Some(schemars::schema_for!(Described<P>));
    }
}

/// The trace that an event names which cannot be read otherwise.
fn parent_alone(bytes: &[u8]) -> Option<TraceParent> {
    #[derive(Deserialize)]
    struct Alone {
        traceparent: String,
    }

    let alone = json::parse::<Lenient<Alone>>(bytes, &JsonLimits::default());
    TraceParent::parse(&alone.ok()?.traceparent)
}

/// What is read: the event, and the trace that it names.
struct Envelope<P> {
    event: CloudEvent<P>,
    parent: Option<TraceParent>,
}

impl<P: Validate> Validate for Envelope<P> {
    fn validate(&self) -> Result<(), ValidationErrors> {
        ValidationErrors::merge(Ok(()), "data", self.event.data.validate())
    }
}

/// The form, as it is told to senders: what a sample has to hold.
#[derive(JsonSchema)]
#[schemars(rename = "CloudEvent_of_{P}")]
#[expect(dead_code, reason = "only the schema of this type counts")]
struct Described<P> {
    #[schemars(example = &"1.0")]
    specversion: String,
    #[schemars(length(min = 1), example = &"00000000-0000-4000-8000-000000000000")]
    id: String,
    #[schemars(length(min = 1), example = &"/functions/sample")]
    source: String,
    #[schemars(rename = "type", length(min = 1))]
    kind: String,
    #[schemars(example = &"application/json")]
    datacontenttype: Option<String>,
    data: P,
}

impl<P: JsonSchema> JsonSchema for Envelope<P> {
    fn inline_schema() -> bool {
        Described::<P>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        Described::<P>::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Described::<P>::json_schema(generator)
    }
}

/// The attributes that count here, and the data.
const MEMBERS: &[&str] = &[
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "traceparent",
    "tracestate",
    "data",
];

impl<'de, P: Deserialize<'de>> Deserialize<'de> for Envelope<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("CloudEvent", MEMBERS, Members(PhantomData))
    }
}

struct Members<P>(PhantomData<P>);

impl<'de, P: Deserialize<'de>> Visitor<'de> for Members<P> {
    type Value = Envelope<P>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a CloudEvent")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Envelope<P>, A::Error> {
        let (mut version, mut id, mut source, mut kind) = (None, None, None, None);
        let (mut subject, mut time, mut parent, mut data) = (None, None, None, None);
        // The reader sees to it that no name comes twice.
        while let Some(name) = members.next_key::<Name>()? {
            match name {
                Name::Version => version = members.next_value::<Option<Version>>()?,
                Name::Id => id = members.next_value::<Option<Filled>>()?,
                Name::Source => source = members.next_value::<Option<Filled>>()?,
                Name::Type => kind = members.next_value::<Option<Filled>>()?,
                Name::Subject => subject = members.next_value::<Option<Filled>>()?,
                Name::Time => time = members.next_value::<Option<OffsetTime>>()?,
                Name::ContentType => {
                    members.next_value::<Option<JsonType>>()?;
                }
                Name::Text => {
                    members.next_value::<Option<String>>()?;
                }
                Name::Parent => {
                    let text = members.next_value::<Option<String>>()?;
                    parent = text.as_deref().and_then(TraceParent::parse);
                }
                Name::Data => data = Some(members.next_value::<P>()?),
                Name::Extension => {
                    members.next_value::<Scalar>()?;
                }
                // The reader names the object, as it does for what a struct does not know.
                Name::Unknown => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        let missing = <A::Error as de::Error>::missing_field;
        version.ok_or_else(|| missing("specversion"))?;
        Ok(Envelope {
            event: CloudEvent {
                id: id.ok_or_else(|| missing("id"))?.0,
                source: source.ok_or_else(|| missing("source"))?.0,
                kind: kind.ok_or_else(|| missing("type"))?.0,
                subject: subject.map(|Filled(subject)| subject),
                time: time.and_then(OffsetTime::system_time),
                data: data.ok_or_else(|| missing("data"))?,
            },
            parent,
        })
    }
}

/// The name of a member.
enum Name {
    Version,
    Id,
    Source,
    Type,
    Subject,
    Time,
    ContentType,
    Parent,
    /// An attribute that is known and of no use here.
    Text,
    Data,
    Extension,
    Unknown,
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        match name {
            "specversion" => Self::Version,
            "id" => Self::Id,
            "source" => Self::Source,
            "type" => Self::Type,
            "subject" => Self::Subject,
            "time" => Self::Time,
            "datacontenttype" => Self::ContentType,
            "traceparent" => Self::Parent,
            "tracestate" | "dataschema" => Self::Text,
            "data" => Self::Data,
            other => {
                let sound = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
                match !other.is_empty() && other.bytes().all(sound) {
                    true => Self::Extension,
                    false => Self::Unknown,
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a name")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
                Ok(Name::from(name))
            }
        }

        deserializer.deserialize_identifier(Text)
    }
}

/// The one version that is read.
struct Version;

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match &*String::deserialize(deserializer)? {
            "1.0" => Ok(Self),
            _ => Err(de::Error::custom("another version")),
        }
    }
}

/// A text that is not empty.
struct Filled(String);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)? {
            text if text.is_empty() => Err(de::Error::custom("an empty text")),
            text => Ok(Self(text)),
        }
    }
}

/// A content type that says that the data is JSON.
struct JsonType;

impl<'de> Deserialize<'de> for JsonType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        content_type::require_json(Some(&text), None)
            .map(|()| Self)
            .map_err(de::Error::custom)
    }
}

/// The value of an extension.
struct Scalar;

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl Visitor<'_> for Scalar {
    type Value = Self;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text, a number or a boolean")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    /// An attribute that is null counts as left out (CloudEvents JSON Event Format 1.0.2, §2.2).
    fn visit_unit<E: de::Error>(self) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
