//! Fetches documents from the login host: bounded in size and time, without redirects or proxies.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::{Client, Response, Url};
use tokio::sync::OnceCell;

use crate::telemetry::calling;

/// Fetches a document.
pub trait Fetch: Send + Sync + 'static {
    /// The whole body of the answer, which has to be a 200.
    fn get(&self, url: Url) -> BoxFuture<'_, Result<Bytes, FetchError>>;
}

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No client could be made, as on a machine without CA certificates.
    #[error("the HTTPS client could not be made; does this machine have CA certificates?")]
    Client(#[source] Box<dyn Error + Send + Sync>),
    /// The answer did not arrive whole and in time.
    #[error("no answer arrived")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// The answer has another status than 200. Redirects are not followed.
    #[error("the answer has the status {0}")]
    Status(u16),
    /// The answer is larger than a document of its kind can be.
    #[error("the answer is larger than {MAX_BYTES} bytes")]
    TooLarge,
}

/// Fetches by HTTPS, or by HTTP from this machine where a test setting says so.
#[derive(Debug)]
pub(in crate::auth) struct HttpFetch {
    origin: Url,
    /// Made at the first use: reading the machine's CA certificates takes milliseconds.
    client: OnceCell<Client>,
}

impl HttpFetch {
    /// Fetches from `origin` and from nowhere else.
    pub(in crate::auth) fn new(origin: &Url) -> Self {
        Self {
            origin: origin.clone(),
            client: OnceCell::new(),
        }
    }

    async fn client(&self) -> Result<&Client, FetchError> {
        let build = || async {
            let origin = self.origin.clone();
            tokio::task::spawn_blocking(move || build(&origin))
                .await
                .map_err(|error| FetchError::Client(error.into()))?
                .map_err(|error| FetchError::Client(error.into()))
        };
        self.client.get_or_try_init(build).await
    }

    async fn fetch(&self, url: Url) -> Result<Bytes, FetchError> {
        let unreachable =
            |error: reqwest::Error| FetchError::Unreachable(error.without_url().into());
        let client = self.client().await?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let status = |answer: &Result<Response, _>| Some(answer.as_ref().ok()?.status());
        let sent = client.get(url).send();
        let sent = calling("GET", &host, status, sent).await;
        let mut answer = sent.map_err(unreachable)?;
        if answer.status() != http::StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

impl Fetch for HttpFetch {
    fn get(&self, url: Url) -> BoxFuture<'_, Result<Bytes, FetchError>> {
        self.fetch(url).boxed()
    }
}

fn build(origin: &Url) -> Result<Client, reqwest::Error> {
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .user_agent(concat!("stockade/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(2))
        .timeout(TIMEOUT)
        .pool_max_idle_per_host(1);
    if origin.scheme() == "https" {
        return client.https_only(true).build();
    }
    // No TLS is spoken here, so no CA certificates are read; and a name that means this machine is
    // not left to a name server (RFC 6761 §6.3).
    let host = origin.host_str().unwrap_or_default();
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    client.tls_certs_only([]).resolve(host, here).build()
}

/// A key set of ten keys has about 17,000 bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// For one document, from the name look-up to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
