//! A function: a trigger, a handler and what the registry knows of them.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use opentelemetry::context::FutureExt as _;

use crate::auth::{Authorized, Identity, ResourceMetadata};
use crate::failure::{self, Error, Failure};
use crate::guard::{Guard, Visit};
use crate::limits::{InputLimits, Permit};
use crate::on::{Settled, Trigger};
use crate::output::{Outputs, Plan, Returns};
use crate::secrets::{Declaration, Secrets};
use crate::telemetry::{Point, metrics};
use crate::wire::Delivery;

pub use self::argument::{Argument, Call, Leads, Part, Payload};
pub(crate) use self::context::Origin;
pub use self::context::{Context, InvocationId, NotAGuid};
pub(crate) use self::endpoints::Endpoints;
pub use self::handler::{ArgumentList, Handler};
pub use self::state::{FromRef, State};

mod argument;
mod context;
mod endpoints;
mod handler;
mod state;

/// A function of the app: its name, its trigger and its handler.
///
/// The trigger decides which arguments the handler may take and what it may return; a handler that
/// does not fit does not compile.
pub struct Function<S> {
    entry: Entry,
    endpoint: Arc<dyn Endpoint<S>>,
    guards: Vec<Guard>,
}

impl<S: Send + Sync + 'static> Function<S> {
    /// A function named `name`, which is also its path on the wire and its folder in the package.
    ///
    /// ```
    /// use stockade::{Function, Reply, access, on};
    ///
    /// async fn health() -> Reply<&'static str> {
    ///     Reply::ok("up")
    /// }
    ///
    /// let function = Function::<()>::new(
    ///     "health",
    ///     on::get("health", access::anonymous("a load balancer carries no token")),
    ///     health,
    /// );
    /// ```
    pub fn new<T, H, A: 'static>(name: &'static str, trigger: T, handler: H) -> Self
    where
        T: Trigger,
        H: Handler<A>,
        H::Arguments: ArgumentList<T, S>,
        H::Future: Future<Output: Returns<T>> + Send + 'static,
    {
        let mut inputs = Inputs::default();
        H::Arguments::describe(&mut inputs);
        let mut plan = Plan::default();
        <H::Future as Future>::Output::describe(&mut plan);
        let settled = trigger.settle(&inputs);
        Self {
            entry: Entry {
                name,
                inputs,
                plan,
                trigger: settled,
                deadline: None,
            },
            endpoint: Arc::new(Typed::<T, H, A> {
                handler,
                marker: PhantomData,
            }),
            guards: Vec::new(),
        }
    }

    /// Gives up the invocation after `deadline`, if that is sooner than the app's own deadline.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.entry.deadline = Some(deadline);
        self
    }

    /// Adds a guard: it sees each authorised invocation of this function and may only refuse it.
    #[must_use]
    pub fn guard(
        mut self,
        guard: impl Fn(&Visit<'_>) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        self.guards.push(Arc::new(guard));
        self
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }

    pub(crate) fn add_guards(&mut self, first: &[Guard]) {
        self.guards.splice(0..0, first.iter().cloned());
    }

    /// Guards, input, function, outputs. Only [`Endpoints`] gets here, by the function's id.
    async fn run(
        &self,
        authorized: Authorized,
        around: Surroundings<'_, S>,
    ) -> Result<Outputs, Failure> {
        let (running, _permit) = self.begin(authorized, around)?;
        running.await
    }

    /// Guards now, the rest in a future. It may run for as long as the permit is held.
    fn begin<'a>(
        &'a self,
        authorized: Authorized,
        around: Surroundings<'a, S>,
    ) -> Result<(Running<'a>, Permit), Failure> {
        let (admitted, identity) = authorized.into_parts();
        let (context, delivery, permit) = admitted.into_parts();
        let arrival = Arrival {
            context,
            identity,
            delivery,
        };
        let visit = Visit::new(&arrival, self.entry.trigger.kind);
        failure::contained(|| self.guards.iter().try_for_each(|guard| guard(&visit)))?
            .map_err(Failure::Function)?;
        Ok((self.endpoint.run(arrival, around), permit))
    }
}

/// What a function of an app finds beside the invocation.
pub(crate) struct Surroundings<'a, S> {
    pub(crate) limits: &'a InputLimits,
    pub(crate) state: &'a S,
    pub(crate) resource: Option<&'a ResourceMetadata>,
    pub(crate) secrets: &'a Secrets,
}

/// What has passed the stages before the endpoint, taken apart for it.
pub(crate) struct Arrival {
    context: Context,
    identity: Identity,
    delivery: Delivery,
}

impl Arrival {
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn delivery(&self) -> &Delivery {
        &self.delivery
    }
}

/// What the registry knows of a function.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) inputs: Inputs,
    pub(crate) plan: Plan,
    pub(crate) trigger: Settled,
    pub(crate) deadline: Option<Duration>,
}

/// What a handler's arguments read.
#[derive(Debug, Default)]
pub struct Inputs {
    pub(crate) payload: Option<schemars::Schema>,
    pub(crate) query: Option<schemars::Schema>,
    pub(crate) path: Option<schemars::Schema>,
    pub(crate) headers: Option<schemars::Schema>,
    pub(crate) secrets: Vec<Declaration>,
}

impl Inputs {
    /// Every type that is read, with the name of where it is read from.
    pub(crate) fn types(&self) -> impl Iterator<Item = (&'static str, &schemars::Schema)> {
        [
            ("payload", &self.payload),
            ("query", &self.query),
            ("path", &self.path),
            ("headers", &self.headers),
        ]
        .into_iter()
        .filter_map(|(name, schema)| Some((name, schema.as_ref()?)))
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Outputs, Failure>> + Send + 'a>>;

/// A function without its types.
trait Endpoint<S>: Send + Sync {
    fn run<'a>(&'a self, arrival: Arrival, around: Surroundings<'a, S>) -> Running<'a>;
}

struct Typed<T, H, A> {
    handler: H,
    marker: PhantomData<fn() -> (T, A)>,
}

impl<T, H, A, S> Endpoint<S> for Typed<T, H, A>
where
    S: Send + Sync + 'static,
    T: Trigger,
    H: Handler<A>,
    H::Arguments: ArgumentList<T, S>,
    H::Future: Future<Output: Returns<T>> + Send + 'static,
{
    fn run<'a>(&'a self, arrival: Arrival, around: Surroundings<'a, S>) -> Running<'a> {
        let work = async move {
            let Arrival {
                context,
                identity,
                delivery,
            } = arrival;
            context.progress().pass(Point::Begun);
            let caller = T::caller(identity).ok_or(Failure::WrongTrigger)?;
            let event = T::receive(delivery, around.limits).await?;
            if let Some(age) = T::sent(&event).and_then(|sent| sent.elapsed().ok()) {
                metrics().delivered(context.function(), age);
            }
            let arguments = H::Arguments::from_call(&Call {
                caller,
                state: around.state,
                resource: around.resource,
                secrets: around.secrets,
                context: &context,
                event: &event,
            })?;
            drop(event);
            context.progress().pass(Point::Valid);
            let call = self.handler.call(arguments);
            let returned = call.with_context(context.surrounding()).await;
            context.progress().pass(Point::Returned);
            let mut outputs = Outputs::default();
            returned.write(&mut outputs).map_err(Failure::Function)?;
            Ok(outputs)
        };
        // Validators, state parts and serialisers are user code as much as the handler is.
        let contained = AssertUnwindSafe(work).catch_unwind();
        Box::pin(contained.map(|ended| ended.unwrap_or(Err(Failure::Panicked))))
    }
}
