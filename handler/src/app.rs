//! The app, and the one path that every invocation takes through it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, Response};
use tokio::sync::SetOnce;
use tracing::Instrument as _;

use crate::auth::{
    AuthSettings, Certificates, Clock, Policy, RESOURCE_ROUTE, ResourceMetadata, Tokens,
};
use crate::failure::{Error, Failure};
use crate::function::{Endpoints, Entry, Function};
use crate::guard::{Guard, Visit};
use crate::limits::{Callers, InputLimits, LimitSettings, Limits};
use crate::manifest::Manifest;
use crate::secrets::{Declaration, Declared, Need, Secrets};
use crate::telemetry::audit::{Proxies, Trail};
use crate::telemetry::{Fields, Invocation, Spans, Telemetry, problems_of_log_fields};
use crate::wire::{Answered, Arrived, Mode, Packed, Received, Reply, Routes, Wire, Wiring};

mod problems;

/// What an app answers to: its functions, and what holds for all of them.
///
/// An `App` is a pure value. It reads no environment and opens no connection, so the developer's
/// commands, the manifest and tests use it without any secret.
pub struct App<S> {
    name: &'static str,
    functions: Vec<Function<S>>,
    guards: Vec<Guard>,
    secrets: Vec<Declaration>,
    log_fields: Vec<&'static str>,
    mode: Mode,
}

impl<S: Send + Sync + 'static> App<S> {
    /// An app without functions.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            functions: Vec::new(),
            guards: Vec::new(),
            secrets: Vec::new(),
            log_fields: Vec::new(),
            mode: Mode::default(),
        }
    }

    /// Adds a function.
    #[must_use]
    pub fn function(mut self, function: Function<S>) -> Self {
        self.functions.push(function);
        self
    }

    /// Adds functions.
    #[must_use]
    pub fn functions(mut self, functions: impl IntoIterator<Item = Function<S>>) -> Self {
        self.functions.extend(functions);
        self
    }

    /// Adds a guard before every function's own: it sees each authorised invocation and may only
    /// refuse it.
    #[must_use]
    pub fn guard(
        mut self,
        guard: impl Fn(&Visit<'_>) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        self.guards.push(Arc::new(guard));
        self
    }

    /// Declares a secret that only the state needs; those that handlers take are known from their
    /// arguments. [`Environment::secret`](crate::settings::Environment::secret) gives it.
    #[must_use]
    pub fn secret<K: Declared>(mut self) -> Self {
        Declaration::of::<K>(Need::Required).add_to(&mut self.secrets);
        self
    }

    /// Lets fields of these names through to the log, whoever logs them. Of every other field of an
    /// event or a span of the app the log has the name, and `[withheld]` in place of the value: what a
    /// field may hold is decided here and not by whoever adds a log line. `message` always passes.
    ///
    /// ```
    /// use stockade::App;
    ///
    /// let app = App::<()>::new("orders").log_fields(&["order.items"]);
    ///
    /// tracing::info!(order.items = 3, "an order"); // …,"order.items":3
    /// ```
    #[must_use]
    pub fn log_fields(mut self, names: &[&'static str]) -> Self {
        self.log_fields.extend(names);
        self
    }

    /// Narrows how HTTP requests may reach the app; the default is [`Mode::Proxying`].
    #[must_use]
    pub fn http(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The app's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The inventory: every function with its trigger, access rule, outputs and settings.
    pub fn manifest(&self) -> Manifest {
        Manifest::of(self.name, self.mode, &self.secrets(), self.entries())
    }

    /// What is wrong with the app that types cannot refuse, in words for its developer. The routes
    /// are checked under the prefix `api`, and again at start under the one that host.json gives.
    pub fn problems(&self) -> Vec<String> {
        self.problems_under(self.mode, "api")
    }

    pub(crate) fn problems_under(&self, mode: Mode, prefix: &str) -> Vec<String> {
        let mut problems = problems::of(self.entries(), mode, prefix);
        problems.extend(problems_of_log_fields(&self.log_fields));
        problems
    }

    /// The fields that may be logged.
    pub(crate) fn fields(&self) -> Fields {
        Fields::declared(&self.log_fields)
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.functions.iter().map(Function::entry)
    }

    /// The settings that the bindings name.
    pub(crate) fn settings(&self) -> BTreeSet<String> {
        let manifest = self.manifest();
        let functions = manifest.functions().iter();
        functions
            .flat_map(|function| function.settings.iter().cloned())
            .collect()
    }

    pub(crate) fn secrets_of_state(&self) -> &[Declaration] {
        &self.secrets
    }

    /// Every secret that the app declares, once.
    pub(crate) fn secrets(&self) -> Vec<Declaration> {
        let of_functions = self.entries().flat_map(|entry| &entry.inputs.secrets);
        let mut all = Vec::new();
        for declaration in self.secrets.iter().chain(of_functions) {
            declaration.add_to(&mut all);
        }
        all
    }

    /// Whether some function asks for a token.
    pub(crate) fn needs_tokens(&self) -> bool {
        self.entries().any(|entry| entry.trigger.gate.needs_token())
    }

    /// What the app tells of itself as a protected resource, if it is to be one.
    pub(crate) fn resource_metadata(&self, settings: &AuthSettings) -> Option<ResourceMetadata> {
        let rules = self.entries().filter_map(|entry| entry.trigger.gate.rule());
        ResourceMetadata::of(self.name, rules, settings)
    }

    /// Whether some function answers where challenges say that the metadata is.
    pub(crate) fn serves_resource_metadata(&self) -> bool {
        self.entries()
            .filter_map(|entry| entry.trigger.route.as_ref())
            .any(|route| {
                route.template.as_str() == RESOURCE_ROUTE && route.methods.contains(&Method::GET)
            })
    }

    /// Puts the stages together.
    pub(crate) fn assemble(mut self, plan: Assembly) -> Ready<S> {
        for function in &mut self.functions {
            function.add_guards(&self.guards);
        }
        let deadline = |entry: &Entry| {
            let own = entry.deadline.unwrap_or(plan.deadline);
            own.min(plan.deadline)
        };
        let deadlines = self.entries().map(deadline).collect();
        let secrets = Secrets::new(self.secrets(), Arc::clone(&plan.clock));
        let trail = Trail::new(Arc::clone(&plan.clock));
        let routes = Routes::new(self.entries(), &plan.route_prefix, plan.mode);
        Ready {
            wire: Wire::new(
                routes,
                plan.port,
                plan.limits.max_envelope_bytes,
                deadlines,
                plan.proxies,
            ),
            telemetry: Telemetry::new(
                self.entries(),
                &plan.route_prefix,
                plan.spans,
                Arc::clone(&trail),
            ),
            limits: Limits::new(&plan.limits),
            policy: Policy::new(
                self.entries()
                    .map(|entry| entry.trigger.gate.clone())
                    .collect(),
                plan.tokens,
                Callers::new(&plan.limits.callers),
                plan.certificates,
                plan.clock,
            ),
            wiring: Wiring::new(self.entries(), Arc::clone(&trail)),
            trail,
            endpoints: Endpoints::new(
                self.functions,
                InputLimits {
                    max_body_bytes: plan.limits.max_body_bytes,
                },
                plan.resource,
                secrets,
            ),
        }
    }
}

/// What the stages are put together with.
pub(crate) struct Assembly {
    pub(crate) port: u16,
    pub(crate) mode: Mode,
    pub(crate) route_prefix: String,
    pub(crate) limits: LimitSettings,
    /// The longest that any invocation may take.
    pub(crate) deadline: Duration,
    pub(crate) tokens: Option<Arc<Tokens>>,
    /// Measures how often callers come, and how long secrets count.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) resource: Option<ResourceMetadata>,
    /// The client certificates that a caller needs beside its token, if it needs one.
    pub(crate) certificates: Option<Certificates>,
    /// Where the spans of invocations go, if they go anywhere.
    pub(crate) spans: Option<Spans>,
    /// Who is known to append the addresses of callers.
    pub(crate) proxies: Proxies,
}

/// An app with its stages put together.
pub(crate) struct Ready<S> {
    wire: Wire,
    telemetry: Telemetry,
    limits: Limits,
    policy: Policy,
    endpoints: Endpoints<S>,
    wiring: Wiring,
    trail: Arc<Trail>,
}

impl<S: Send + Sync + 'static> Ready<S> {
    /// Answers a request on the port. It comes in a box, or the future would hold it twice.
    pub(crate) async fn serve(&self, request: Box<Request<Body>>) -> Response<Body> {
        // A match around the answer would keep room for what was read while the answer is made.
        let arrived = match self.wire.read(*request).await {
            Received::Arrived(arrived) => arrived,
            Received::Undeliverable(undeliverable) => {
                let recorded = self.telemetry.undeliverable(undeliverable);
                return self.wiring.answer(recorded).into_response();
            }
            Received::Ping => return crate::wire::empty(http::StatusCode::OK),
            Received::Foreign(foreign) => {
                tracing::warn!(rule = foreign.rule(), "request turned away: {foreign}");
                return crate::wire::empty(foreign.status());
            }
        };
        self.answer(arrived).await.into_response()
    }

    /// Answers the host. Whatever happens is on record before the host is told.
    pub(crate) async fn answer(&self, arrived: Arrived) -> Answered {
        let (invocation, record) = self.telemetry.open(arrived);
        let deadline = record.deadline();
        let work = self
            .run(invocation, record.reply())
            .instrument(record.span());
        let outcome = tokio::time::timeout_at(deadline, work).await;
        self.wiring
            .answer(record.close(outcome.unwrap_or(Err(Failure::DeadlineExceeded))))
    }

    /// The stages. Each takes what only the one before it makes.
    async fn run(&self, invocation: Invocation, reply: &Reply) -> Result<Packed, Failure> {
        let admitted = self.limits.admit(invocation).await?; // before anything that costs
        let authorized = self.policy.decide(admitted).await?; // before anything reads the payload
        let outputs = self.endpoints.run(authorized).await?; // input, function, outputs
        self.wiring.pack(reply, outputs).await // what cannot be carried is a failure, too
    }

    /// What invocations leave in the audit trail.
    pub(crate) fn trail(&self) -> &Trail {
        &self.trail
    }

    /// The secrets, which nobody has fetched yet.
    pub(crate) fn secrets(&self) -> &Secrets {
        self.endpoints.secrets()
    }

    /// The state, once it is built.
    pub(crate) fn state(&self) -> &SetOnce<S> {
        self.endpoints.state()
    }

    #[cfg(test)]
    pub(crate) fn record_to(&mut self, spans: Spans) {
        self.telemetry.record_to(spans);
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn entry(&self, function: crate::wire::FunctionId) -> &Entry {
        self.endpoints.entry(function)
    }
}

#[cfg(test)]
mod tests;
