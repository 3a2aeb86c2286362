//! The pipeline as benchmarks see it: whole, from the request on the port, and its two ends alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};
use tracing::instrument::WithSubscriber as _;

use super::{TestApp, dispatch_to};
use crate::app::App;
use crate::auth::Tokens;
use crate::on::Trigger;
use crate::output::{Outputs, Returns};
use crate::telemetry::{Sink, When};
use crate::wire::{Received, Reply};

impl<S: Send + Sync + 'static> App<S> {
    /// Puts the app together as [`with_state`](App::with_state) does, for callers with tokens.
    ///
    /// # Panics
    ///
    /// When the app has [`problems`](App::problems).
    #[must_use]
    pub fn with_tokens(self, state: S, tokens: Tokens) -> TestApp<S> {
        self.put_together(Some(Arc::new(tokens)), &BTreeMap::new())
            .with(state)
    }
}

impl<S: Send + Sync + 'static> TestApp<S> {
    /// Writes log lines and drops them, where [`log`](TestApp::log) would keep them.
    #[must_use]
    pub fn without_log(mut self) -> Self {
        self.dispatch = dispatch_to(Nowhere, self.fields.clone());
        self
    }

    /// Answers a request as it comes on the port, which is 0 here.
    pub async fn serve(&self, request: Request<Body>) -> Response<Body> {
        let answer = self.ready.serve(Box::new(request));
        answer.with_subscriber(self.dispatch.clone()).await
    }

    /// Reads a request as it comes on the port, and says whether it is for a function.
    pub async fn reads(&self, request: Request<Body>) -> bool {
        matches!(self.ready.wire().read(request).await, Received::Arrived(_))
    }

    /// What the host is sent when the function `name`, whose trigger is `T`, returns this.
    ///
    /// # Panics
    ///
    /// When the app has no such function, or the value cannot be sent.
    pub async fn packs<T: Trigger>(&self, name: &str, returned: impl Returns<T>) -> Response<Body> {
        let routes = self.ready.wire().routes();
        let function = routes.by_name(name).expect("the app has the function");
        let mut outputs = Outputs::default();
        returned
            .write(&mut outputs)
            .expect("the value can be written");
        let reply = Reply::without_payload(function, routes.form(function));
        let packed = self.ready.wiring().pack(&reply, outputs).await;
        packed.expect("the value can be sent").into_response()
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn line(&self, _: &str, _: When) {}
}
