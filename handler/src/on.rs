//! What starts a function: one builder for each trigger.
//!
//! Triggers are types, and what a handler may take or return are traits over them. So a `Principal`
//! in a queue function, or a `Reply` from one, does not compile.

use std::future::Future;
use std::time::SystemTime;

use serde::Serialize;

use crate::auth::{Gate, Identity, Principal};
use crate::failure::Failure;
use crate::function::Inputs;
use crate::limits::InputLimits;
use crate::manifest::Binding;
use crate::routes::RouteTemplate;
use crate::wire::Delivery;

pub use self::http::{HttpTrigger, Who, delete, get, http, patch, post, put};
pub use self::queue::{QueueTrigger, queue};
pub use self::retry::Retry;
pub use self::router::{RouterTrigger, ValidatesItself, router, validates_itself};
pub use self::timer::{TimerTrigger, timer};

mod http;
mod queue;
mod retry;
mod router;
mod timer;

/// What starts a function. Only the builders of this module make one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a trigger",
    label = "not made by a builder of `stockade::on`",
    note = "a trigger is made by a builder such as `on::post(route, access)` or `on::queue(name)`"
)]
pub trait Trigger: Sealed + Send + Sync + 'static {
    /// Who can be known to call: a [`Principal`] where a token is required.
    type Caller: Clone + Send + Sync + 'static;

    /// What the handler's arguments are taken from.
    #[doc(hidden)]
    type Event: Send + Sync + 'static;

    /// The caller, if authentication decided what this trigger asks for.
    #[doc(hidden)]
    fn caller(identity: Identity) -> Option<Self::Caller>;

    /// Receives what the wire delivered, reading a streamed body under its limit.
    #[doc(hidden)]
    fn receive(
        delivery: Delivery,
        limits: &InputLimits,
    ) -> impl Future<Output = Result<Self::Event, Failure>> + Send;

    /// When the event was sent, if its service says so.
    #[doc(hidden)]
    fn sent(_: &Self::Event) -> Option<SystemTime> {
        None
    }

    /// What the registry keeps of this trigger.
    #[doc(hidden)]
    fn settle(self, inputs: &Inputs) -> Settled;
}

/// Triggers whose caller is known, because a token is required.
#[diagnostic::on_unimplemented(
    message = "no caller is known here, so the handler cannot take a `Principal`",
    label = "this handler asks for the caller",
    note = "only functions with an access rule other than `access::anonymous` know their caller"
)]
pub trait HasCaller: Trigger<Caller = Principal> {}

/// Triggers that carry an HTTP request.
#[diagnostic::on_unimplemented(
    message = "this `{Self}` carries no HTTP request",
    label = "this handler reads an HTTP request",
    note = "events are read with `Message<_>`"
)]
pub trait HasRequest: Trigger {
    /// The request in the event.
    #[doc(hidden)]
    fn request(event: &Self::Event) -> &crate::input::Request<bytes::Bytes>;
}

/// Triggers that deliver a message.
#[diagnostic::on_unimplemented(
    message = "this `{Self}` delivers no message",
    label = "this handler reads a message",
    note = "a request is read with `Json<_>`, `Query<_>` or `Path<_>`"
)]
pub trait HasMessage: Trigger {
    /// The message's bytes.
    #[doc(hidden)]
    fn payload(event: &Self::Event) -> &[u8];
}

/// Triggers whose caller waits for an answer.
#[diagnostic::on_unimplemented(
    message = "nobody waits for an answer to this `{Self}`, so its handler cannot return a `Reply`",
    label = "this handler returns a `Reply`"
)]
pub trait Answers: Trigger {}

/// Triggers that nobody waits for.
#[diagnostic::on_unimplemented(
    message = "somebody waits for an answer to this `{Self}`, so the first output has to be a `Reply`",
    label = "this handler returns outputs without a `Reply`",
    note = "return `(Reply<_>, …)`"
)]
pub trait Silent: Trigger {}

mod sealed {
    pub trait Sealed {}
}
pub(crate) use sealed::Sealed;

/// The kinds of trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TriggerKind {
    /// An HTTP request.
    Http,
    /// A message of a storage queue.
    Queue,
    /// A tick of a schedule.
    Timer,
}

impl TriggerKind {
    /// The kind's name, as logs and the manifest show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Queue => "queue",
            Self::Timer => "timer",
        }
    }
}

/// What the registry keeps of a trigger.
#[derive(Debug)]
pub struct Settled {
    pub(crate) kind: TriggerKind,
    pub(crate) gate: Gate,
    /// The trigger's binding in function.json.
    pub(crate) binding: Binding,
    /// Where an HTTP trigger answers.
    pub(crate) route: Option<Route>,
    pub(crate) retry: Option<Retry>,
    pub(crate) quarantine: Option<crate::output::Sink>,
    /// Why a mounted router is trusted to check its own input.
    pub(crate) validates_itself: Option<&'static str>,
    /// What types cannot refuse, in words for the developer.
    pub(crate) problems: Vec<String>,
}

/// The methods and the path of an HTTP trigger.
#[derive(Debug, Clone)]
pub struct Route {
    pub(crate) methods: Vec<::http::Method>,
    pub(crate) template: RouteTemplate,
}
