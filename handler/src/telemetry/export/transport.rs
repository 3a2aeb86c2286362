//! How telemetry is sent: over the process's one HTTP client, from the threads of the SDK.
//!
//! These are no threads of the runtime, where an HTTP client of ours panics, so each request is a task
//! of its own. What is sent goes nowhere but to the configured address: no proxy, no redirect.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use azure_core::credentials::TokenCredential as _;
use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::answers::Answers;
use crate::azure::{Identity, Outbound, up_to};

/// A client for one receiver of telemetry. Clones share what they know of it.
#[derive(Debug, Clone)]
pub(super) struct Ingestion {
    runtime: Handle,
    receiver: Arc<Receiver>,
    refused: Refused,
}

/// How many pieces a receiver has refused for good, of requests that it took.
#[derive(Debug, Clone, Default)]
pub(super) struct Refused(Arc<AtomicUsize>);

impl Refused {
    /// How many since this was asked last.
    pub(super) fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// What a receiver asks of whoever sends to it.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) outbound: Outbound,
    pub(super) answers: Answers,
    pub(super) headers: HeaderMap,
    /// The identity that signs in, and for what.
    pub(super) sign_in: Option<(Identity, &'static str)>,
    /// How often a request is sent again that may succeed later.
    pub(super) retries: u32,
    /// The receiver has asked for a pause until then.
    pub(super) rests_until: Mutex<Option<Instant>>,
}

/// Why nothing came of a request. No text holds anything that the receiver said.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the HTTPS client could not be made; does this machine have CA certificates?")]
    NoClient,
    #[error("the app's identity gets no token for telemetry")]
    NoToken,
    #[error("the request cannot be sent")]
    Request,
    #[error("no answer came")]
    NoAnswer,
    #[error("the answer is too large")]
    TooLarge,
}

impl Ingestion {
    pub(super) fn new(runtime: Handle, receiver: Receiver) -> Self {
        Self {
            runtime,
            receiver: Arc::new(receiver),
            refused: Refused::default(),
        }
    }

    /// A client for one signal, with an account of its own of what is refused.
    pub(super) fn for_a_signal(&self) -> (Self, Refused) {
        let refused = Refused::default();
        let client = Self {
            refused: refused.clone(),
            ..self.clone()
        };
        (client, refused)
    }
}

#[async_trait::async_trait]
impl HttpClient for Ingestion {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let receiver = Arc::clone(&self.receiver);
        // What is logged on the way must not become telemetry, which would be sent the same way.
        let suppressed = Context::current().with_telemetry_suppressed();
        let sending = async move { receiver.deliver(request).await }.with_context(suppressed);
        let mut answer = self.runtime.spawn(sending).await??;
        if answer.status().is_success() {
            match self.receiver.answers.refused_in(answer.body()) {
                Some(refused) => {
                    self.refused.0.fetch_add(refused, Ordering::Relaxed);
                }
                // Whoever answered has nothing to do with telemetry, a proxy for one.
                None => *answer.status_mut() = StatusCode::BAD_GATEWAY,
            }
        }
        Ok(answer)
    }
}

impl Receiver {
    /// One that asks for nothing.
    pub(super) fn new(outbound: Outbound, answers: Answers) -> Self {
        Self {
            outbound,
            answers,
            headers: HeaderMap::new(),
            sign_in: None,
            retries: 0,
            rests_until: Mutex::new(None),
        }
    }

    async fn deliver(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Trouble> {
        let mut again = 0;
        loop {
            let answer = self.signed_in(&request).await;
            let passes = match &answer {
                Ok(answer) => may_pass(answer.status()),
                Err(trouble) => matches!(trouble, Trouble::NoAnswer),
            };
            if !passes || again == self.retries {
                return answer;
            }
            let pause = PAUSE * 2_u32.saturating_pow(again);
            tokio::time::sleep(pause + up_to(pause)).await;
            again += 1;
        }
    }

    /// Sends with a token that counts, if one is asked for. One that is refused is fetched anew, once.
    async fn signed_in(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Trouble> {
        let Some((identity, scope)) = &self.sign_in else {
            return self.send(request, None).await;
        };
        let answer = self.send(request, Some((identity, scope))).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        self.send(request, Some((identity, scope))).await
    }

    async fn send(
        &self,
        request: &Request<Bytes>,
        sign_in: Option<(&Identity, &str)>,
    ) -> Result<Response<Bytes>, Trouble> {
        self.rest().await;
        let client = self
            .outbound
            .client()
            .await
            .map_err(|_| Trouble::NoClient)?;
        let mut request = request.clone();
        request.headers_mut().extend(self.headers.clone());
        let token = match sign_in {
            Some((identity, scope)) => Some(token(identity, scope).await?),
            None => None,
        };
        if let Some(token) = &token {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Trouble::NoToken)?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let request = reqwest::Request::try_from(request).map_err(|_| Trouble::Request)?;
        let answer = client.execute(request).await;
        let answer = answer.map_err(|_| Trouble::NoAnswer)?;
        self.note_pause(answer.status(), answer.headers());
        if answer.status() == StatusCode::UNAUTHORIZED
            && let (Some((identity, scope)), Some(token)) = (sign_in, &token)
        {
            identity.refused(scope, token);
        }
        read(answer).await
    }

    async fn rest(&self) {
        let until = *self.pause();
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    fn note_pause(&self, status: StatusCode, headers: &HeaderMap) {
        if !may_pass(status) {
            return;
        }
        let seconds = headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok());
        if let Some(seconds) = seconds {
            let pause = Duration::from_secs(seconds).min(LONGEST_REST);
            *self.pause() = Some(Instant::now() + pause);
        }
    }

    fn pause(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.rests_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn token(identity: &Identity, scope: &str) -> Result<String, Trouble> {
    let fetched = tokio::time::timeout(TOKEN, identity.get_token(&[scope], None)).await;
    match fetched {
        Ok(Ok(token)) => Ok(token.token.secret().to_owned()),
        _ => Err(Trouble::NoToken),
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Response<Bytes>, Trouble> {
    let status = answer.status();
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| Trouble::NoAnswer)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(Trouble::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let mut whole = Response::new(body.freeze());
    *whole.status_mut() = status;
    *whole.headers_mut() = answer.headers().clone();
    Ok(whole)
}

/// Whether what stands against a request may be over soon (OTLP specification, "OTLP/HTTP Response",
/// Retryable Response Codes; 439 is Application Insights' own for a quota that is used up).
fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 439 | 502 | 503 | 504)
}

/// An answer tells of each piece that was not accepted.
const MOST_BYTES: usize = 1024 * 1024;
const TOKEN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(500);
/// No receiver silences an app for longer at once.
const LONGEST_REST: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests;
