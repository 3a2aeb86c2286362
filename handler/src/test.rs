//! The test kit: the app in process, without sockets, in microseconds.
//!
//! A call takes the same way as in production, from telemetry to the answer on the wire; only the
//! bearer token is replaced by a [`Principal`] that the test makes up. The function's access rule
//! still decides, so a caller without the permission gets its 403.
//!
//! Time is tokio's: pause it with `#[tokio::test(start_paused = true)]` to see a deadline pass or a
//! caller's rate recover.
//!
//! ```
//! use stockade::{App, Function, Principal, Reply, access, on};
//!
//! async fn whoami(caller: Principal) -> Reply<String> {
//!     Reply::ok(caller.id().to_string())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = App::<()>::new("demo")
//!     .function(Function::new("whoami", on::get("whoami", access::scope("Me.Read")), whoami))
//!     .with_state(());
//!
//! let reader = Principal::for_tests("ada").with_scope("Me.Read");
//! let outcome = app.call("whoami").as_caller(reader).await;
//! assert_eq!(outcome.status(), 200);
//!
//! let stranger = Principal::for_tests("eve");
//! let outcome = app.call("whoami").as_caller(stranger).await;
//! assert_eq!(outcome.status(), 403);
//! # }
//! ```

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::app::{App, Assembly, Ready};
use crate::auth::{Clock, Principal, Tokens};
use crate::function::{InvocationId, Origin};
use crate::input::{self, Tick};
use crate::limits::LimitSettings;
use crate::on::TriggerKind;
use crate::output::Queue;
use crate::secrets::Declared;
use crate::settings::Problems;
#[cfg(test)]
use crate::telemetry::Spans;
use crate::telemetry::audit::Proxies;
use crate::telemetry::{Fields, JsonLines, Sink, When};
use crate::wire::{Arrived, Delivery, FunctionId, Message, ReplyAs};

mod keys;
mod parts;

pub use keys::Keys;

/// An app with its state, ready to be called.
pub struct TestApp<S> {
    ready: Ready<S>,
    log: Log,
    fields: Fields,
    dispatch: Dispatch,
}

impl<S: Send + Sync + 'static> App<S> {
    /// Puts the app together for a test.
    ///
    /// # Panics
    ///
    /// When the app has [`problems`](App::problems): in production it would not start.
    #[must_use]
    pub fn with_state(self, state: S) -> TestApp<S> {
        self.put_together(None, &no_settings()).with(state)
    }

    /// Puts the app together for a test, under limits that these settings give.
    #[cfg(test)]
    pub(crate) fn with_limits(self, state: S, settings: &[(&str, &str)]) -> TestApp<S> {
        let settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.put_together(None, &settings.collect()).with(state)
    }

    /// Puts the app together as it is before its state is built.
    #[cfg(feature = "cli")]
    pub(crate) fn without_state(self) -> TestApp<S> {
        self.put_together(None, &no_settings())
    }

    fn put_together(
        self,
        tokens: Option<Arc<Tokens>>,
        settings: &BTreeMap<String, String>,
    ) -> TestApp<S> {
        let problems = self.problems();
        assert!(
            problems.is_empty(),
            "the app would not start: {problems:#?}"
        );
        let mut problems = Problems::new();
        let limits = LimitSettings::read(settings, &mut problems);
        assert!(problems.is_empty(), "the app would not start: {problems}");
        let (mode, fields) = (self.mode(), self.fields());
        let ready = self.assemble(Assembly {
            port: 0,
            mode,
            route_prefix: "api".to_owned(),
            deadline: limits.deadline,
            limits,
            tokens,
            clock: Arc::new(TokioClock(tokio::time::Instant::now())),
            resource: None,
            certificates: None,
            spans: None,
            proxies: Proxies::default(),
        });
        let log = Log::default();
        let dispatch = dispatch_to(log.clone(), fields.clone());
        TestApp {
            ready,
            log,
            fields,
            dispatch,
        }
    }
}

impl<S: Send + Sync + 'static> TestApp<S> {
    fn with(self, state: S) -> Self {
        let set = self.ready.state().set(state);
        set.unwrap_or_else(|_| unreachable!("it was made just above"));
        self
    }

    /// With a value for the secret `K`, as if the vault had given it. Called again, it is rotated.
    ///
    /// # Panics
    ///
    /// When the app declares no such secret, or the text is no such value.
    #[must_use]
    pub fn with_secret<K: Declared>(self, text: &str) -> Self {
        self.ready.secrets().fill::<K>(text);
        self
    }

    /// Gives the spans of invocations to `spans`.
    #[cfg(test)]
    pub(crate) fn recording_to(mut self, spans: Spans) -> Self {
        self.ready.record_to(spans);
        self
    }

    /// Tells another subscriber than its own log.
    #[cfg(test)]
    pub(crate) fn telling(mut self, dispatch: Dispatch) -> Self {
        self.dispatch = dispatch;
        self
    }

    /// Tells what the audit trail has counted, as at the end of the app.
    #[cfg(test)]
    pub(crate) fn tell_rest_of_trail(&self) {
        tracing::dispatcher::with_default(&self.dispatch, || self.ready.trail().tell_rest());
    }

    #[cfg(test)]
    pub(crate) fn secrets(&self) -> &crate::secrets::Secrets {
        self.ready.secrets()
    }

    /// A call of the function `name`.
    ///
    /// # Panics
    ///
    /// When the app has no such function.
    pub fn call(&self, name: &str) -> TestCall<'_, S> {
        let Some(function) = self.ready.wire().routes().by_name(name) else {
            panic!("the app has no function `{name}`")
        };
        TestCall {
            app: self,
            function,
            path: None,
            query: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            caller: None,
            dequeue_count: 1,
            past_due: false,
            origin: Origin::default(),
        }
    }

    /// Every log line so far, as JSON, without those of the audit trail.
    ///
    /// # Panics
    ///
    /// When a line is not JSON.
    pub fn log(&self) -> Vec<Value> {
        let mut lines = self.lines();
        lines.retain(|line| line["audit.id"].is_null());
        lines
    }

    /// Every audit event so far, as JSON. Of alike events there is the first.
    ///
    /// # Panics
    ///
    /// When a line is not JSON.
    pub fn audit(&self) -> Vec<Value> {
        let mut lines = self.lines();
        lines.retain(|line| !line["audit.id"].is_null());
        lines
    }

    fn lines(&self) -> Vec<Value> {
        let lines = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .map(|line| serde_json::from_str(line).expect("every line is one JSON object"))
            .collect()
    }
}

fn no_settings() -> BTreeMap<String, String> {
    BTreeMap::new()
}

/// tokio's time, since this instant.
pub(crate) struct TokioClock(pub(crate) tokio::time::Instant);

impl Clock for TokioClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.uptime()
    }

    fn uptime(&self) -> Duration {
        self.0.elapsed()
    }
}

pub(crate) fn dispatch_to(sink: impl Sink, fields: Fields) -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(JsonLines::to(sink).with(fields)))
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

#[cfg(feature = "cli")]
impl Log {
    /// All of it.
    pub(crate) fn whole(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.concat()
    }
}

#[cfg(test)]
impl Log {
    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Sink for Log {
    fn line(&self, line: &str, _: When) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.to_owned());
    }
}

/// A call that is made when it is awaited.
#[must_use = "a call is made when it is awaited"]
pub struct TestCall<'a, S> {
    app: &'a TestApp<S>,
    function: FunctionId,
    path: Option<String>,
    query: Option<String>,
    headers: HeaderMap,
    body: Bytes,
    caller: Option<Principal>,
    dequeue_count: u32,
    past_due: bool,
    origin: Origin,
}

impl<S: Send + Sync + 'static> TestCall<'_, S> {
    /// With this caller, as if its token had been verified.
    pub fn as_caller(mut self, caller: Principal) -> Self {
        self.caller = Some(caller);
        self
    }

    /// With a JSON body.
    ///
    /// # Panics
    ///
    /// When `body` cannot be serialised.
    pub fn json(self, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).expect("a test's body can be serialised");
        self.header(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )
        .body(bytes)
    }

    /// With these bytes as its body.
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = bytes.into();
        self
    }

    /// With a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// At a path below the route prefix; needed where the route has parameters.
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.trim_start_matches('/').to_owned());
        self
    }

    /// With a query string, without its `?`.
    pub fn query(mut self, query: &str) -> Self {
        self.query = Some(query.to_owned());
        self
    }

    /// From this address, as if the platform had given it.
    #[cfg(test)]
    pub(crate) fn coming_from(mut self, address: [u8; 4]) -> Self {
        self.origin = Origin::default().at(Some(address.into()));
        self
    }

    /// With a JSON message.
    ///
    /// # Panics
    ///
    /// When `message` cannot be serialised.
    pub fn message(self, message: &impl Serialize) -> Self {
        self.body(serde_json::to_vec(message).expect("a test's message can be serialised"))
    }

    /// As this delivery of a message, counted from 1.
    pub fn dequeue_count(mut self, count: u32) -> Self {
        self.dequeue_count = count;
        self
    }

    /// As a tick that was missed and is made up for.
    pub fn past_due(mut self) -> Self {
        self.past_due = true;
        self
    }

    async fn make(self) -> Outcome {
        let ready = &self.app.ready;
        let routes = ready.wire().routes();
        let form = routes.form(self.function);
        let entry = ready.entry(self.function);
        let origin = Origin::of(&self.headers);
        let delivery = match routes.shape(self.function).kind {
            TriggerKind::Http => {
                let route = entry
                    .trigger
                    .route
                    .as_ref()
                    .expect("an HTTP function has a route");
                let path = self.path.as_deref().unwrap_or(route.template.as_str());
                let path = format!("/api/{path}");
                let query = self
                    .query
                    .map(|query| format!("?{query}"))
                    .unwrap_or_default();
                let uri = format!("{path}{query}")
                    .parse()
                    .expect("the test names a path");
                let params = routes.params(self.function, &path);
                Delivery::Request(Box::new(input::Request {
                    method: route.methods.first().cloned().unwrap_or_default(),
                    uri,
                    headers: self.headers,
                    params: params.expect("the path matches the function's route"),
                    certificate: None,
                    body: input::Body::Full(self.body),
                }))
            }
            TriggerKind::Queue => Delivery::Message(Box::new(Message {
                payload: self.body,
                metadata: format!(r#"{{"DequeueCount":"{}"}}"#, self.dequeue_count),
            })),
            TriggerKind::Timer => Delivery::Tick(Box::new(Tick {
                past_due: self.past_due,
                last: None,
                next: None,
            })),
        };
        let context = ready.wire().context(
            self.function,
            InvocationId::for_tests(),
            self.origin.or(origin),
        );
        let context = context.presenting(self.caller);
        let arrived = Arrived::for_tests(self.function, context, delivery, form);
        let response = ready
            .answer(arrived)
            .with_subscriber(self.app.dispatch.clone())
            .await
            .into_response();
        let mut outcome = Outcome::read(response, form == ReplyAs::Direct).await;
        outcome.queues = entry
            .plan
            .bindings
            .iter()
            .filter_map(|binding| {
                Some((binding.name().to_owned(), binding.destination()?.to_owned()))
            })
            .collect();
        outcome
    }
}

impl<'a, S: Send + Sync + 'static> IntoFuture for TestCall<'a, S> {
    type Output = Outcome;
    type IntoFuture = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.make())
    }
}

/// What came of a call.
#[derive(Debug)]
pub struct Outcome {
    /// What the host is told.
    host_status: StatusCode,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    outputs: serde_json::Map<String, Value>,
    queues: Vec<(String, String)>,
}

impl Outcome {
    async fn read(response: Response<Body>, direct: bool) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("an answer ends").to_bytes();
        let mut outcome = Self {
            host_status: parts.status,
            status: parts.status,
            headers: parts.headers,
            body,
            outputs: serde_json::Map::new(),
            queues: Vec::new(),
        };
        if direct {
            return outcome;
        }
        let envelope: Value = serde_json::from_slice(&outcome.body).unwrap_or_default();
        if let Value::Object(outputs) = &envelope["Outputs"] {
            outcome.outputs = outputs.clone();
        }
        if let Some(res) = outcome.outputs.remove("res") {
            outcome.answered(&res);
        }
        outcome
    }

    /// Takes the HTTP answer from the envelope's `res`.
    fn answered(&mut self, res: &Value) {
        let status = res["statusCode"]
            .as_u64()
            .and_then(|status| u16::try_from(status).ok());
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        self.status = status.expect("an answer names its status");
        self.headers = res["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                let name: HeaderName = name.parse().expect("a header's name");
                let value = value.as_str().expect("a header's value is text");
                (name, value.trim_start().parse().expect("a header's value"))
            })
            .collect();
        self.body = Bytes::from(res["body"].as_str().unwrap_or_default().to_owned());
    }

    /// The status that the caller sees; for an event, the one that the host sees.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Whether the host counts the invocation as done.
    pub fn is_done(&self) -> bool {
        self.host_status.is_success()
    }

    /// A header of the answer.
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer's body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The answer's body as JSON.
    ///
    /// # Panics
    ///
    /// When it is not JSON of this shape.
    pub fn json<B: DeserializeOwned>(&self) -> B {
        serde_json::from_slice(&self.body).expect("the body is JSON of this shape")
    }

    /// The texts that were written to the queue `Q`, in their order.
    pub fn queued<Q: Queue>(&self) -> Vec<String> {
        self.texts(Q::NAME)
    }

    /// The documents that were written to the quarantine.
    ///
    /// # Panics
    ///
    /// When one is not JSON.
    pub fn quarantined(&self) -> Vec<Value> {
        let parse = |text: String| serde_json::from_str(&text).expect("a quarantined document");
        texts(self.outputs.get("quarantine"))
            .into_iter()
            .map(parse)
            .collect()
    }

    fn texts(&self, destination: &str) -> Vec<String> {
        let bindings = self.queues.iter().filter(|(_, to)| to == destination);
        bindings
            .flat_map(|(name, _)| texts(self.outputs.get(name)))
            .collect()
    }
}

fn texts(output: Option<&Value>) -> Vec<String> {
    let elements = output.and_then(Value::as_array).into_iter().flatten();
    elements
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}
