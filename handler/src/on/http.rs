//! HTTP triggers.

use std::marker::PhantomData;

use bytes::Bytes;
use http::Method;

use super::{Answers, HasCaller, HasRequest, Route, Sealed, Settled, Trigger, TriggerKind};
use crate::access::{Access, Anyone, Caller};
use crate::auth::{Identity, Principal};
use crate::failure::Failure;
use crate::function::Inputs;
use crate::input::Request;
use crate::limits::InputLimits;
use crate::manifest::Binding;
use crate::routes::RouteTemplate;
use crate::wire::Delivery;

/// An HTTP request. `W` is [`Caller`] where a token is required and [`Anyone`] where none is.
#[derive(Debug)]
pub struct HttpTrigger<W> {
    methods: Vec<Method>,
    route: &'static str,
    access: Access<W>,
    function_key: bool,
}

/// A GET request to `route`, a template below the route prefix such as `orders/{id}`.
pub fn get<W: Who>(route: &'static str, access: Access<W>) -> HttpTrigger<W> {
    http([Method::GET], route, access)
}

/// A POST request to `route`, a template below the route prefix.
pub fn post<W: Who>(route: &'static str, access: Access<W>) -> HttpTrigger<W> {
    http([Method::POST], route, access)
}

/// A PUT request to `route`, a template below the route prefix.
pub fn put<W: Who>(route: &'static str, access: Access<W>) -> HttpTrigger<W> {
    http([Method::PUT], route, access)
}

/// A PATCH request to `route`, a template below the route prefix.
pub fn patch<W: Who>(route: &'static str, access: Access<W>) -> HttpTrigger<W> {
    http([Method::PATCH], route, access)
}

/// A DELETE request to `route`, a template below the route prefix.
pub fn delete<W: Who>(route: &'static str, access: Access<W>) -> HttpTrigger<W> {
    http([Method::DELETE], route, access)
}

/// A request to `route` with one of several methods.
pub fn http<W: Who>(
    methods: impl IntoIterator<Item = Method>,
    route: &'static str,
    access: Access<W>,
) -> HttpTrigger<W> {
    HttpTrigger {
        methods: methods.into_iter().collect(),
        route,
        access,
        function_key: false,
    }
}

impl<W> HttpTrigger<W> {
    /// Asks for a function key as well: a second lock, never the only one.
    #[must_use]
    pub fn with_function_key(mut self) -> Self {
        self.function_key = true;
        self
    }
}

/// Who may be known to call: a caller with a token, or anyone.
pub trait Who: Sealed + Send + Sync + 'static {
    #[doc(hidden)]
    type Known: Clone + Send + Sync + 'static;

    #[doc(hidden)]
    fn known(identity: Identity) -> Option<Self::Known>;
}

impl Sealed for Caller {}
impl Who for Caller {
    type Known = Principal;

    fn known(identity: Identity) -> Option<Principal> {
        match identity {
            Identity::Known(principal) => Some(principal),
            Identity::Unknown | Identity::Host => None,
        }
    }
}

impl Sealed for Anyone {}
impl Who for Anyone {
    type Known = PhantomData<Anyone>;

    fn known(identity: Identity) -> Option<PhantomData<Anyone>> {
        matches!(identity, Identity::Unknown).then_some(PhantomData)
    }
}

impl<W: Who> Sealed for HttpTrigger<W> {}
impl<W: Who> Trigger for HttpTrigger<W> {
    type Caller = W::Known;
    type Event = Request<Bytes>;

    fn caller(identity: Identity) -> Option<W::Known> {
        W::known(identity)
    }

    async fn receive(delivery: Delivery, limits: &InputLimits) -> Result<Request<Bytes>, Failure> {
        match delivery {
            Delivery::Request(mut request) => {
                let body = std::mem::take(&mut request.body);
                let body = body.read(limits).await?;
                Ok(request.with_body(body))
            }
            Delivery::Message(_) | Delivery::Tick(_) => Err(Failure::WrongTrigger),
        }
    }

    fn settle(self, inputs: &Inputs) -> Settled {
        let mut problems = Vec::new();
        let bodyless = [Method::GET, Method::HEAD, Method::DELETE];
        if inputs.payload.is_some() && self.methods.iter().any(|method| bodyless.contains(method)) {
            problems.push(
                "the handler reads a body, which GET, HEAD and DELETE requests do not carry"
                    .to_owned(),
            );
        }
        settle(
            &self.methods,
            self.route,
            self.access,
            self.function_key,
            problems,
        )
    }
}

/// What the registry keeps of an HTTP trigger, whatever answers behind it.
pub(super) fn settle<W>(
    methods: &[Method],
    route: &'static str,
    access: Access<W>,
    function_key: bool,
    mut problems: Vec<String>,
) -> Settled {
    let template = RouteTemplate::parse(route)
        .map_err(|problem| problems.push(format!("the route `{route}` {problem}")))
        .ok();
    if methods.is_empty() {
        problems.push("no HTTP method is named".to_owned());
    }
    let gate = access.into_gate();
    gate.problems(&mut problems);
    Settled {
        kind: TriggerKind::Http,
        gate,
        binding: Binding::new("httpTrigger", "in", "req")
            // Entra decides inside; a key is at most a second lock.
            .with(
                "authLevel",
                if function_key {
                    "function"
                } else {
                    "anonymous"
                },
            )
            .with(
                "methods",
                methods
                    .iter()
                    .map(|method| method.as_str().to_ascii_lowercase())
                    .collect::<Vec<_>>(),
            )
            .with("route", route),
        route: template.map(|template| Route {
            methods: methods.to_vec(),
            template,
        }),
        retry: None,
        quarantine: None,
        validates_itself: None,
        problems,
    }
}

impl HasCaller for HttpTrigger<Caller> {}

impl<W: Who> HasRequest for HttpTrigger<W> {
    fn request(event: &Request<Bytes>) -> &Request<Bytes> {
        event
    }
}

impl<W: Who> Answers for HttpTrigger<W> {}
