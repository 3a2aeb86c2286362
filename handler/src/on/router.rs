//! A whole `axum::Router` behind one HTTP function.

use std::future::Future;

use http::Method;
use tower::ServiceExt;

use super::http::settle;
use super::{Answers, HasCaller, Sealed, Settled, Trigger, Who};
use crate::access::{Access, Caller};
use crate::auth::Identity;
use crate::failure::Failure;
use crate::function::{Argument, Call, Function, Inputs, Payload};
use crate::input::Rejection;
use crate::limits::InputLimits;
use crate::output::StreamedReply;
use crate::wire::Delivery;

/// An HTTP request that a mounted router answers.
#[derive(Debug)]
pub struct RouterTrigger<W> {
    route: &'static str,
    access: Access<W>,
    why: ValidatesItself,
}

/// The written statement that a router checks its own input.
#[derive(Debug, Clone, Copy)]
pub struct ValidatesItself(&'static str);

/// States why a router may be trusted to check its own input; the manifest shows the reason.
pub fn validates_itself(reason: &'static str) -> ValidatesItself {
    ValidatesItself(reason)
}

/// Mounts `router` at `route`, behind telemetry, limits and authentication like any function.
///
/// The router sees the request's own path, with the route prefix, and reads the body as a stream. Its
/// handlers may take the [`Principal`](crate::Principal), as behind a [layer](crate::auth::layer).
/// Its answers must be text and at most 1 MiB where the app is told to use the envelope.
///
/// ```
/// use stockade::{access, on};
///
/// let router = axum::Router::new().route("/api/admin/ping", axum::routing::get(|| async { "pong" }));
/// let function = on::router(
///     "admin",
///     "admin/{*rest}",
///     access::scope("Admin"),
///     router,
///     on::validates_itself("it takes no input"),
/// );
/// # let _: stockade::Function<()> = function;
/// ```
pub fn router<W: Who, S: Send + Sync + 'static>(
    name: &'static str,
    route: &'static str,
    access: Access<W>,
    router: axum::Router,
    why: ValidatesItself,
) -> Function<S> {
    let answer = move |Whole(request): Whole| {
        let router = router.clone();
        async move {
            match router.oneshot(request).await {
                Ok(response) => StreamedReply(response),
                Err(never) => match never {},
            }
        }
    };
    Function::new(name, RouterTrigger { route, access, why }, answer)
}

/// The whole request, as axum takes it.
struct Whole(http::Request<axum::body::Body>);

impl<W: Who, S> Argument<RouterTrigger<W>, S> for Whole {
    type Role = Payload;

    fn from_call(call: &Call<'_, RouterTrigger<W>, S>) -> Result<Self, Rejection> {
        let mut request = call.event.take().ok_or(Rejection::NO_BODY)?;
        // Where there is one, this is the `Principal` that handlers of axum take.
        request.extensions_mut().insert(call.caller.clone());
        Ok(Self(request))
    }
}

/// A request that is handed over once.
#[doc(hidden)]
pub struct Handover(std::sync::Mutex<Option<http::Request<axum::body::Body>>>);

impl Handover {
    fn take(&self) -> Option<http::Request<axum::body::Body>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
    }
}

impl<W: Who> Sealed for RouterTrigger<W> {}
impl<W: Who> Trigger for RouterTrigger<W> {
    type Caller = W::Known;
    type Event = Handover;

    fn caller(identity: Identity) -> Option<W::Known> {
        W::known(identity)
    }

    fn receive(
        delivery: Delivery,
        limits: &InputLimits,
    ) -> impl Future<Output = Result<Handover, Failure>> + Send {
        let received = match delivery {
            Delivery::Request(request) => request
                .into_axum(limits)
                .map(|request| Handover(std::sync::Mutex::new(Some(request)))),
            Delivery::Message(_) | Delivery::Tick(_) => Err(Failure::WrongTrigger),
        };
        std::future::ready(received)
    }

    fn settle(self, _: &Inputs) -> Settled {
        let every = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::HEAD,
            Method::OPTIONS,
        ];
        let mut settled = settle(&every, self.route, self.access, false, Vec::new());
        settled.validates_itself = Some(self.why.0);
        settled
    }
}

impl HasCaller for RouterTrigger<Caller> {}
impl<W: Who> Answers for RouterTrigger<W> {}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::*;
    use crate::{App, Principal, access};

    async fn whoami(caller: Principal) -> String {
        caller.id().to_owned()
    }

    fn app<W: Who>(access: Access<W>) -> App<()> {
        let router = Router::new().route("/api/who", get(whoami));
        let why = validates_itself("it takes no input");
        App::new("mounted").function(super::router("who", "who", access, router, why))
    }

    #[tokio::test]
    async fn handlers_of_a_mounted_router_may_take_the_caller() {
        let known = app(access::scope("Me.Read")).with_state(());
        let unknown = app(access::anonymous("a test")).with_state(());
        let ada = || Principal::for_tests("ada").with_scope("Me.Read");

        let answer = known.call("who").as_caller(ada()).await;
        let failure = unknown.call("who").as_caller(ada()).await;

        assert_eq!((answer.status(), answer.body()), (200, &b"ada"[..]));
        assert_eq!(failure.status(), 500);
    }
}
