//! The one HTTP client that the SDK gets: bounded in time and size, no proxy, no redirect.
//!
//! The SDK's own would send the identity endpoint's secret header to a proxy that the environment
//! names, read bodies of any size, wait up to 80 s for what fails, and sleep for as long as a
//! `Retry-After` says. Nothing here does.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::policies::{RetryHeaders, RetryPolicy};
use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, Request, RetryOptions, StatusCode, Transport,
};
use futures_util::StreamExt as _;
use futures_util::stream::Stream;
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::cause;
use crate::telemetry::calling;

/// The options for a client of the SDK: the process's one HTTP client, answers of at most
/// `max_answer_bytes`, two quick retries.
///
/// A try ends after 10 s. A call is several, so whoever calls bounds the whole of it.
pub(crate) fn client_options(max_answer_bytes: usize) -> ClientOptions {
    OUTBOUND.client_options(max_answer_bytes)
}

/// The process's one HTTP client without the SDK's policies: one try, no token, answers of at most
/// `max_answer_bytes`.
#[cfg(feature = "cli")]
pub(super) fn bare_client(max_answer_bytes: usize) -> impl HttpClient {
    OUTBOUND.bounded(max_answer_bytes)
}

static OUTBOUND: LazyLock<Outbound> = LazyLock::new(Outbound::default);

/// Why the transport gave up, beside what can happen to any connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TransportError {
    /// No client could be made, as on a machine without CA certificates.
    #[error("the HTTPS client could not be made; does this machine have CA certificates?")]
    NoClient,
    /// The answer is larger than what was asked for can be.
    #[error("the answer is too large")]
    TooLarge,
    /// The name of the server cannot be resolved.
    #[error("the name cannot be resolved")]
    Name,
}

/// The HTTP client, made at the first use: reading the machine's CA certificates takes
/// milliseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbound {
    client: Arc<OnceLock<Client>>,
    /// Tests trust these and nothing else.
    #[cfg(test)]
    pub(crate) roots: Vec<reqwest::Certificate>,
}

impl Outbound {
    /// The process's one HTTP client.
    pub(crate) fn of_the_process() -> Self {
        OUTBOUND.clone()
    }

    pub(super) fn client_options(&self, max_answer_bytes: usize) -> ClientOptions {
        let bounded = self.bounded(max_answer_bytes);
        ClientOptions {
            transport: Some(Transport::new(Arc::new(bounded))),
            retry: RetryOptions::custom(Arc::new(Briefly)),
            ..ClientOptions::default()
        }
    }

    fn bounded(&self, max_answer_bytes: usize) -> Bounded {
        Bounded {
            outbound: self.clone(),
            max_answer_bytes,
        }
    }

    /// The client itself, for what needs no SDK: bounded in time, and the caller bounds the answer.
    pub(crate) async fn client(&self) -> azure_core::Result<Client> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        // What is made is kept, though the caller that had it made may give up meanwhile.
        let (made, builder) = (Arc::clone(&self.client), self.builder());
        tokio::task::spawn_blocking(move || {
            let client = builder.build().ok()?;
            Some(made.get_or_init(|| client).clone())
        })
        .await
        .ok()
        .flatten()
        .ok_or_else(|| azure_core::Error::new(ErrorKind::Other, TransportError::NoClient))
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        let builder = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .dns_resolver(Arc::new(Names))
            .connect_timeout(CONNECT)
            .timeout(TRY);
        #[cfg(test)]
        let builder = if self.roots.is_empty() {
            builder
        } else {
            builder.tls_certs_only(self.roots.clone())
        };
        builder
    }
}

/// What stands between us and a server, in words that hold nothing of what it said.
pub(super) fn trouble(error: &(dyn Error + 'static)) -> &'static str {
    match cause::<TransportError>(error) {
        Some(TransportError::NoClient) => {
            return "the HTTPS client could not be made; does this machine have CA certificates?";
        }
        Some(TransportError::TooLarge) => return "its answer is too large",
        Some(TransportError::Name) => return "its name cannot be resolved",
        None => {}
    }
    if let Some(error) = cause::<reqwest::Error>(error) {
        if error.is_timeout() {
            return "no answer in time";
        }
        if cause::<io::Error>(error).is_some_and(is_of_tls) {
            return "its certificate is not accepted, or it speaks no TLS";
        }
        return if error.is_connect() {
            "no connection"
        } else {
            "the connection broke"
        };
    }
    "the Azure client gave up"
}

/// Whether TLS went wrong: what rustls refuses arrives as an I/O error of this kind, inside others.
fn is_of_tls(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    error.kind() == io::ErrorKind::InvalidData || inner.is_some_and(is_of_tls)
}

/// The process's client with a limit to what an answer may hold.
#[derive(Debug)]
struct Bounded {
    outbound: Outbound,
    max_answer_bytes: usize,
}

#[async_trait::async_trait]
impl HttpClient for Bounded {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let client = self.outbound.client().await?;
        let host = request.url().host_str().unwrap_or_default();
        let status = |answer: &azure_core::Result<AsyncRawResponse>| {
            let status = u16::from(answer.as_ref().ok()?.status());
            http::StatusCode::from_u16(status).ok()
        };
        let sent = client.execute_request(request);
        let answer = calling(request.method().as_str(), host, status, sent).await?;
        let (status, headers, body) = answer.deconstruct();
        let body = Box::pin(at_most(self.max_answer_bytes, body));
        Ok(AsyncRawResponse::new(status, headers, body))
    }
}

/// The same chunks, or an error in place of the one that makes them too many.
fn at_most<B, C>(most: usize, body: B) -> impl Stream<Item = azure_core::Result<C>>
where
    B: Stream<Item = azure_core::Result<C>>,
    C: AsRef<[u8]>,
{
    let mut left = most;
    body.map(move |chunk| {
        let chunk = chunk?;
        match left.checked_sub(chunk.as_ref().len()) {
            Some(rest) => left = rest,
            None => {
                return Err(azure_core::Error::new(
                    ErrorKind::Other,
                    TransportError::TooLarge,
                ));
            }
        }
        Ok(chunk)
    })
}

/// Retries what is over in a moment. Throttling is not, so 429 and 503 go to the caller at once,
/// and no `Retry-After` makes the SDK sleep.
#[derive(Debug)]
struct Briefly;

impl RetryPolicy for Briefly {
    fn is_expired(&self, _: azure_core::time::Duration, retries: u32) -> bool {
        retries >= RETRIES
    }

    fn retry_headers(&self) -> Option<&RetryHeaders> {
        None
    }

    fn retry_status_codes(&self) -> &[StatusCode] {
        &[
            StatusCode::RequestTimeout,
            StatusCode::InternalServerError,
            StatusCode::BadGateway,
            StatusCode::GatewayTimeout,
        ]
    }

    fn sleep_duration(&self, retries: u32) -> azure_core::time::Duration {
        let pause = PAUSE * 2_u32.saturating_pow(retries.saturating_sub(1));
        let pause = pause.min(LONGEST_PAUSE);
        azure_core::time::Duration::try_from(pause + up_to(pause))
            .expect("a pause of at most some seconds")
    }
}

/// Resolves names as the machine does, but for `localhost` and the names below it, which mean this
/// machine whatever a name server says (RFC 6761 §6.3).
#[derive(Debug)]
struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str();
            if name == "localhost" || name.ends_with(".localhost") {
                let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                return Ok(Box::new(std::iter::once(here)) as Addrs);
            }
            match tokio::net::lookup_host((name, 0)).await {
                Ok(found) => Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs),
                Err(_) => Err(TransportError::Name.into()),
            }
        })
    }
}

/// A random span of at most `most`, so that many instances do not ask in step.
pub(crate) fn up_to(most: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness there is no jitter, and nothing else is lost.
    let _ = aws_lc_rs::rand::fill(&mut byte);
    most * u32::from(byte[0]) / u32::from(u8::MAX)
}

const CONNECT: Duration = Duration::from_secs(2);
/// For one try, from the name look-up to the last byte.
const TRY: Duration = Duration::from_secs(10);
const RETRIES: u32 = 2;
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
