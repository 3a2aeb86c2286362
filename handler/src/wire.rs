//! What the Functions host sends, and what it accepts: the only module that knows its JSON.
//!
//! A request arrives in one of two ways. An *invocation* is a `POST /<function>` whose body is the
//! host's envelope. A *direct* request is the caller's own, which the host forwards or proxies to a
//! function that has an HTTP trigger and no other output. Which functions are direct is known from
//! host.json, never guessed from a request.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{HOST, HeaderName, ORIGIN};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::auth::{ClientCertificateHeader, headers};
use crate::failure::Failure;
use crate::function::{Context, InvocationId, Origin};
use crate::input::{self, Rejection, Tick};
use crate::telemetry::audit::Proxies;

pub(crate) use self::answer::{Answered, Packed, Reply, ReplyAs, Wiring, refused};
pub(crate) use self::host_json::HostJson;
pub use self::host_json::Mode;
pub(crate) use self::routing::{FunctionId, Routes, Target};
pub(crate) use self::values::{JsonText, OffsetTime};

mod answer;
mod envelope;
mod host_json;
mod routing;
mod values;

/// What the host delivers to a function. It is boxed, since every stage hands it on.
#[derive(Debug)]
pub enum Delivery {
    /// An HTTP request.
    Request(Box<input::Request<input::Body>>),
    /// A message, with what its service says of it.
    Message(Box<Message>),
    /// A tick of a schedule.
    Tick(Box<Tick>),
}

/// A message's exact bytes, and its metadata as JSON text.
#[derive(Debug)]
pub struct Message {
    pub(crate) payload: Bytes,
    pub(crate) metadata: String,
}

/// A decoded delivery and how it has to be answered. Only [`Wire::read`] makes one.
#[derive(Debug)]
pub(crate) struct Arrived {
    function: FunctionId,
    context: Context,
    delivery: Delivery,
    form: ReplyAs,
}

impl Arrived {
    pub(crate) fn into_parts(self) -> (FunctionId, Context, Delivery, Reply) {
        let payload = match &self.delivery {
            Delivery::Message(message) => Some(message.payload.clone()),
            Delivery::Request(_) | Delivery::Tick(_) => None,
        };
        let reply = Reply {
            function: self.function,
            form: self.form,
            payload,
        };
        (self.function, self.context, self.delivery, reply)
    }

    /// A delivery that did not come over the wire.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn for_tests(
        function: FunctionId,
        context: Context,
        delivery: Delivery,
        form: ReplyAs,
    ) -> Self {
        Self {
            function,
            context,
            delivery,
            form,
        }
    }
}

/// What a request on the port turned out to be.
pub(crate) enum Received {
    /// The host asks whether the process answers (host 4.1037, IsWorkerReady).
    Ping,
    /// A function has to run.
    Arrived(Arrived),
    /// A function was meant, but what came for it cannot be delivered.
    Undeliverable(Undeliverable),
    /// Nothing that the host would send.
    Foreign(Foreign),
}

/// A function was meant, but what came for it is not what the host sends for it.
pub(crate) struct Undeliverable {
    pub(crate) context: Context,
    pub(crate) reply: Reply,
    pub(crate) failure: Failure,
}

/// An invocation whose envelope is still to be read.
struct Announced {
    function: FunctionId,
    id: InvocationId,
    deadline: Instant,
    origin: Origin,
    envelope: Body,
}

/// Why a request is not one of the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Foreign {
    #[error("no function answers here")]
    NoFunction,
    #[error("the request names another host")]
    Host,
    #[error("the request comes from a web page")]
    Origin,
    #[error("an outside request was sent to the path of an invocation")]
    Outside,
    #[error("the request carries no invocation id of the host")]
    InvocationId,
}

impl Foreign {
    /// A short, stable name for logs.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Self::NoFunction => "no_function",
            Self::Host => "foreign_host",
            Self::Origin => "foreign_origin",
            Self::Outside => "outside_request",
            Self::InvocationId => "no_invocation_id",
        }
    }

    /// The status of the empty answer.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NoFunction => StatusCode::NOT_FOUND,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin | Self::Outside => StatusCode::FORBIDDEN,
            Self::InvocationId => StatusCode::BAD_REQUEST,
        }
    }
}

/// Set on each invocation and each direct request; a client's own stands before the host's in
/// forwarding mode (host 4.1037, HttpRequestExtensions).
const INVOCATION_ID: HeaderName = HeaderName::from_static("x-azure-functions-invocationid");
/// Set by the host on every proxied request, over whatever the client sent, and on nothing else.
const PROXIED_ID: HeaderName = HeaderName::from_static("x-ms-invocation-id");

/// Reads requests of the host.
#[derive(Debug)]
pub(crate) struct Wire {
    routes: Routes,
    /// The value of `Host` in an invocation.
    own_host: String,
    max_envelope_bytes: usize,
    /// Places for envelopes that are not small.
    large: Semaphore,
    deadlines: Arc<[Duration]>,
    /// Who is known to append the addresses of callers.
    proxies: Proxies,
}

/// What an envelope may hold without a place: most are smaller.
const SMALL_ENVELOPE_BYTES: usize = 64 * 1024;

/// How many envelopes may be larger than that at once.
const LARGE_ENVELOPES: usize = 16;

impl Wire {
    pub(crate) fn new(
        routes: Routes,
        port: u16,
        max_envelope_bytes: usize,
        deadlines: Arc<[Duration]>,
        proxies: Proxies,
    ) -> Self {
        Self {
            routes,
            own_host: format!("127.0.0.1:{port}"),
            max_envelope_bytes,
            large: Semaphore::new(LARGE_ENVELOPES),
            deadlines,
            proxies,
        }
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Says what a request is, and decodes it.
    pub(crate) fn read(&self, request: Request<Body>) -> impl Future<Output = Received> + Send {
        // The head is judged before the future is made, or the future would hold all of it.
        let begun = self.begin(request);
        async move {
            match begun {
                Ok(announced) => self.finish(announced).await,
                Err(received) => received,
            }
        }
    }

    /// The invocation that a request announces, or what else it turned out to be.
    fn begin(&self, request: Request<Body>) -> Result<Announced, Received> {
        let proxied = request.headers().contains_key(&PROXIED_ID);
        Err(
            match self.routes.find(request.method(), request.uri().path()) {
                Ok(Target::Direct(function, params)) => self.read_direct(function, params, request),
                Ok(Target::Invocation(_)) if proxied => Received::Foreign(Foreign::Outside),
                Ok(Target::Invocation(function)) => match self.announced(function, request) {
                    Ok(announced) => return Ok(announced),
                    Err(foreign) => Received::Foreign(foreign),
                },
                Ok(Target::Root) if proxied => Received::Foreign(Foreign::NoFunction),
                Ok(Target::Root) => Received::Ping,
                Err(foreign) => Received::Foreign(foreign),
            },
        )
    }

    fn deadline(&self, function: FunctionId) -> Instant {
        Instant::now() + self.deadlines[function.index()]
    }

    pub(crate) fn context(
        &self,
        function: FunctionId,
        id: InvocationId,
        origin: Origin,
    ) -> Context {
        let deadline = self.deadline(function);
        Context::new(id, self.routes.name(function), 0, deadline, origin)
    }

    /// A request that the host forwarded or proxied. Its body stays unread.
    fn read_direct(
        &self,
        function: FunctionId,
        params: input::Params,
        request: Request<Body>,
    ) -> Received {
        let (mut parts, body) = request.into_parts();
        let Some(id) = direct_invocation_id(&parts.headers) else {
            return Received::Foreign(Foreign::InvocationId);
        };
        // Proxying sets both ids to one value; forwarding passes a client's proxied id on.
        let proxied = parts
            .headers
            .get(&PROXIED_ID)
            .is_some_and(|value| value == id.as_str());
        if proxied && !self.is_own_host(&parts.headers) {
            return Received::Foreign(Foreign::Host);
        }
        parts.headers.remove(INVOCATION_ID);
        parts.headers.remove(PROXIED_ID);
        let certificate = ClientCertificateHeader::of(&parts.headers);
        // A host that proxies writes its own peer, a front end, over the header (host 4.1037, YARP's
        // HttpTransformer.Default).
        let client = match proxied {
            true => None,
            false => self.proxies.client(&parts.headers),
        };
        let origin = Origin::of(&parts.headers).at(client);
        headers::strip_identity(&mut parts.headers);
        Received::Arrived(Arrived {
            function,
            context: self.context(function, id, origin),
            delivery: Delivery::Request(Box::new(input::Request {
                method: parts.method,
                uri: parts.uri,
                headers: parts.headers,
                params,
                certificate,
                body: input::Body::Stream(body),
            })),
            form: ReplyAs::Direct,
        })
    }

    /// An invocation: `POST /<function>` with the host's envelope, which is still to come.
    fn announced(
        &self,
        function: FunctionId,
        request: Request<Body>,
    ) -> Result<Announced, Foreign> {
        let headers = request.headers();
        if headers.contains_key(ORIGIN) {
            return Err(Foreign::Origin);
        }
        if !self.is_own_host(headers) {
            return Err(Foreign::Host);
        }
        let id = single(headers, &INVOCATION_ID).and_then(|id| id.parse().ok());
        Ok(Announced {
            function,
            id: id.ok_or(Foreign::InvocationId)?,
            deadline: self.deadline(function),
            origin: Origin::of(headers),
            envelope: request.into_body(),
        })
    }

    /// Reads the envelope of an invocation and decodes it.
    async fn finish(&self, announced: Announced) -> Received {
        let Announced {
            function,
            id,
            deadline,
            origin,
            envelope,
        } = announced;
        let whole = self.collect(envelope);
        let decoded = match tokio::time::timeout_at(deadline, whole).await {
            Ok(Ok((bytes, _place))) => envelope::decode(self.routes.shape(function), &bytes)
                .and_then(|decoded| decoded.deliver(&self.routes, function, self.proxies)),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Rejection::BODY_TOO_LARGE),
            Ok(Err(_)) | Err(_) => Err(Rejection::BODY_BROKEN_OFF),
        };
        let form = self.routes.form(function);
        let name = self.routes.name(function);
        let context = |attempt, origin| Context::new(id, name, attempt, deadline, origin);
        match decoded {
            Ok(delivered) => Received::Arrived(Arrived {
                function,
                context: context(delivered.attempt, origin.or(delivered.origin)),
                delivery: delivered.delivery,
                form,
            }),
            Err(rejection) => Received::Undeliverable(Undeliverable {
                context: context(0, origin),
                reply: Reply::without_payload(function, form),
                failure: rejection.into(),
            }),
        }
    }

    /// Reads an envelope. Nobody is asked for a token before it is decoded, so strangers fill it with
    /// bodies of their own: beyond a small start it has to wait for one of a few places.
    async fn collect(
        &self,
        body: Body,
    ) -> Result<(Bytes, Option<SemaphorePermit<'_>>), Box<dyn std::error::Error + Send + Sync>>
    {
        let mut body = Limited::new(body, self.max_envelope_bytes);
        let mut place = None;
        let mut bytes = Bytes::new();
        let mut joined = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            if bytes.is_empty() && joined.is_empty() {
                bytes = data;
                continue;
            }
            joined.extend_from_slice(&std::mem::take(&mut bytes));
            joined.extend_from_slice(&data);
            if place.is_none() && joined.len() > SMALL_ENVELOPE_BYTES {
                place = Some(self.large.acquire().await?);
            }
        }
        Ok((
            if joined.is_empty() {
                bytes
            } else {
                joined.freeze()
            },
            place,
        ))
    }

    fn is_own_host(&self, headers: &HeaderMap) -> bool {
        single(headers, &HOST) == Some(self.own_host.as_str())
    }
}

/// The id that the host gave a direct request: the last of the list, since a client's own come first.
fn direct_invocation_id(headers: &HeaderMap) -> Option<InvocationId> {
    let last = headers.get_all(&INVOCATION_ID).iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// A header's value, if the header came once and is ASCII.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// An empty answer.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The path and query of an absolute or relative URL of the host.
fn path_and_query(url: &str) -> Option<Uri> {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.find('/').map_or("/", |at| &after_scheme[at..]);
    path.parse().ok()
}

/// A method of the envelope, which the host writes in upper case.
fn method(name: &str) -> Option<Method> {
    Method::from_bytes(name.as_bytes()).ok()
}
