//! One request, sent as its caller sends it to the host, or as the host sends it to the handler.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use stockade_tests::tenant::Draft;
use stockade_tests::{Host, Request};

use super::world::World;

/// How the request reaches the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As a copy: `quote`.
    Forwarded,
    /// As it is, streamed: `quote`.
    Proxied,
    /// In the host's envelope: `create-order`, or `quote` where only that will do.
    Envelope,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Forwarded, Self::Proxied, Self::Envelope];
}

/// A request in the making, good as it is.
#[derive(Clone)]
pub(crate) struct Call {
    world: fn() -> &'static World,
    token: Draft,
    present: Present,
    /// Straight to the handler, in the words of the host: what the host itself would not let through.
    directly: bool,
    function: Wanted,
}

/// How a token is presented.
type Present = Arc<dyn Fn(Outer, &str) -> Outer>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Either,
    Quote,
}

/// The parts of a request that a token, or an identity, could be put in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outer {
    headers: Vec<(String, String)>,
    query: String,
    body: Option<(String, String)>,
    /// What the host says beside the caller's request: headers of its own, and identities.
    around: Vec<(String, String)>,
    identities: Vec<Value>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// What was presented as the token.
    pub(crate) token: String,
    pub(crate) function: &'static str,
}

impl Outer {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// A header of the host's own request, around the envelope.
    pub(crate) fn around(mut self, name: &str, value: &str) -> Self {
        self.around.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Somebody whom the host takes the caller for.
    pub(crate) fn identity(mut self, identity: Value) -> Self {
        self.identities.push(identity);
        self
    }

    pub(crate) fn query(mut self, text: &str) -> Self {
        self.query = text.to_owned();
        self
    }

    pub(crate) fn body(mut self, content_type: &str, text: &str) -> Self {
        self.body = Some((content_type.to_owned(), text.to_owned()));
        self
    }
}

impl Call {
    /// A call with a token in its right place.
    pub(crate) fn with(world: fn() -> &'static World, token: Draft) -> Self {
        Self {
            world,
            token,
            present: Arc::new(Outer::bearer),
            directly: false,
            function: Wanted::Either,
        }
    }

    /// With another token.
    pub(crate) fn token(mut self, change: impl FnOnce(Draft) -> Draft) -> Self {
        self.token = change(self.token);
        self
    }

    /// With the token presented in another way.
    pub(crate) fn presented(mut self, present: impl Fn(Outer, &str) -> Outer + 'static) -> Self {
        self.present = Arc::new(present);
        self
    }

    /// With something beside the token.
    pub(crate) fn beside(self, add: impl Fn(Outer) -> Outer + 'static) -> Self {
        let present = Arc::clone(&self.present);
        self.presented(move |outer, token| add(present(outer, token)))
    }

    /// To the handler itself.
    pub(crate) fn directly(mut self) -> Self {
        self.directly = true;
        self
    }

    /// To `quote`, whatever the way: the one function that an application may call.
    pub(crate) fn reading(mut self) -> Self {
        self.function = Wanted::Quote;
        self
    }

    pub(crate) fn world(&self) -> &'static World {
        (self.world)()
    }

    /// The name of the token's key, where that is a text.
    pub(crate) fn key_id(&self) -> Option<String> {
        self.token.key_id()
    }

    /// Sends it.
    pub(crate) fn send(&self, way: Way) -> Got {
        let world = self.world();
        let token = self.token.make();
        let outer = (self.present)(Outer::default(), &token);
        let is_quote = way != Way::Envelope || self.function == Wanted::Quote;
        let host = match (way, is_quote) {
            (Way::Envelope, true) => world.envelope(),
            (Way::Proxied, _) => world.proxying(),
            _ => world.forwarding(),
        };
        let function = if is_quote { "quote" } else { "create-order" };
        let (status, headers, body) = match (self.directly, way) {
            (false, _) => through_the_host(host, &outer, is_quote),
            (true, Way::Forwarded) => forwarded(host.handler_port, &outer),
            (true, Way::Proxied) => proxied(host.handler_port, &outer),
            (true, Way::Envelope) => in_an_envelope(host.handler_port, &outer, is_quote),
        };
        Got {
            status,
            headers,
            body,
            token,
            function,
        }
    }
}

/// Presents a token to a handler that stands alone: to `quote` as a copy, or to `create-order` in an
/// envelope.
pub(crate) fn ask(port: u16, way: Way, token: &str) -> Got {
    let outer = Outer::default().bearer(token);
    let (function, (status, headers, body)) = match way {
        Way::Forwarded => ("quote", forwarded(port, &outer)),
        Way::Proxied => ("quote", proxied(port, &outer)),
        Way::Envelope => ("create-order", in_an_envelope(port, &outer, false)),
    };
    Got {
        status,
        headers,
        body,
        token: token.to_owned(),
        function,
    }
}

type Parts = (u16, Vec<(String, String)>, String);

fn through_the_host(host: &Host, outer: &Outer, is_quote: bool) -> Parts {
    receive(&request(outer, is_quote), host.port)
}

fn request(outer: &Outer, is_quote: bool) -> Request {
    let request = if is_quote {
        let mut target = QUOTE.to_owned();
        if !outer.query.is_empty() {
            let _ = write!(target, "&{}", outer.query);
        }
        Request::get(&target)
    } else {
        let separator = if outer.query.is_empty() { "" } else { "?" };
        Request::post(&format!("/api/orders{separator}{}", outer.query))
    };
    let request = outer
        .headers
        .iter()
        .fold(request, |request, (name, value)| {
            request.header(name, value)
        });
    match &outer.body {
        Some((content_type, text)) => request.body(content_type, text.clone()),
        None if is_quote => request,
        None => request.json(&order()),
    }
}

/// A request as the host forwards it.
fn forwarded(port: u16, outer: &Outer) -> Parts {
    let request = request(outer, true).header("X-Azure-Functions-InvocationId", &new_id());
    receive(&request, port)
}

/// A request as the host passes it through.
fn proxied(port: u16, outer: &Outer) -> Parts {
    let id = new_id();
    let request = request(outer, true)
        .header("X-Azure-Functions-InvocationId", &id)
        .header("x-ms-invocation-id", &id);
    receive(&request, port)
}

/// A request as the host describes it.
fn in_an_envelope(port: u16, outer: &Outer, is_quote: bool) -> Parts {
    let mut headers = serde_json::Map::new();
    headers.insert("Host".to_owned(), json!(["127.0.0.1"]));
    headers.insert("Content-Type".to_owned(), json!(["application/json"]));
    for (name, value) in &outer.headers {
        let values = headers.entry(name.clone()).or_insert_with(|| json!([]));
        let values = values.as_array_mut().expect("each is a list");
        values.push(json!(value));
    }
    let order = order().to_string();
    headers.insert(
        "Content-Length".to_owned(),
        json!([order.len().to_string()]),
    );
    let (name, method, target) = match is_quote {
        true => ("quote", "GET", QUOTE),
        false => ("create-order", "POST", "/api/orders"),
    };
    let envelope = json!({
        "Data": {"req": {
            "Url": format!("http://127.0.0.1{target}"), "Method": method, "Query": {},
            "Headers": headers, "Params": {}, "Identities": outer.identities, "Body": order,
        }},
        "Metadata": {"sys": {"MethodName": name}},
    });
    let request =
        Request::post(&format!("/{name}")).header("X-Azure-Functions-InvocationId", &new_id());
    let around = outer.around.iter();
    let answer = around
        .fold(request, |request, (name, value)| {
            request.header(name, value)
        })
        .json(&envelope)
        .send(port);
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json()["Outputs"]["res"].clone();
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let headers = answer["headers"].as_object().into_iter().flatten();
    let headers = headers.map(|(name, value)| (name.to_lowercase(), text(value)));
    let status = answer["statusCode"]
        .as_u64()
        .and_then(|it| u16::try_from(it).ok());
    let status = status.or_else(|| answer["statusCode"].as_str()?.parse().ok());
    (
        status.unwrap_or_else(|| panic!("no status: {answer}")),
        headers.collect(),
        text(&answer["body"]),
    )
}

fn receive(request: &Request, port: u16) -> Parts {
    let answer = request.send(port);
    let headers = answer.all_headers().to_vec();
    (answer.status, headers, answer.text())
}

fn new_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("5d0c9a1e-0000-4000-8000-{count:012x}")
}

pub(crate) fn order() -> Value {
    json!({
        "orderId": "o-1",
        "email": "ada@example.org",
        "currency": "EUR",
        "items": [{"sku": "SKU-00001", "quantity": 2, "unitPriceCents": 1999}],
    })
}

impl Got {
    pub(crate) fn is_accepted(&self) -> bool {
        matches!(self.status, 200 | 202)
    }

    /// The value of a header that came once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// The problem document without the invocation's id, and that id.
    pub(crate) fn problem(&self) -> Option<(Value, String)> {
        let mut problem: Value = serde_json::from_str(&self.body).ok()?;
        let instance = problem.as_object_mut()?.remove("instance")?;
        let id = instance.as_str()?.strip_prefix("urn:uuid:")?;
        Some((problem, id.to_owned()))
    }
}

const QUOTE: &str = "/api/quote?sku=SKU-00001&quantity=1";
