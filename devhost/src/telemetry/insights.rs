//! Envelopes for Application Insights (ingestion schema v2).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::record::{
    Attributes, Batch, Content, Item, Level, Log, Metric, NoBatch, Rejected, Signal, Span,
    SpanKind, Time, is_audit,
};

/// How many items a request may hold.
const MAX_ITEMS: usize = 20_000;
/// How long an item may be (Application Insights, "Service limits").
const MAX_ITEM_BYTES: usize = 64 * 1024;
/// The most that anybody's id takes.
const MAX_ID_BYTES: usize = 128;

/// Reads a JSON array, or one JSON object a line.
///
/// # Errors
///
/// [`NoBatch`]; an item alone that cannot be read is rejected in the batch.
pub(super) fn read(body: &[u8]) -> Result<Batch, NoBatch> {
    let text = std::str::from_utf8(body).map_err(|_| NoBatch::Malformed)?;
    let mut batch = Batch::default();
    if text.trim_start().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| NoBatch::Malformed)?;
        if items.len() > MAX_ITEMS {
            return Err(NoBatch::TooMany);
        }
        for (index, item) in items.into_iter().enumerate() {
            batch.take(index, Some(item));
        }
        return Ok(batch);
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    for (index, line) in lines.enumerate() {
        if index == MAX_ITEMS {
            return Err(NoBatch::TooMany);
        }
        batch.take(index, serde_json::from_str(line).ok());
    }
    Ok(batch)
}

impl Batch {
    fn take(&mut self, index: usize, raw: Option<&RawValue>) {
        let read = match raw {
            None => Err("the item is no JSON"),
            Some(raw) if raw.get().len() > MAX_ITEM_BYTES => Err("the item is too long"),
            Some(raw) => content(raw).map(|read| (raw, read)),
        };
        match read {
            Ok((raw, (app, content))) => {
                self.app = app.or(self.app.take());
                self.items.push(Item {
                    index,
                    raw: raw.to_owned(),
                    content,
                });
            }
            Err(why) => self.rejected.push(Rejected {
                index,
                // What cannot be read does not say what it is about.
                signal: Signal::Logs,
                status: 400,
                why,
            }),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    i_key: Cow<'a, str>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    data: Data,
}

/// `baseType` may come after `baseData`, so this is no tagged enum.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    base_type: String,
    base_data: Base,
}

/// The members of all the kinds of items that are sent.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Base {
    id: String,
    name: String,
    duration: String,
    response_code: Option<String>,
    success: Option<bool>,
    #[serde(rename = "type")]
    kind: Option<String>,
    message: String,
    severity_level: Option<Value>,
    exceptions: Vec<Exception>,
    metrics: Vec<Point>,
    properties: Option<Attributes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exception {
    #[serde(default)]
    type_name: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Point {
    name: String,
    value: f64,
    count: Option<u64>,
}

/// The app's name and what the envelope says.
fn content(raw: &RawValue) -> Result<(Option<String>, Content), &'static str> {
    let envelope: Envelope<'_> =
        serde_json::from_str(raw.get()).map_err(|_| "the item is no envelope")?;
    if envelope.i_key.is_empty() {
        return Err("the item has no instrumentation key");
    }
    let time = Time::parse(&envelope.time).ok_or("the time is none")?;
    let Envelope { mut tags, data, .. } = envelope;
    let Data {
        base_type,
        base_data: base,
    } = data;
    let app = tags.remove("ai.cloud.role");
    let mut id = |name: &str| {
        // All zeros stand for nothing (W3C Trace Context, "trace-id", "parent-id").
        let is_nothing = |id: &str| id.bytes().all(|digit| digit == b'0');
        let id = tags.remove(name).filter(|id| !is_nothing(id));
        match id {
            Some(id) if id.len() > MAX_ID_BYTES => Err("an id is too long"),
            id => Ok(id),
        }
    };
    let place = Place {
        time,
        trace: id("ai.operation.id")?,
        parent: id("ai.operation.parentId")?,
    };
    let content = match base_type.as_str() {
        "RequestData" => {
            let is_queue = base
                .properties
                .as_ref()
                .is_some_and(|p| p.contains_key("messaging.system"));
            let kind = if is_queue {
                SpanKind::Consumer
            } else {
                SpanKind::Server
            };
            span(base, place, kind)?
        }
        "RemoteDependencyData" => {
            // What has no type is work inside of the app.
            let kind = match base.kind.as_deref() {
                None | Some("" | "InProc") => SpanKind::Internal,
                Some(_) => SpanKind::Client,
            };
            span(base, place, kind)?
        }
        "MessageData" | "EventData" => line(base, place),
        "ExceptionData" => exception(base, place)?,
        "MetricData" => metric(base, time)?,
        _ => return Err("the item is of no kind that is known"),
    };
    Ok((app, content))
}

/// Where an item belongs.
struct Place {
    time: Time,
    trace: Option<String>,
    parent: Option<String>,
}

fn span(base: Base, place: Place, kind: SpanKind) -> Result<Content, &'static str> {
    if base.id.is_empty() || base.id.len() > MAX_ID_BYTES {
        return Err("the item has no id");
    }
    let mut attributes = base.properties.unwrap_or_default();
    if let Some(code) = base.response_code.and_then(|code| code.parse::<u16>().ok())
        && (100..600).contains(&code)
    {
        attributes
            .entry("http.response.status_code".to_owned())
            .or_insert_with(|| code.into());
    }
    Ok(Content::Span(Span {
        trace: place.trace.ok_or("the item has no operation id")?,
        id: base.id,
        parent: place.parent,
        name: base.name,
        kind,
        start: place.time,
        duration: duration(&base.duration).ok_or("the duration is none")?,
        failed: base.success == Some(false),
        attributes,
    }))
}

fn line(base: Base, place: Place) -> Content {
    let attributes = base.properties.unwrap_or_default();
    let message = if base.message.is_empty() {
        base.name
    } else {
        base.message
    };
    Content::Log(Log {
        trace: place.trace,
        span: place.parent,
        time: place.time,
        level: level(base.severity_level.as_ref()).unwrap_or(Level::Info),
        is_audit: is_audit(None, &attributes, &message),
        message,
        attributes,
    })
}

fn exception(base: Base, place: Place) -> Result<Content, &'static str> {
    let mut exceptions = base.exceptions.into_iter();
    let first = exceptions.next().ok_or("the item has no exception")?;
    let mut attributes = base.properties.unwrap_or_default();
    attributes.insert("exception.type".to_owned(), first.type_name.into());
    Ok(Content::Log(Log {
        trace: place.trace,
        span: place.parent,
        time: place.time,
        level: level(base.severity_level.as_ref()).unwrap_or(Level::Error),
        message: first.message,
        is_audit: false,
        attributes,
    }))
}

fn metric(base: Base, time: Time) -> Result<Content, &'static str> {
    // "Only one metric in the list is currently supported" (ingestion schema, MetricData).
    let mut points = base.metrics.into_iter();
    let point = points.next().ok_or("the item has no metric")?;
    Ok(Content::Metric(Metric {
        name: point.name,
        time,
        value: point.value,
        count: point.count,
        attributes: base.properties.unwrap_or_default(),
    }))
}

/// By number, as sent, or by name, as the schema has it.
fn level(severity: Option<&Value>) -> Option<Level> {
    let severity = severity?;
    Some(match (severity.as_u64(), severity.as_str()) {
        (Some(0), _) | (_, Some("Verbose")) => Level::Debug,
        (Some(1), _) | (_, Some("Information")) => Level::Info,
        (Some(2), _) | (_, Some("Warning")) => Level::Warn,
        (Some(3 | 4), _) | (_, Some("Error" | "Critical")) => Level::Error,
        _ => return None,
    })
}

/// `DD.HH:MM:SS.MMMMMM` or `HH:MM:SS.MMM` (ingestion schema, RequestData).
fn duration(text: &str) -> Option<Duration> {
    let [hours, minutes, seconds] = text.splitn(3, ':').collect::<Vec<_>>().try_into().ok()?;
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let fraction = format!("{:0<9}", fraction.get(..9).unwrap_or(fraction));
    let number = |text: &str| text.parse::<u32>().ok().map(u64::from);
    let hours = number(days)? * 24 + number(hours)?;
    let seconds = (hours * 60 + number(minutes)?) * 60 + number(seconds)?;
    Some(Duration::from_secs(seconds) + Duration::from_nanos(number(&fraction)?))
}
