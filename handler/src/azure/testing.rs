//! Stand-ins on this machine: a vault that speaks TLS, an identity endpoint that speaks HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::OffsetDateTime;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::identity::Identity;
use super::key_vault::KeyVault;
use super::keys::KeyVaultKeys;
use super::transport::Outbound;
use super::vault_uri::VaultUri;
use crate::settings::Problems;

/// What a stand-in answers to a request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) after: Duration,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// A server that answers one request on each connection, and remembers what it was asked.
#[derive(Clone)]
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    /// In PEM; of a server that speaks TLS.
    pub(crate) authority: Option<String>,
    requests: Arc<Mutex<Vec<String>>>,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// Decides by the text of a request, its head in lower case, and by how many came before it.
type Play = dyn Fn(&str, usize) -> Answer + Send + Sync;

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            after: Duration::ZERO,
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub(crate) fn json(body: &serde_json::Value) -> Self {
        Self::new(200, body.to_string())
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn after(mut self, pause: Duration) -> Self {
        self.after = pause;
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "HTTP/1.1 {} Word\r\nContent-Length: {}\r\nConnection: close\r\n",
            self.status,
            self.body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

impl StandIn {
    /// One that speaks plain HTTP.
    pub(crate) async fn http(play: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(None, play).await
    }

    /// One that speaks TLS, as each of these names.
    pub(crate) async fn https(
        names: &[&str],
        play: impl Fn(&str, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(certified(names)), play).await
    }

    async fn start(
        tls: Option<(TlsAcceptor, String)>,
        play: impl Fn(&str, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (acceptor, authority) = tls.unzip();
        let stand_in = Self {
            address: listener.local_addr().expect("an address"),
            authority,
            requests: Arc::default(),
            bodies: Arc::default(),
        };
        let bodies = Arc::clone(&stand_in.bodies);
        let (requests, play) = (Arc::clone(&stand_in.requests), Arc::new(play));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (requests, play) = (Arc::clone(&requests), Arc::clone(&play));
                let (acceptor, bodies) = (acceptor.clone(), Arc::clone(&bodies));
                tokio::spawn(async move {
                    match acceptor {
                        Some(acceptor) => {
                            if let Ok(connection) = acceptor.accept(connection).await {
                                serve(connection, &requests, &bodies, play.as_ref()).await;
                            }
                        }
                        None => serve(connection, &requests, &bodies, play.as_ref()).await,
                    }
                });
            }
        });
        stand_in
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test panics in it").clone()
    }

    /// The bodies of the requests, to the byte.
    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        self.bodies.lock().expect("no test panics in it").clone()
    }

    /// The client's options that trust this server.
    pub(crate) fn outbound(&self) -> Outbound {
        let authority = self.authority.as_ref().expect("it speaks TLS");
        let root = reqwest::Certificate::from_pem(authority.as_bytes()).expect("a certificate");
        let mut outbound = Outbound::default();
        outbound.roots.push(root);
        outbound
    }

    /// The settings that name this server as the vault.
    pub(crate) fn vault_settings(&self) -> BTreeMap<String, String> {
        [
            ("AZURE_FUNCTIONS_ENVIRONMENT", "Development".to_owned()),
            ("STOCKADE__SECRETS__INSECURE_VAULT", "true".to_owned()),
            (
                "STOCKADE__SECRETS__VAULT_URI",
                format!("https://{VAULT_HOST}:{}/", self.address.port()),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    pub(crate) fn vault_uri(&self) -> VaultUri {
        let mut problems = Problems::new();
        let uri = VaultUri::read(&self.vault_settings(), &mut problems);
        uri.unwrap_or_else(|| panic!("{problems}"))
    }

    /// A client of this vault, signed in by `credential`.
    pub(super) fn key_vault(&self, credential: Arc<dyn TokenCredential>) -> KeyVault {
        let options = self
            .outbound()
            .client_options(super::key_vault::MAX_ANSWER_BYTES);
        let identity = Identity::over(credential);
        KeyVault::new(&self.vault_uri(), Arc::new(identity), options)
    }

    /// A client of this vault's keys, signed in by `credential`.
    pub(super) fn keys(&self, credential: Arc<dyn TokenCredential>) -> KeyVaultKeys {
        let options = self
            .outbound()
            .client_options(super::keys::MAX_ANSWER_BYTES);
        let identity = Identity::over(credential);
        KeyVaultKeys::new(&self.vault_uri(), Arc::new(identity), options)
    }
}

async fn serve<C>(
    mut connection: C,
    requests: &Mutex<Vec<String>>,
    bodies: &Mutex<Vec<Vec<u8>>>,
    play: &Play,
) where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let mut request = String::from_utf8_lossy(&request).to_lowercase();
    let mut body = vec![0; content_length(&request)];
    if connection.read_exact(&mut body).await.is_err() {
        return;
    }
    request.push_str(&String::from_utf8_lossy(&body));
    bodies.lock().expect("no test panics in it").push(body);
    let before = {
        let mut requests = requests.lock().expect("no test panics in it");
        requests.push(request.clone());
        requests.len() - 1
    };
    let answer = play(&request, before);
    tokio::time::sleep(answer.after).await;
    let _ = connection.write_all(&answer.bytes()).await;
    let _ = connection.shutdown().await;
}

fn content_length(head: &str) -> usize {
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.map_or(0, |length| length.parse().expect("a length"))
}

/// TLS with a certificate for these names, and the authority that signed it.
fn certified(names: &[&str]) -> (TlsAcceptor, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).expect("a certificate");
    let issuer = Issuer::new(params, key);

    let key = KeyPair::generate().expect("a key");
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaf = CertificateParams::new(names)
        .and_then(|params| params.signed_by(&key, &issuer))
        .expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("key and certificate fit");
    (TlsAcceptor::from(Arc::new(config)), root.pem())
}

/// A vault with one secret, which wants a token first.
pub(crate) async fn vault() -> StandIn {
    vault_that(|_| Answer::json(&secret())).await
}

/// A vault that challenges whoever brings no token, and then answers so.
pub(crate) async fn vault_that(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> StandIn {
    StandIn::https(&[VAULT_HOST], move |request, _| {
        if request.contains("authorization: bearer ") {
            answer(request)
        } else {
            challenge(CHALLENGE)
        }
    })
    .await
}

pub(crate) fn challenge(text: &str) -> Answer {
    Answer::new(401, "").with("WWW-Authenticate", text)
}

pub(crate) fn secret() -> serde_json::Value {
    json!({
        "value": "the value",
        "id": format!("https://{VAULT_HOST}/secrets/erp-key/{VERSION}"),
        "attributes": { "enabled": true, "nbf": 1_700_000_000, "exp": 4_000_000_000_u32 },
        "tags": {},
    })
}

/// An identity endpoint that hands out tokens of an hour.
pub(crate) fn issue(token: &str) -> Answer {
    let expires_on = OffsetDateTime::now_utc().unix_timestamp() + 3600;
    Answer::json(&json!({
        "access_token": token,
        "expires_on": expires_on.to_string(),
        "token_type": "Bearer",
        "resource": "https://vault.localhost",
    }))
}

/// Hands out what a closure says, and counts.
pub(crate) struct Source<F> {
    pub(crate) asked: Mutex<Vec<String>>,
    play: F,
}

impl<F> std::fmt::Debug for Source<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

impl<F, O> Source<F>
where
    F: Fn(usize) -> O + Send + Sync,
    O: Future<Output = azure_core::Result<AccessToken>> + Send,
{
    /// `play` is told how many asked before.
    pub(crate) fn new(play: F) -> Arc<Self> {
        Arc::new(Self {
            asked: Mutex::default(),
            play,
        })
    }
}

impl<F> Source<F> {
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test panics in it").clone()
    }
}

#[async_trait::async_trait]
impl<F, O> TokenCredential for Source<F>
where
    F: Fn(usize) -> O + Send + Sync,
    O: Future<Output = azure_core::Result<AccessToken>> + Send,
{
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let before = {
            let mut asked = self.asked.lock().expect("no test panics in it");
            asked.push(scopes.join(" "));
            asked.len() - 1
        };
        (self.play)(before).await
    }
}

/// A token that counts for some seconds more.
pub(crate) fn token(text: &str, seconds: i64) -> AccessToken {
    let expires_on = OffsetDateTime::now_utc() + azure_core::time::Duration::seconds(seconds);
    AccessToken::new(text.to_owned(), expires_on)
}

/// A credential that always has a token.
pub(crate) fn signed_in() -> Arc<dyn TokenCredential> {
    Source::new(|_| async { Ok(token("the-token", 3600)) })
}

pub(crate) const VAULT_HOST: &str = "orders.vault.localhost";
pub(crate) const CHALLENGE: &str = "Bearer authorization=\"http://127.0.0.1:7072/\
     11111111-2222-3333-4444-555555555555\", resource=\"https://vault.localhost\"";
pub(crate) const VERSION: &str = "0123456789abcdef0123456789abcdef";
