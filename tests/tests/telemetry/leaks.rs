//! Whatever happens, nothing private comes out: of no credential, no body and no person a part is in
//! any answer, line, span, metric or audit event, nor in what devhost's page makes of them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stockade_tests::log::PREFIX;
use stockade_tests::process::poll;
use stockade_tests::running::ID;
use stockade_tests::search::Search;
use stockade_tests::{Answer, Mode, Request};

use crate::world::{Caller, INSIGHTS, OTLP, World, hex, observed};

/// In a body that is longer than is taken.
const MAX_BODY_BYTES: usize = 2048;

/// What nobody else may learn, made for one test.
struct Private {
    /// A function key in a query, and another in a header.
    keys: [String; 2],
    /// What a token says of a person.
    claims: [String; 3],
    name: String,
    email: String,
    /// A part of a path, a text of a query.
    path: String,
    query: String,
    /// For headers of all kinds.
    header: String,
    /// Where the caller is, in the one form in which it is written.
    address: String,
    tokens: Vec<String>,
}

impl Private {
    fn new() -> Self {
        let email = || format!("{}@{}.example", hex(10), hex(10));
        let words = || format!("Ada {}\"'\\äß☃\u{1f512}%&={}", hex(16), hex(16));
        let address = hex(12);
        let groups: Vec<_> = (0..6).map(|at| &address[at * 4..][..4]).collect();
        Self {
            keys: [hex(24), hex(24)],
            claims: [words(), email(), email()],
            name: words(),
            email: email(),
            path: hex(20),
            query: hex(20),
            header: hex(20),
            // No group begins with a zero, which would not be written.
            address: format!("2001:db8:{}", groups.join(":")).replace(":0", ":1"),
            tokens: Vec::new(),
        }
    }

    fn person(&self) -> Value {
        json!({"name": self.name, "email": self.email})
    }

    /// What no queue may hold either. Claims are JSON as messages are, and share words with them, so of
    /// tokens it is the signatures.
    fn credentials(&self) -> Search {
        let signatures = self
            .tokens
            .iter()
            .filter_map(|token| token.rsplit('.').next());
        Search::of(self.keys.iter().map(String::as_str).chain(signatures))
    }

    fn all(&self) -> Search {
        let texts = [
            &self.name,
            &self.email,
            &self.path,
            &self.query,
            &self.header,
        ];
        let texts = texts.into_iter().chain(&self.keys).chain(&self.claims);
        Search::of(texts.chain(&self.tokens).map(String::as_str))
    }
}

/// A place that something can come out at, and what came out there.
type Sink = (String, Vec<u8>);

/// A host, and everything that ever came out of it.
struct Leaks {
    world: World,
    private: Private,
    answers: Vec<Answer>,
}

impl Leaks {
    fn start(mode: Mode) -> Self {
        let setup = observed()
            .mode(mode)
            .setting("RUST_BACKTRACE", "1")
            .setting("STOCKADE__TELEMETRY__TRUSTED_PROXIES", "0")
            .setting(
                "STOCKADE__LIMITS__MAX_BODY_BYTES",
                &MAX_BODY_BYTES.to_string(),
            );
        Self {
            world: World::start(&setup),
            private: Private::new(),
            answers: Vec::new(),
        }
    }

    fn token(&mut self, scope: &str) -> String {
        let [name, username, email] = &self.private.claims;
        let overrides = json!({"name": name, "preferred_username": username, "email": email});
        let wanted = json!({"scopes": [scope], "overrides": overrides});
        let token = self.world.host.token(&wanted);
        self.private.tokens.push(token.clone());
        token
    }

    /// A request with something private wherever there is room for it.
    fn request(&self, target: &str) -> Request {
        let Private {
            keys,
            query,
            header,
            address,
            email,
            ..
        } = &self.private;
        let target = format!("{target}?code={}&text={query}", keys[0]);
        Request::post(&target)
            .header("x-functions-key", &keys[1])
            .header("X-Forwarded-For", &format!("[{address}]:50123"))
            .header("User-Agent", &format!("{header}/1.0"))
            .header("Cookie", &format!("session={header}"))
            .header("Referer", &format!("https://localhost/{header}"))
            .header("X-MS-CLIENT-PRINCIPAL-NAME", email)
            .header("tracestate", &format!("vendor={header}"))
            .header("baggage", &format!("userId={header}"))
            .header("X-Correlation-Id", header)
    }

    fn send(&mut self, request: &Request) -> u16 {
        let answer = request.send(self.world.host.port);
        let status = answer.status;
        self.answers.push(answer);
        status
    }

    /// Calls in every way, with every kind of credential and body.
    fn call_all(&mut self) {
        let good = self.token("Things.Write");
        let poor = self.token("Things.Read");
        let broken = format!("{}x", &good[..good.len() - 8]);
        self.private.tokens.push(broken.clone());
        let person = self.private.person();
        let bodies = [
            person.to_string(),
            json!({"name": self.private.name, "email": self.private.name}).to_string(),
            json!({"name": [self.private.email], (&*self.private.email): 1}).to_string(),
            format!("{{\"name\": \"{}\"", self.private.email),
            format!("\"{}\"", self.private.email.repeat(MAX_BODY_BYTES / 40)),
        ];
        let path = self.private.path.clone();
        for target in [
            "take/end",
            "take/fail",
            "take/retry",
            "take/reject",
            "take/panic",
            &format!("take/{path}"),
            &format!("take/{path}{path}{path}"),
            &format!("nowhere/{path}"),
        ] {
            let target = format!("/api/{target}");
            for token in [None, Some(&broken), Some(&poor), Some(&good)] {
                for body in &bodies {
                    let mut request = self.request(&target);
                    if let Some(token) = token {
                        request = request.bearer(token);
                    }
                    self.send(&request.body("application/json", body.as_bytes()));
                }
            }
        }
        let query = format!("access_token={good}&text=x");
        self.send(&Request::get(&format!("/api/plain?{query}")));
    }

    /// A call whose caller leaves, directly, as the host would pass it on.
    fn abandon(&mut self) {
        let token = self.token("Things.Write");
        let request = self
            .request("/api/take/hang")
            .bearer(&token)
            .header("X-Azure-Functions-InvocationId", ID)
            .header("x-ms-invocation-id", ID)
            .json(&self.private.person());
        let stream = request.open(self.world.host.handler_port);
        let host = &self.world.host;
        host.wait_for_line("it to run", |line| line.says("take", "hanging"));
        drop(stream);
        host.wait_for_line("its end", |line| line.outcome() == Some("abandoned"));
    }

    /// Messages that are taken, and one that is not.
    fn send_messages(&self) {
        let person = self.private.person();
        self.world.send("observed", &person);
        let wrong = json!({"name": self.private.name, "email": self.private.query});
        self.world.send("observed", &wrong);
        poll("one to be kept", || self.world.queue("kept").pop());
        let host = &self.world.host;
        host.wait_for_line("the other one", |line| {
            line.ends("observe") && line.outcome() == Some("succeeded")
        });
    }

    /// Everything that came out, once the handler has ended and sent the last of it.
    fn sinks(&self) -> Vec<Sink> {
        let world = &self.world;
        world.host.restart();
        world.audit("app.stopped", |_| true);
        let mut sinks = Vec::new();
        for answer in &self.answers {
            sinks.push(("answer".to_owned(), answer.body.clone()));
            for (name, value) in answer.all_headers() {
                sinks.push(("header".to_owned(), format!("{name}: {value}").into()));
            }
        }
        for name in world.queues() {
            for message in world.queue(&name) {
                let text = message["text"].as_str().unwrap_or_default();
                let plain = STANDARD.decode(text).unwrap_or_default();
                for bytes in [text.as_bytes().to_vec(), plain] {
                    sinks.push((format!("queue {name}"), bytes));
                }
            }
        }
        for request in world.received() {
            let place = format!("{} {}", request.source, request.target);
            sinks.push((place.clone(), request.target.into()));
            sinks.push((place.clone(), request.head.into()));
            sinks.push((place, request.body));
        }
        sinks.extend(self.page());
        // What devhost writes itself is the developer's, and tells of requests by their paths.
        for line in world.host.output() {
            if let Some(line) = line.strip_prefix(PREFIX) {
                sinks.push(("log".to_owned(), line.into()));
            }
        }
        sinks
    }

    /// What the page asks for.
    fn page(&self) -> Vec<Sink> {
        let origin = self.world.host.tenant();
        let port = origin.rsplit_once(':').map(|(_, port)| port.parse());
        let port: u16 = port.expect("an origin has a port").expect("a number");
        let get = |path: &str| {
            let answer = Request::get(path).send(port);
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            answer
        };
        let list = get("/telemetry/invocations?limit=500").json();
        let traces: BTreeSet<String> = list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| {
                let id = item["traceId"].as_str().expect("it has a trace");
                format!("/telemetry/traces/{id}")
            })
            .collect();
        assert!(!traces.is_empty(), "the page shows invocations");
        let lists = ["summary", "invocations?limit=500", "audit?limit=500"];
        let lists = lists.map(|name| format!("/telemetry/{name}"));
        lists
            .iter()
            .chain(&traces)
            .map(|path| ("page".to_owned(), get(path).body))
            .collect()
    }
}

/// Where parts of something are, and in which form.
fn find(sinks: &[Sink], search: &Search) -> BTreeSet<(String, &'static str)> {
    let found = sinks.iter().flat_map(|(place, bytes)| {
        let forms = search.find(bytes);
        // Values are made for one test, so what is shown here is nobody's.
        if !forms.is_empty() {
            eprintln!("{place}: {forms:?}: {}", String::from_utf8_lossy(bytes));
        }
        forms.into_iter().map(|form| (place.clone(), form))
    });
    found.collect()
}

/// Queues that hold what was sent to them, and what was set aside of it.
fn holds_messages(place: &str) -> bool {
    ["queue observed", "queue kept"]
        .iter()
        .any(|queue| place.starts_with(queue))
}

#[test]
fn nothing_private_comes_out_whatever_happens() {
    for mode in [Mode::Proxying, Mode::Envelope] {
        let mut leaks = Leaks::start(mode);

        leaks.call_all();
        leaks.send_messages();
        if mode == Mode::Proxying {
            leaks.abandon();
        }

        let sinks = leaks.sinks();
        let statuses: BTreeSet<_> = leaks.answers.iter().map(|answer| answer.status).collect();
        for status in [200, 400, 401, 403, 404, 413, 422, 500] {
            assert!(statuses.contains(&status), "{status}: {statuses:?}");
        }
        for place in [
            "answer",
            "log",
            "page",
            "queue kept",
            INSIGHTS,
            "otlp /v1/traces",
            "otlp /v1/logs",
            "otlp /v1/metrics",
        ] {
            assert!(
                sinks.iter().any(|(known, _)| known.starts_with(place)),
                "nothing came out at {place}"
            );
        }
        assert_eq!(
            find(&sinks, &leaks.private.credentials()),
            BTreeSet::new(),
            "{mode:?}"
        );
        let sinks: Vec<_> = sinks
            .into_iter()
            .filter(|(place, _)| !holds_messages(place))
            .collect();
        assert_eq!(
            find(&sinks, &leaks.private.all()),
            BTreeSet::new(),
            "{mode:?}"
        );
    }
}

#[test]
fn an_address_stands_in_audit_events_and_nowhere_else() {
    // In the envelope the header is as the platform's front end left it.
    let mut leaks = Leaks::start(Mode::Envelope);
    leaks.call_all();

    let search = Search::of([leaks.private.address.as_str()]);
    let is_audit = |bytes: &[u8]| bytes.windows(8).any(|part| part == b"audit.id");
    let sinks = leaks.sinks();
    // The page shows audit events beside the trace that they belong to.
    let shown = sinks.iter().filter(|(place, _)| place == "page");
    let shown = shown.map(|(place, bytes)| {
        let mut document: Value = serde_json::from_slice(bytes).expect("the page gets JSON");
        let is_trail = document["items"][0]["attributes"]["audit.id"].is_string();
        document["audit"] = Value::Null;
        if is_trail {
            document = Value::Null;
        }
        (place.clone(), document.to_string().into_bytes())
    });
    let others = sinks.iter().filter(|(place, _)| place != "page").cloned();
    let (trail, others): (Vec<_>, Vec<_>) =
        others.chain(shown).partition(|(_, bytes)| is_audit(bytes));

    assert_eq!(find(&others, &search), BTreeSet::new());
    for place in ["log", "applicationInsights", "otlp /v1/logs"] {
        let found = find(&trail, &search);
        assert!(
            found.iter().any(|(known, _)| known.starts_with(place)),
            "{place}: {found:?}"
        );
    }
}

#[test]
fn a_part_that_a_function_tells_is_found_at_each_place() {
    let mut leaks = Leaks::start(Mode::Proxying);
    let cases = [
        ("stdout", &["log"][..]),
        ("stderr", &["log"]),
        ("answer", &["answer"]),
        ("header", &["header"]),
        ("queue", &["queue told"]),
        ("line", &["log", INSIGHTS, "otlp /v1/logs", "page"]),
        ("span", &[INSIGHTS, "otlp /v1/traces", "page"]),
        ("audit", &["log", INSIGHTS, "otlp /v1/logs", "page"]),
        ("metric", &[INSIGHTS, "otlp /v1/metrics"]),
        ("nothing", &[]),
    ]
    .map(|(how, places)| (how, places, hex(20)));
    for (how, _, value) in &cases {
        let target = format!("/api/tell/{how}?text={value}");
        let request = Request::get(&target).header("traceparent", &Caller::new().traceparent());
        assert_eq!(leaks.send(&request), 200, "{how}");
    }
    poll("the message", || leaks.world.queue("told").pop());

    let sinks = leaks.sinks();

    for (how, places, value) in &cases {
        let found = find(&sinks, &Search::of([value.as_str()]));
        let found: BTreeSet<_> = found.into_iter().map(|(place, _)| place).collect();
        for place in *places {
            assert!(
                found.iter().any(|known| known.starts_with(place)),
                "{how} at {place}: {found:?}"
            );
        }
        let others = found
            .iter()
            .filter(|known| !places.iter().any(|place| known.starts_with(place)));
        assert_eq!(others.count(), 0, "{how}: {found:?}");
    }
    assert!(sinks.iter().any(|(place, _)| place.starts_with(OTLP)));
}
