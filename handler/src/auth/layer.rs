//! The same check as a [`tower::Layer`], for services that are no functions.
//!
//! [`Entra`] reads the settings `STOCKADE__AUTH__…`, fetches the signing keys and keeps them fresh.
//! [`Entra::layer`] puts an access rule before an `axum::Router`, or before any other service of
//! HTTP requests:
//!
//! ```no_run
//! use axum::Router;
//! use axum::routing::{get, post};
//! use stockade::auth::Entra;
//! use stockade::{Principal, access};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let entra = Entra::from_env().await?;
//! let app: Router = Router::new()
//!     .route("/orders", post(create_order))
//!     .layer(entra.layer(access::scope("Orders.Write")))
//!     .route("/health", get(async || "up")); // below the layer, so open to anyone
//! # let _ = app;
//! # Ok(())
//! # }
//!
//! async fn create_order(caller: Principal, order: String) -> String {
//!     format!("{} ordered {order}", caller.id())
//! }
//! ```
//!
//! A request takes the same way as through the app's pipeline: headers that claim an identity are
//! removed, the one bearer token is verified, so is a client certificate where the settings ask for
//! one, the rule is asked, and a refusal has the same status, words and headers. Only `instance` is missing from its problem document, since there is no
//! invocation to name. Nobody reads the body before that. Each refusal is one line of the log, with
//! its rule and never with the token. [`access::anonymous`](crate::access::anonymous) is no rule for a
//! layer: a route that is open stands outside of it.
//!
//! The service finds the caller as a [`Principal`] among the request's extensions; handlers of axum
//! take it as an argument. One that does so outside every layer fails, for everyone.
//!
//! The `Authorization` header stays, marked as sensitive: layers can stand within each other, and a
//! service may exchange the token for one of a service behind it. What answers CORS preflight
//! requests, which carry no token, has to stand outside.
//!
//! What this does not bring: limits, deadlines, the reading of input and the line for each call that
//! succeeds. They are the pipeline's, and here the service's own.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::FromRequestParts;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use tower::{Layer, Service};

use super::headers::strip_identity;
use super::{
    AuthSettings, Certificates, ClientCertificateHeader, Denial, Principal, Refresher, Rule,
    SystemClock, Tokens,
};
use crate::access::{Access, Caller};
use crate::failure::Failure;
use crate::settings::{self, Problems, Process, Source};
use crate::telemetry::audit::{Proxies, Trail};
use crate::wire;

/// The tenants that a service trusts, with their keys. Clones share them.
///
/// The keys are kept fresh for as long as there is a clone, a layer or a service made of it.
#[derive(Debug, Clone)]
pub struct Entra {
    tokens: Arc<Tokens>,
    certificates: Option<Arc<Certificates>>,
    proxies: Proxies,
    trail: Arc<Trail>,
    _fresh: Option<Arc<Refresher>>,
}

impl Entra {
    /// Reads the settings from the environment and fetches the keys, for at most five seconds. What
    /// has not arrived by then goes on arriving; until it has, calls are answered with 503.
    ///
    /// # Errors
    ///
    /// All [`Problems`] with the settings at once.
    pub async fn from_env() -> Result<Self, Problems> {
        Self::from_source(&Process).await
    }

    /// The same, with settings that come from `source`.
    ///
    /// # Errors
    ///
    /// All [`Problems`] with the settings at once.
    pub async fn from_source(source: &(dyn Source + Sync)) -> Result<Self, Problems> {
        let (settings, proxies) = read(source)?;
        settings.tell_weakenings();
        let clock = Arc::new(SystemClock::new());
        let certificates = settings.certificates.as_ref();
        let certificates =
            certificates.map(|settings| Arc::new(Certificates::new(settings, clock.clone())));
        let trail = Trail::new(clock.clone());
        let tokens = Arc::new(Tokens::new(&settings, clock));
        tokens.prepare(PREPARATION).await;
        Ok(Self {
            _fresh: Some(Arc::new(tokens.keep_fresh())),
            certificates,
            proxies,
            trail,
            tokens,
        })
    }

    /// Checks with these tokens, whose keys somebody else [keeps fresh](Tokens::keep_fresh). The audit
    /// trail then names no addresses.
    pub fn with_tokens(tokens: Arc<Tokens>) -> Self {
        Self {
            tokens,
            certificates: None,
            proxies: Proxies::default(),
            trail: Trail::new(Arc::new(SystemClock::new())),
            _fresh: None,
        }
    }

    /// Whether the keys of all listed tenants are there, for probes of readiness.
    pub fn is_ready(&self) -> bool {
        self.tokens.is_ready()
    }

    /// A layer that lets through whoever satisfies `access`.
    ///
    /// # Panics
    ///
    /// When nobody could ever satisfy it: a scope or role whose name no token can hold, or one of no
    /// rules at all.
    #[must_use]
    #[track_caller]
    pub fn layer(&self, access: Access<Caller>) -> Protect {
        let problems = access.problems();
        assert!(problems.is_empty(), "{}", problems.join("; "));
        Protect {
            check: Arc::new(Check {
                entra: self.clone(),
                rule: access.into_rule(),
            }),
        }
    }
}

fn read(source: &dyn Source) -> Result<(AuthSettings, Proxies), Problems> {
    let mut problems = Problems::new();
    settings::unknown_names(source, settings::TABLE, &mut problems);
    settings::unresolved_references(source, &BTreeSet::new(), &[], &mut problems);
    let settings = AuthSettings::read(source, &mut problems, true);
    let proxies = Proxies::read(source, &mut problems);
    match problems.is_empty() {
        true => Ok((settings, proxies)),
        false => Err(problems),
    }
}

/// How long keys may take before the service starts without them.
const PREPARATION: Duration = Duration::from_secs(5);

/// Puts the check before a service. Made by [`Entra::layer`].
#[derive(Debug, Clone)]
pub struct Protect {
    check: Arc<Check>,
}

impl<S> Layer<S> for Protect {
    type Service = Protected<S>;

    fn layer(&self, inner: S) -> Protected<S> {
        Protected {
            check: Arc::clone(&self.check),
            inner,
        }
    }
}

/// A service behind the check.
#[derive(Debug, Clone)]
pub struct Protected<S> {
    check: Arc<Check>,
    inner: S,
}

/// `R` is a body that can be made of a text, such as `axum::body::Body` or `Full<Bytes>`.
impl<S, B, R> Service<Request<B>> for Protected<S>
where
    S: Service<Request<B>, Response = Response<R>, Future: Send> + Clone + Send + 'static,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<R>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The service that `poll_ready` prepared is the one to call; the fresh clone stays behind.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let check = Arc::clone(&self.check);
        async move {
            match check.decide(request.headers_mut()).await {
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                    inner.call(request).await
                }
                Err(failure) => Ok(wire::refused(&failure)),
            }
        }
        .boxed()
    }
}

/// What stands before one service.
#[derive(Debug)]
struct Check {
    entra: Entra,
    rule: Rule,
}

impl Check {
    /// Accepts the caller and leaves only headers that the service may see, or says why not.
    async fn decide(&self, headers: &mut HeaderMap) -> Result<Principal, Failure> {
        let certificate = ClientCertificateHeader::of(headers);
        let client = self.entra.proxies.client(headers);
        strip_identity(headers);
        let caller = self.entra.tokens.caller(headers).await;
        let caller = caller.map_err(|denial| self.refuse(denial, None, client))?;
        let allowed = self.allows(&caller, certificate.as_ref());
        allowed.map_err(|denial| self.refuse(denial, Some(&caller), client))?;
        self.entra.trail.admitted(&caller, client);
        if let Some(token) = headers.get_mut(AUTHORIZATION) {
            token.set_sensitive(true);
        }
        Ok(caller)
    }

    fn allows(
        &self,
        caller: &Principal,
        certificate: Option<&ClientCertificateHeader>,
    ) -> Result<(), Denial> {
        if let Some(certificates) = &self.entra.certificates {
            certificates.require(certificate)?;
        }
        self.rule.require(caller)
    }

    /// Turns the caller away, and writes the one line about it.
    fn refuse(
        &self,
        denial: Denial,
        caller: Option<&Principal>,
        client: Option<IpAddr>,
    ) -> Failure {
        self.entra.trail.refused(&denial, caller, client);
        let failure = Failure::from(self.entra.tokens.challenges().refuse(denial));
        tracing::warn!(
            outcome = failure.outcome(),
            rule = failure.rule(),
            error = %failure,
            principal.id = caller.map(Principal::id),
            "request turned away"
        );
        failure
    }
}

/// The caller, on a route behind a layer of [`Entra`] or in a [mounted router](crate::on::router).
///
/// There is no caller that may be missing, on purpose: a route that lost its layer has to be noticed.
impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Response<axum::body::Body>;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let failure = Failure::Function(Unprotected.into());
        tracing::error!(
            outcome = failure.outcome(),
            rule = failure.rule(),
            error = %failure,
            "request failed"
        );
        Err(wire::refused(&failure))
    }
}

/// A handler took the caller, and nobody had asked for one.
#[derive(Debug, thiserror::Error)]
#[error(
    "a handler takes a `Principal`, and nothing before its route knows the caller: put a layer of \
     `stockade::auth::layer` around it, or mount it with an access rule other than `anonymous`"
)]
struct Unprotected;

#[cfg(test)]
mod tests;
