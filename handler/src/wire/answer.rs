//! Telling the host, and through it the caller.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Limited};

use crate::failure::{Disposition, Failure};
use crate::function::{Context, Entry};
use crate::output::{Answer, AnswerBody, Outputs, quarantined};
use crate::telemetry::audit::Trail;
use crate::telemetry::{Recorded, metrics};

use super::FunctionId;

/// In which form an invocation is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyAs {
    /// The answer is the caller's.
    Direct,
    /// The answer stands in the output `res` of an envelope.
    HttpEnvelope,
    /// Nobody reads the answer; its status decides between done and retry.
    EventEnvelope,
}

/// What is needed to answer an invocation, whatever becomes of it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(super) function: FunctionId,
    pub(super) form: ReplyAs,
    /// The payload of an event that has a quarantine.
    pub(super) payload: Option<Bytes>,
}

impl Reply {
    /// For what has no payload that could be kept.
    pub(crate) fn without_payload(function: FunctionId, form: ReplyAs) -> Self {
        Self {
            function,
            form,
            payload: None,
        }
    }

    pub(crate) fn function(&self) -> FunctionId {
        self.function
    }
}

/// An answer that can be carried to the host.
#[derive(Debug)]
pub(crate) struct Packed {
    response: Response<Body>,
    status: Option<StatusCode>,
}

impl Packed {
    /// What an HTTP caller will see.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.status
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn into_response(self) -> Response<Body> {
        self.response
    }
}

/// The answer to an invocation. Only [`Wiring::answer`] makes one.
#[derive(Debug)]
pub(crate) struct Answered(Response<Body>);

impl Answered {
    pub(crate) fn into_response(self) -> Response<Body> {
        self.0
    }
}

/// The names in function.json of what each function writes, by its id.
#[derive(Debug)]
pub(crate) struct Wiring {
    names: Vec<Names>,
    trail: Arc<Trail>,
}

#[derive(Debug)]
struct Names {
    outputs: Vec<String>,
    quarantine: Option<String>,
}

impl Wiring {
    pub(crate) fn new<'a>(
        functions: impl IntoIterator<Item = &'a Entry>,
        trail: Arc<Trail>,
    ) -> Self {
        let names = functions.into_iter().map(|entry| Names {
            outputs: entry
                .plan
                .bindings
                .iter()
                .map(|binding| binding.name().to_owned())
                .collect(),
            quarantine: entry
                .trigger
                .quarantine
                .map(|sink| sink.binding().name().to_owned()),
        });
        Self {
            names: names.collect(),
            trail,
        }
    }

    /// Packs what a function gave back.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsendable`]: the way that the call came cannot carry it.
    pub(crate) async fn pack(
        &self,
        reply: &Reply,
        mut outputs: Outputs,
    ) -> Result<Packed, Failure> {
        let names = &self.names[reply.function.index()];
        match reply.form {
            ReplyAs::Direct => Ok(direct(outputs.answer)),
            ReplyAs::HttpEnvelope => {
                if let Some(answer) = &mut outputs.answer
                    && let AnswerBody::Stream(stream) = &mut answer.body
                {
                    // Boxed, because it is rare: every invocation has room for what a future holds.
                    let text = Box::pin(whole_text(std::mem::take(stream)));
                    answer.body = AnswerBody::Text(text.await?);
                }
                in_envelope(outputs, names)
            }
            ReplyAs::EventEnvelope => Ok(event(&outputs, names)),
        }
    }

    /// The answer to one invocation. Only a recorded outcome can be answered.
    pub(crate) fn answer(&self, recorded: Recorded) -> Answered {
        let (context, reply, outcome) = recorded.into_parts();
        Answered(match outcome {
            Ok(packed) => packed.response,
            Err(failure) => self.refusal(&context, &reply, &failure),
        })
    }

    fn refusal(&self, context: &Context, reply: &Reply, failure: &Failure) -> Response<Body> {
        match reply.form {
            ReplyAs::Direct => direct(Some(problem(context, failure).into())).response,
            ReplyAs::HttpEnvelope => failed_in_envelope(&problem(context, failure)),
            ReplyAs::EventEnvelope => {
                let names = &self.names[reply.function.index()];
                let payload = reply.payload.as_deref();
                match kept_event(context, failure, payload, names) {
                    Some(kept) => {
                        self.trail.quarantined(context, failure);
                        metrics().quarantined(context.function(), failure.rule());
                        kept
                    }
                    None => failed_event(context, failure),
                }
            }
        }
    }
}

/// Headers of every HTTP answer, unless the function sets its own.
const DEFAULTS: [(HeaderName, &str); 5] = [
    (http::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (http::header::CACHE_CONTROL, "no-store"),
    (http::header::REFERRER_POLICY, "no-referrer"),
    (http::header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    (
        http::header::STRICT_TRANSPORT_SECURITY,
        "max-age=31536000; includeSubDomains",
    ),
];

fn missing_defaults(
    headers: &HeaderMap,
) -> impl Iterator<Item = &'static (HeaderName, &'static str)> {
    DEFAULTS
        .iter()
        .filter(|(name, _)| !headers.contains_key(name))
}

fn add_defaults(headers: &mut HeaderMap) {
    for (name, value) in missing_defaults(headers).collect::<Vec<_>>() {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
}

/// A problem document with its status and headers (RFC 9457 §3).
struct Told {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl From<Told> for Answer {
    fn from(told: Told) -> Self {
        Self {
            status: told.status,
            headers: told.headers,
            body: AnswerBody::Text(told.text),
        }
    }
}

/// The answer to a request that is no invocation, so that its problem document names none.
pub(crate) fn refused<B: From<String>>(failure: &Failure) -> Response<B> {
    let told = told(failure, "");
    let mut response = Response::new(B::from(told.text));
    *response.status_mut() = told.status;
    *response.headers_mut() = told.headers;
    add_defaults(response.headers_mut());
    response
}

fn problem(context: &Context, failure: &Failure) -> Told {
    told(failure, context.invocation_id().as_str())
}

fn told(failure: &Failure, invocation_id: &str) -> Told {
    let problem = failure.problem();
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json; charset=utf-8"),
    );
    headers.extend(failure.headers());
    Told {
        status: problem.status(),
        headers,
        text: problem.to_json(invocation_id),
    }
}

/// The caller's own answer; none is 204.
fn direct(answer: Option<Answer>) -> Packed {
    let (status, headers, body) = match answer {
        None => (StatusCode::NO_CONTENT, HeaderMap::new(), Body::empty()),
        Some(answer) => {
            let body = match answer.body {
                AnswerBody::Text(text) => Body::from(text),
                AnswerBody::Bytes(bytes) => Body::from(bytes),
                AnswerBody::Stream(stream) => stream,
            };
            (answer.status, answer.headers, body)
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    add_defaults(response.headers_mut());
    Packed {
        response,
        status: Some(status),
    }
}

/// The most that a mounted router may answer through the envelope, in bytes.
const MAX_ENVELOPE_REPLY_BYTES: usize = 1024 * 1024;

fn in_envelope(outputs: Outputs, names: &Names) -> Result<Packed, Failure> {
    let (status, headers, text) = match outputs.answer {
        None => (StatusCode::NO_CONTENT, HeaderMap::new(), String::new()),
        Some(answer) => match answer.body {
            AnswerBody::Text(text) => (answer.status, answer.headers, text),
            // The envelope carries nothing but text.
            AnswerBody::Bytes(_) | AnswerBody::Stream(_) => return Err(NOT_TEXT),
        },
    };
    let mut json = Vec::with_capacity(768 + text.len() * 2);
    json.extend_from_slice(START);
    write_http(&mut json, status, &headers, &text)?;
    write_messages(&mut json, &outputs.messages, names, true);
    json.extend_from_slice(END);
    Ok(Packed {
        response: envelope(StatusCode::OK, json),
        status: Some(status),
    })
}

/// What a mounted router answers, as text.
async fn whole_text(stream: Body) -> Result<String, Failure> {
    let bytes = Limited::new(stream, MAX_ENVELOPE_REPLY_BYTES)
        .collect()
        .await
        .map_err(|_| Failure::Unsendable("more than 1 MiB in the envelope"))?
        .to_bytes();
    String::from_utf8(bytes.into()).map_err(|_| NOT_TEXT)
}

const NOT_TEXT: Failure = Failure::Unsendable("bytes in the envelope");

/// A refused call stands in a 2xx envelope, because the host drops the body of any other.
fn failed_in_envelope(told: &Told) -> Response<Body> {
    let mut json = Vec::with_capacity(512 + told.text.len() * 2);
    json.extend_from_slice(START);
    write_http(&mut json, told.status, &told.headers, &told.text)
        .expect("a problem document and its headers are plain ASCII");
    json.extend_from_slice(END);
    envelope(StatusCode::OK, json)
}

fn event(outputs: &Outputs, names: &Names) -> Packed {
    let mut json = START.to_vec();
    write_messages(&mut json, &outputs.messages, names, false);
    json.extend_from_slice(END);
    Packed {
        response: envelope(StatusCode::OK, json),
        status: None,
    }
}

/// An event that is wrong for good, kept in the quarantine where there is one.
fn kept_event(
    context: &Context,
    failure: &Failure,
    payload: Option<&[u8]>,
    names: &Names,
) -> Option<Response<Body>> {
    if failure.disposition() != Disposition::Quarantine {
        return None;
    }
    let name = names.quarantine.as_ref()?;
    let document = quarantined(context, failure, payload?)?;
    let mut json = START.to_vec();
    write_entry(&mut json, name, std::slice::from_ref(&document), false);
    json.extend_from_slice(END);
    Some(envelope(StatusCode::OK, json))
}

/// An event that did not succeed and is left to the platform, by a status that is not 2xx.
fn failed_event(context: &Context, failure: &Failure) -> Response<Body> {
    let problem = failure.problem();
    // The host reads no body here, only the status (host 4.1037, SendInvocationRequestAsync).
    let status = match problem.status() {
        status if status.is_server_error() => status,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let text = problem.to_json(context.invocation_id().as_str());
    envelope(status, text.into_bytes())
}

/// How every envelope begins and ends. `ReturnValue` is never an object, because the host would copy
/// its members over the outputs (host 4.1037, WorkerFunctionInvoker).
const START: &[u8] = b"{\"Outputs\":{";
const END: &[u8] = b"},\"Logs\":[],\"ReturnValue\":null}";

fn envelope(status: StatusCode, json: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `"res":{…}`. The status is always named, because the host takes a missing one for 200.
fn write_http(
    json: &mut Vec<u8>,
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
) -> Result<(), Failure> {
    json.extend_from_slice(b"\"res\":{\"statusCode\":");
    json.extend_from_slice(status.as_str().as_bytes());
    json.extend_from_slice(b",\"headers\":{");
    let mut comma = false;
    for name in headers.keys() {
        let mut values = headers.get_all(name).iter();
        let value = values.next().and_then(|value| value.to_str().ok());
        let value = value.ok_or(Failure::Unsendable(
            "a header that is not ASCII in the envelope",
        ))?;
        if values.next().is_some() {
            return Err(Failure::Unsendable("a header twice in the envelope"));
        }
        write_header(json, name, value, &mut comma);
    }
    for (name, value) in missing_defaults(headers) {
        if std::mem::replace(&mut comma, true) {
            json.push(b',');
        }
        // They are ours, and hold nothing to escape and no date.
        for part in ["\"", name.as_str(), "\":\"", value, "\""] {
            json.extend_from_slice(part.as_bytes());
        }
    }
    json.extend_from_slice(b"},\"body\":");
    if is_date(body) {
        return Err(Failure::Unsendable(
            "text that is wholly a date in the envelope",
        ));
    }
    write_text(json, body);
    json.push(b'}');
    Ok(())
}

fn write_messages(
    json: &mut Vec<u8>,
    messages: &[Option<Vec<String>>],
    names: &Names,
    mut comma: bool,
) {
    for (name, messages) in names.outputs.iter().zip(messages) {
        if let Some(messages) = messages {
            write_entry(json, name, messages, comma);
            comma = true;
        }
    }
}

fn write_header(json: &mut Vec<u8>, name: &HeaderName, value: &str, comma: &mut bool) {
    if std::mem::replace(comma, true) {
        json.push(b',');
    }
    write_text(json, name.as_str());
    json.push(b':');
    if is_date(value) {
        // A value that is a date is rewritten, and one leading space prevents it without reaching
        // the caller (host 4.1037, RawScriptResult).
        write_text(json, &format!(" {value}"));
    } else {
        write_text(json, value);
    }
}

/// Texts as an array, whose elements the host leaves as they are (host 4.1037,
/// HttpScriptInvocationResultExtensions.GetBindingValue).
fn write_entry(json: &mut Vec<u8>, name: &str, messages: &[String], comma: bool) {
    if comma {
        json.push(b',');
    }
    write_text(json, name);
    json.extend_from_slice(b":[");
    for (at, message) in messages.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        write_text(json, message);
    }
    json.push(b']');
}

fn write_text(json: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(json, text).expect("a text is written to memory");
}

/// Whether the host would take the whole text for a date: ISO 8601 with a time, or `/Date(…)/`.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let iso = bytes.len() >= 16
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && bytes[10] == b'T';
    iso || text.starts_with("/Date(")
}

#[cfg(test)]
mod tests;
