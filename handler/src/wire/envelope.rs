//! Decoding the host's envelope by what function.json declares, never by a look at the value.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::values::{OffsetTime, Text, payload_text, unquoted};
use super::{Delivery, FunctionId, Message, ReplyAs, Routes, method, path_and_query};
use crate::auth::{ClientCertificateHeader, headers};
use crate::function::{Entry, Origin};
use crate::input::{self, Rejection, Tick, declared_length};
use crate::on::TriggerKind;
use crate::telemetry::audit::Proxies;

/// How a function's trigger is bound, which decides how its value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The trigger's name in function.json.
    pub(crate) binding: String,
    pub(crate) kind: TriggerKind,
    /// `dataType: "binary"`: the value is base64 and nothing else.
    pub(crate) binary: bool,
    /// A retry policy is set, so the host's own `RetryContext` is in the metadata.
    pub(crate) retried: bool,
}

impl Shape {
    pub(crate) fn of(entry: &Entry) -> Self {
        let binding = &entry.trigger.binding;
        Self {
            binding: binding.name().to_owned(),
            kind: entry.trigger.kind,
            binary: binding.is_binary(),
            retried: entry.trigger.retry.is_some(),
        }
    }

    pub(crate) fn reply_as(&self) -> ReplyAs {
        match self.kind {
            TriggerKind::Http => ReplyAs::HttpEnvelope,
            TriggerKind::Queue | TriggerKind::Timer => ReplyAs::EventEnvelope,
        }
    }
}

/// An envelope, decoded by its shape.
#[derive(Debug)]
pub(crate) struct Decoded<'de> {
    data: Data<'de>,
    metadata: &'de str,
    retried: bool,
}

#[derive(Debug)]
enum Data<'de> {
    Http(HttpData<'de>),
    Message(Vec<u8>),
    Timer(TimerData),
}

/// What an envelope delivers to its function.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) delivery: Delivery,
    pub(super) attempt: u32,
    /// What the caller's own headers tell of where the request comes from.
    pub(super) origin: Origin,
}

/// Decodes an envelope.
///
/// # Errors
///
/// The envelope is not the host's: it is not JSON, lacks the binding, or its value has another shape.
pub(crate) fn decode<'de>(shape: &Shape, bytes: &'de [u8]) -> Result<Decoded<'de>, Rejection> {
    // Once for all: a reader of bytes would look at each text in them by itself.
    let text = str::from_utf8(bytes).map_err(|_| Rejection::NOT_AN_ENVELOPE)?;
    let mut json = serde_json::Deserializer::from_str(text);
    let decoded = Envelope(shape).deserialize(&mut json);
    decoded
        .and_then(|decoded| json.end().map(|()| decoded))
        .map_err(|_| Rejection::NOT_AN_ENVELOPE)
}

impl Decoded<'_> {
    /// The delivery, which attempt it is, and what led to it.
    pub(super) fn deliver(
        self,
        routes: &Routes,
        function: FunctionId,
        proxies: Proxies,
    ) -> Result<Delivered, Rejection> {
        let attempt = if self.retried {
            attempt(self.metadata)
        } else {
            0
        };
        let mut origin = Origin::default();
        let delivery = match self.data {
            Data::Http(data) => {
                origin = Origin::of(&data.headers).at(proxies.client(&data.headers));
                Delivery::Request(Box::new(data.into_request(routes, function)?))
            }
            Data::Message(payload) => Delivery::Message(Box::new(Message {
                payload: payload.into(),
                metadata: self.metadata.to_owned(),
            })),
            Data::Timer(data) => Delivery::Tick(Box::new(data.into())),
        };
        Ok(Delivered {
            delivery,
            attempt,
            origin,
        })
    }
}

/// The attempt in `RetryContext`, which is the host's own wherever a retry policy is set (host
/// 4.1037, SetRetryContext).
fn attempt(metadata: &str) -> u32 {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Metadata {
        retry_context: Option<RetryContext>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct RetryContext {
        retry_count: u32,
    }

    serde_json::from_str::<Metadata>(metadata)
        .ok()
        .and_then(|metadata| metadata.retry_context)
        .map_or(0, |context| context.retry_count)
}

struct Envelope<'a>(&'a Shape);

impl<'de> DeserializeSeed<'de> for Envelope<'_> {
    type Value = Decoded<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Decoded<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Envelope<'_> {
    type Value = Decoded<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope with Data and Metadata")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Decoded<'de>, M::Error> {
        use serde::de::Error as _;

        let mut data = None;
        let mut metadata = None;
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                "Data" if data.is_none() => data = Some(map.next_value_seed(Bindings(self.0))?),
                // Only an event's metadata is genuine, and nothing is read from a request's.
                "Metadata" if metadata.is_none() && self.0.kind == TriggerKind::Http => {
                    map.next_value::<IgnoredAny>()?;
                    metadata = Some("{}");
                }
                "Metadata" if metadata.is_none() => {
                    metadata = Some(map.next_value::<&RawValue>()?.get());
                }
                _ => return Err(M::Error::custom("another member, or one member twice")),
            }
        }
        Ok(Decoded {
            data: data.ok_or_else(|| M::Error::missing_field("Data"))?,
            metadata: metadata.unwrap_or("{}"),
            retried: self.0.retried,
        })
    }
}

/// The bindings in `Data`, of which the trigger's is taken.
struct Bindings<'a>(&'a Shape);

impl<'de> DeserializeSeed<'de> for Bindings<'_> {
    type Value = Data<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Bindings<'_> {
    type Value = Data<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bindings, `{}` among them", self.0.binding)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Data<'de>, M::Error> {
        use serde::de::Error as _;

        let mut data = None;
        while let Some(Text(name)) = map.next_key()? {
            if *name != *self.0.binding {
                map.next_value::<IgnoredAny>()?;
            } else if data.is_some() {
                return Err(M::Error::custom("the trigger's binding twice"));
            } else {
                data = Some(match self.0.kind {
                    TriggerKind::Http => Data::Http(map.next_value()?),
                    TriggerKind::Timer => Data::Timer(map.next_value()?),
                    TriggerKind::Queue if self.0.binary => {
                        let Text(text) = map.next_value()?;
                        let bytes = STANDARD.decode(&*text);
                        Data::Message(bytes.map_err(|_| M::Error::custom("not base64"))?)
                    }
                    TriggerKind::Queue => {
                        let Text(text) = map.next_value()?;
                        Data::Message(payload_text(&text).into_owned().into_bytes())
                    }
                });
            }
        }
        data.ok_or_else(|| M::Error::custom("the trigger's binding is missing"))
    }
}

/// The request object (host 4.1037, HttpRequestExtensions.GetRequestAsJObject). Its query and route
/// values are taken from the URL, which is not lossy.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HttpData<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(deserialize_with = "header_map")]
    headers: HeaderMap,
    #[serde(default, deserialize_with = "body_text")]
    body: Option<String>,
}

/// A body's text, or none for `null`.
fn body_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    use serde::de::Error as _;

    let quoted = Option::<&RawValue>::deserialize(deserializer)?;
    quoted
        .map(|quoted| unquoted(quoted.get()))
        .transpose()
        .map_err(D::Error::custom)
}

impl HttpData<'_> {
    fn into_request(
        self,
        routes: &Routes,
        function: FunctionId,
    ) -> Result<input::Request<input::Body>, Rejection> {
        let uri = path_and_query(&self.url).ok_or(Rejection::NOT_AN_ENVELOPE)?;
        let method = method(&self.method).ok_or(Rejection::NOT_AN_ENVELOPE)?;
        let params = routes
            .params(function, uri.path())
            .ok_or(Rejection::NOT_AN_ENVELOPE)?;
        let mut headers = self.headers;
        let body = body(&headers, self.body);
        let certificate = ClientCertificateHeader::of(&headers);
        headers::strip_identity(&mut headers);
        Ok(input::Request {
            method,
            uri,
            headers,
            params,
            certificate,
            body,
        })
    }
}

/// The body as the caller sent it, or why it is lost.
fn body(headers: &HeaderMap, body: Option<String>) -> input::Body {
    match body {
        None if headers.contains_key(TRANSFER_ENCODING) => {
            input::Body::Lost(Rejection::LENGTH_REQUIRED)
        }
        None => input::Body::Full(Bytes::new()),
        Some(text) if is_sent_as_base64(headers) => match STANDARD.decode(text) {
            Ok(bytes) => input::Body::Full(bytes.into()),
            Err(_) => input::Body::Lost(Rejection::NOT_AN_ENVELOPE),
        },
        // The host drops a byte order mark, and writes U+FFFD for what is not UTF-8; both change the
        // length, or leave the mark of the damage.
        Some(text) => {
            let whole = declared_length(headers).is_none_or(|length| length == text.len() as u64);
            if whole && !text.contains('\u{FFFD}') {
                input::Body::Full(text.into())
            } else {
                input::Body::Lost(Rejection::BODY_DAMAGED)
            }
        }
    }
}

/// The two kinds of content that the host passes on as bytes.
fn is_sent_as_base64(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .map_or(&b""[..], HeaderValue::as_bytes);
    let essence = value
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    essence.eq_ignore_ascii_case(b"application/octet-stream")
        || essence.len() >= 10 && essence[..10].eq_ignore_ascii_case(b"multipart/")
}

/// Headers of the envelope: each name with a list of values, or with one value.
fn header_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    struct Headers;

    impl<'de> Visitor<'de> for Headers {
        type Value = HeaderMap;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("headers")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<HeaderMap, M::Error> {
            use serde::de::Error as _;

            let mut headers = HeaderMap::with_capacity(16);
            while let Some(Text(name)) = map.next_key()? {
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(M::Error::custom)?;
                map.next_value_seed(Values(&mut headers, name))?;
            }
            Ok(headers)
        }
    }

    deserializer.deserialize_map(Headers)
}

struct Values<'a>(&'a mut HeaderMap, HeaderName);

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header's values")
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        let value = HeaderValue::from_str(value).map_err(E::custom)?;
        self.0.append(self.1, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        use serde::de::Error as _;

        while let Some(Text(value)) = values.next_element()? {
            let value = HeaderValue::from_str(&value).map_err(A::Error::custom)?;
            self.0.append(self.1.clone(), value);
        }
        Ok(())
    }
}

/// The timer's state (host extensions, TimerInfo).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimerData {
    schedule_status: Option<ScheduleStatus>,
    #[serde(default)]
    is_past_due: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScheduleStatus {
    last: Option<OffsetTime>,
    next: Option<OffsetTime>,
}

impl From<TimerData> for Tick {
    fn from(data: TimerData) -> Self {
        let status = data.schedule_status;
        Self {
            past_due: data.is_past_due,
            last: status
                .as_ref()
                .and_then(|status| status.last?.system_time()),
            next: status
                .as_ref()
                .and_then(|status| status.next?.system_time()),
        }
    }
}

#[cfg(test)]
mod tests;
