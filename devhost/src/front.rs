//! The public side: an HTTP server on 127.0.0.1 that answers as the host's does.
//!
//! ```text
//! head -> target -> the host's own API, or a route -> key -> mode: envelope | forwarding | proxying
//! ```

mod admin;
mod answer;
mod body_text;
mod envelope;
mod forward;
mod identity;
mod known_fields;
mod proxy;
mod query;
mod route;
mod serve;
mod target;

pub(crate) use route::Template;
pub(crate) use serve::serve;
pub(crate) use target::escape_path;

use crate::app::{App, AuthLevel, Function, HttpMode};
use crate::cloud::StandIns;
use crate::http1::{Body, BodyError, Connection, RequestHead, Responder, Response};
use crate::invoke::Invoker;
use crate::keys::{Grant, Keys};
use crate::log::Log;
use crate::sources::Sources;
use query::Query;
use route::RouteValues;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use target::Target;

/// `FUNCTIONS_REQUEST_BODY_SIZE_LIMIT` unless it is set, in bytes
/// (host 4.1037, `HttpRequestBodySizeMiddleware`).
const DEFAULT_MAX_BODY_BYTES: u64 = 104_857_600;

/// Everything a request needs.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) app: Arc<App>,
    pub(crate) keys: Keys,
    pub(crate) invoker: Invoker,
    pub(crate) sources: Sources,
    pub(crate) stand_ins: StandIns,
    pub(crate) log: Log,
    pub(crate) started: Instant,
    running: AtomicUsize,
}

/// A request that found its function.
struct Matched<'a> {
    function: &'a Arc<Function>,
    head: &'a RequestHead,
    target: &'a Target,
    query: Query,
    values: RouteValues,
    grant: Grant,
}

/// What becomes of a connection after a request.
enum Next {
    Done,
    /// It speaks another protocol now, with the handler.
    Tunnel(Box<Connection>),
}

impl Front {
    pub(crate) fn new(
        app: Arc<App>,
        keys: Keys,
        invoker: Invoker,
        sources: Sources,
        stand_ins: StandIns,
        log: Log,
    ) -> Self {
        Self {
            app,
            keys,
            invoker,
            sources,
            stand_ins,
            log,
            started: Instant::now(),
            running: AtomicUsize::new(0),
        }
    }

    /// Requests that are being answered.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    async fn handle(
        &self,
        head: &RequestHead,
        body: &mut Body<'_>,
        responder: &mut Responder,
    ) -> io::Result<Next> {
        let Some(target) = Target::parse(&head.target) else {
            responder.close_after();
            responder.send(Response::status(400)).await?;
            return Ok(Next::Done);
        };
        let query = Query::parse(&target.query);
        if let Some(response) = self.own_api(head, &target, &query, body, responder).await? {
            responder.send(response).await?;
            return Ok(Next::Done);
        }
        let Some((function, values)) = self.route(&head.method, &target.path) else {
            responder.send(Response::status(404)).await?;
            return Ok(Next::Done);
        };
        let grant = self.keys.grant(Some(&function.name), key(head, &query));
        if !is_allowed(function, &grant) {
            self.log.info(&format!(
                "{} {} 401: {}",
                head.method,
                target.path,
                how_to_get_in(function)
            ));
            responder.send(Response::status(401)).await?;
            return Ok(Next::Done);
        }
        let matched = Matched {
            function,
            head,
            target: &target,
            query,
            values,
            grant,
        };
        self.running.fetch_add(1, Ordering::Relaxed);
        let next = match self.app.mode_of(function) {
            HttpMode::Envelope => self.by_envelope(&matched, body, responder).await,
            HttpMode::Forwarding => self.forward(&matched, body, responder).await,
            HttpMode::Proxying => self.proxy(&matched, body, responder).await,
        };
        self.running.fetch_sub(1, Ordering::Relaxed);
        next
    }

    /// The first function whose route and methods fit, in the order of their names
    /// (HTTP extension 3.2, `WebJobsRouteBuilder`: one route after the other).
    fn route(&self, method: &str, path: &str) -> Option<(&Arc<Function>, RouteValues)> {
        self.app.functions.iter().find_map(|function| {
            let http = function.http.as_ref()?;
            let values = http.route.matches(path)?;
            let takes =
                |methods: &Vec<String>| methods.iter().any(|one| one.eq_ignore_ascii_case(method));
            http.methods
                .as_ref()
                .is_none_or(takes)
                .then_some((function, values))
        })
    }

    fn max_body_bytes(&self) -> u64 {
        self.app
            .settings
            .get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT")
            .and_then(|text| text.parse().ok())
            .unwrap_or(DEFAULT_MAX_BODY_BYTES)
    }

    /// Reads a request's body. What goes wrong with it is answered with 500, as the host does;
    /// a client that left is not answered.
    async fn read_body(
        &self,
        head: &RequestHead,
        body: &mut Body<'_>,
        responder: &mut Responder,
    ) -> io::Result<Option<bytes::Bytes>> {
        if body.is_untouched() && head.fields.lists("Expect", "100-continue") {
            responder.go_ahead().await?;
        }
        let status = match body.collect(self.max_body_bytes()).await {
            Ok(whole) => return Ok(Some(whole)),
            Err(BodyError::Truncated | BodyError::Io(_)) => {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Err(BodyError::Malformed) => 400,
            Err(BodyError::TooLarge(_)) => 500,
        };
        responder.close_after();
        responder.send(Response::status(status)).await?;
        Ok(None)
    }

    fn log_answer(&self, matched: &Matched<'_>, status: u16, started: Instant) {
        self.log.info(&format!(
            "{} {} -> {} {status} in {:.0?}",
            matched.head.method,
            matched.target.path,
            matched.function.name,
            started.elapsed()
        ));
    }
}

/// The header first, then the query (host 4.1037, `AuthenticationLevelHandler`).
fn key<'a>(head: &'a RequestHead, query: &'a Query) -> Option<&'a str> {
    head.fields
        .first("x-functions-key")
        .or_else(|| query.first("code"))
}

fn is_allowed(function: &Function, grant: &Grant) -> bool {
    let level = function
        .http
        .as_ref()
        .map_or(AuthLevel::Admin, |http| http.auth);
    match level {
        AuthLevel::Anonymous => true,
        AuthLevel::Function => matches!(grant, Grant::Function { .. } | Grant::Admin),
        AuthLevel::Admin => *grant == Grant::Admin,
    }
}

fn how_to_get_in(function: &Function) -> String {
    match function.http.as_ref().map(|http| http.auth) {
        Some(AuthLevel::Admin) => "send the master key in the x-functions-key header".to_owned(),
        _ => format!(
            "send a key in the x-functions-key header; GET /admin/functions/{}/keys lists them, with the master key",
            function.name
        ),
    }
}
