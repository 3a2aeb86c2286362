//! A running app, and what came of its telemetry.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stockade_tests::process::poll;
use stockade_tests::{App, Host, Request, Setup};

/// The names of both receivers.
pub(crate) const SOURCES: [&str; 2] = [INSIGHTS, OTLP];
pub(crate) const INSIGHTS: &str = "applicationInsights";
pub(crate) const OTLP: &str = "otlp";

/// The app of the gallery that is looked at, with everything recorded and metrics each second.
pub(crate) fn observed() -> Setup {
    watched(Setup::of(App::Gallery("observed")))
        .setting("OBSERVED_QUEUE", "observed")
        .setting("KEPT_QUEUE", "kept")
}

/// With everything recorded and metrics each second.
pub(crate) fn watched(setup: Setup) -> Setup {
    setup
        .setting("OTEL_TRACES_SAMPLER", "always_on")
        .setting("OTEL_METRIC_EXPORT_INTERVAL", "1000")
}

/// A running host, whose receivers are asked by its admin API.
pub(crate) struct World {
    pub(crate) host: Host,
}

impl World {
    pub(crate) fn start(setup: &Setup) -> Self {
        Self {
            host: setup.start(),
        }
    }

    /// Calls a function that is open to all, within a trace of the caller's.
    pub(crate) fn get(&self, target: &str, caller: &Caller) -> u16 {
        let request = Request::get(target).header("traceparent", &caller.traceparent());
        request.send(self.host.port).status
    }

    fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = Request::new(method, &format!("/admin/devhost/{path}"));
        let answer = self.host.admin(request.json(body));
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// Counts by source and signal, and metrics.
    pub(crate) fn report(&self) -> Value {
        self.admin("GET", "telemetry", &json!({}))
    }

    /// The lines of no trace, and the audit events.
    pub(crate) fn logs(&self) -> Value {
        self.admin("GET", "telemetry/logs", &json!({}))
    }

    /// Switches a fault of one source, or of both.
    pub(crate) fn fault(&self, source: &str, fault: &Value) {
        self.admin("POST", &format!("telemetry/fault/{source}"), fault);
    }

    /// The messages of a queue.
    pub(crate) fn queue(&self, name: &str) -> Vec<Value> {
        let messages = self.admin("GET", &format!("queues/{name}"), &json!({}));
        messages.as_array().cloned().unwrap_or_default()
    }

    /// The names of all queues.
    pub(crate) fn queues(&self) -> Vec<String> {
        let queues = self.admin("GET", "queues", &json!({}));
        let queues = queues.as_array().into_iter().flatten();
        queues
            .filter_map(|queue| Some(queue["name"].as_str()?.to_owned()))
            .collect()
    }

    pub(crate) fn send(&self, queue: &str, message: &Value) {
        self.admin("POST", &format!("queues/{queue}"), message);
    }

    /// What is known of a trace, if anything is.
    pub(crate) fn trace(&self, id: &str) -> Trace {
        let answer = Request::get(&format!("/admin/devhost/telemetry/traces/{id}"))
            .header("x-functions-key", self.host.master_key())
            .send(self.host.port);
        match answer.status {
            200 => Trace(answer.json()),
            404 => Trace(Value::Null),
            _ => panic!("{answer:?}"),
        }
    }

    /// Waits until a trace is as wanted.
    pub(crate) fn wait_for_trace<T>(
        &self,
        what: &str,
        id: &str,
        find: impl Fn(&Trace) -> Option<T>,
    ) -> T {
        poll(what, || find(&self.trace(id)))
    }

    /// Waits for a span that both sources tell of.
    pub(crate) fn span(&self, caller: &Caller, name: &str) -> Span {
        let what = format!("a span {name} of {}", caller.trace);
        self.wait_for_trace(&what, &caller.trace, |trace| {
            trace.spans_of_both().into_iter().find(|s| s.name() == name)
        })
    }

    /// Waits for an audit event that both sources tell of, and gives it in their words.
    pub(crate) fn audit(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> [Value; 2] {
        poll(name, || {
            let logs = self.logs();
            let events = logs["audit"].as_array().into_iter().flatten();
            let mut told = events.filter_map(both);
            told.find(|[_, otlp]| otlp["body"] == name && wanted(&otlp["attributes"]))
        })
    }

    /// The latest requests to the receivers, byte for byte.
    pub(crate) fn received(&self) -> Vec<Received> {
        let received = self.admin("GET", "telemetry/received", &json!({}));
        assert_eq!(received["dropped"], 0, "more came than is kept");
        let requests = received["requests"].as_array().into_iter().flatten();
        requests
            .map(|request| {
                let body = request["body"].as_str().expect("it has a body");
                Received {
                    source: request["source"].as_str().unwrap_or_default().to_owned(),
                    target: request["target"].as_str().unwrap_or_default().to_owned(),
                    head: request["headers"].to_string(),
                    body: STANDARD.decode(body).expect("it is base64"),
                }
            })
            .collect()
    }

    /// Everything of this kind that Application Insights received.
    pub(crate) fn envelopes(&self, kind: &str) -> Vec<Value> {
        let received = self.received();
        let of_insights = received.iter().filter(|request| request.source == INSIGHTS);
        of_insights
            .flat_map(Received::envelopes)
            .filter(|envelope| envelope["data"]["baseType"] == kind)
            .collect()
    }
}

/// A request that a receiver got.
pub(crate) struct Received {
    pub(crate) source: String,
    pub(crate) target: String,
    /// Its headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// Its items, in an array or one a line.
    fn envelopes(&self) -> Vec<Value> {
        if let Ok(all) = serde_json::from_slice(&self.body) {
            return match all {
                Value::Array(all) => all,
                one => vec![one],
            };
        }
        let text = String::from_utf8_lossy(&self.body);
        let lines = text.lines().filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }
}

/// A trace in the words of both.
#[derive(Debug)]
pub(crate) struct Trace(pub(crate) Value);

/// A span in the words of both.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) insights: Value,
    pub(crate) otlp: Value,
}

impl Trace {
    /// The spans that both sources tell of.
    pub(crate) fn spans_of_both(&self) -> Vec<Span> {
        let spans = self.0["spans"].as_array().into_iter().flatten();
        spans
            .filter_map(|span| both(&span["said"]))
            .map(|[insights, otlp]| Span { insights, otlp })
            .collect()
    }

    /// How many spans a source tells of.
    pub(crate) fn spans_of(&self, source: &str) -> usize {
        let spans = self.0["spans"].as_array().into_iter().flatten();
        let told = spans.filter(|span| {
            let said = span["said"].as_array();
            said.is_some_and(|said| said.iter().any(|said| said["source"] == source))
        });
        told.count()
    }

    /// The lines that both sources tell of.
    pub(crate) fn lines(&self) -> Vec<[Value; 2]> {
        let logs = self.0["logs"].as_array().into_iter().flatten();
        logs.filter_map(both).collect()
    }
}

impl Span {
    pub(crate) fn name(&self) -> &str {
        self.otlp["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> &str {
        self.otlp["spanId"].as_str().unwrap_or_default()
    }

    pub(crate) fn parent(&self) -> &str {
        self.otlp["parentSpanId"].as_str().unwrap_or_default()
    }

    /// An attribute, by OTLP.
    pub(crate) fn attribute(&self, name: &str) -> &Value {
        &self.otlp["attributes"][name]
    }

    /// Checks that both tell the same of the span's place, digit for digit.
    pub(crate) fn is_told_alike(&self) {
        let (insights, otlp) = (&self.insights, &self.otlp);
        let data = &insights["data"]["baseData"];
        assert_eq!(
            insights["tags"]["ai.operation.id"], otlp["traceId"],
            "{self:?}"
        );
        assert_eq!(
            insights["tags"]["ai.operation.parentId"], otlp["parentSpanId"],
            "{self:?}"
        );
        assert_eq!(data["id"], otlp["spanId"], "{self:?}");
        assert_eq!(data["name"], otlp["name"], "{self:?}");
    }
}

/// What Application Insights and OTLP say of one thing, if each says it once.
fn both(said: &Value) -> Option<[Value; 2]> {
    let said = said.as_array()?;
    let of = |source: &str| {
        let mut of = said.iter().filter(|said| said["source"] == source);
        let first = of.next()?["said"].clone();
        assert!(of.next().is_none(), "it is told twice: {said:?}");
        Some(first)
    };
    Some([of(INSIGHTS)?, of(OTLP)?])
}

/// Who calls, in a trace of its own.
pub(crate) struct Caller {
    pub(crate) trace: String,
    pub(crate) span: String,
    flags: &'static str,
}

impl Caller {
    pub(crate) fn new() -> Self {
        Self {
            trace: hex(16),
            span: hex(8),
            flags: "01",
        }
    }

    pub(crate) fn with_flags(self, flags: &'static str) -> Self {
        Self { flags, ..self }
    }

    pub(crate) fn with_trace(self, trace: String) -> Self {
        Self { trace, ..self }
    }

    /// W3C Trace Context §3.2.
    pub(crate) fn traceparent(&self) -> String {
        format!("00-{}-{}-{}", self.trace, self.span, self.flags)
    }
}

/// So many bytes that nobody has seen before, in hex.
pub(crate) fn hex(count: usize) -> String {
    let mut bytes = vec![0; count];
    rand::fill(&mut bytes).expect("the system has randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
