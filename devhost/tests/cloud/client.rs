//! A client for HTTP/1.1, with and without TLS, that resolves names below localhost itself.

use bytes::Bytes;
use http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("visible characters")
    }
}

/// Whom a client trusts.
pub(crate) struct Roots(TlsConnector);

impl Roots {
    /// All certificates of a file, as `SSL_CERT_FILE` names it.
    pub(crate) fn read(file: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(file).expect("a file of certificates");
        let certificates: Result<Vec<_>, _> = certificates.collect();
        roots.add_parsable_certificates(certificates.expect("certificates"));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(TlsConnector::from(Arc::new(config)))
    }
}

/// A bare connection to where a URL leads.
pub(crate) async fn connect(url: &str) -> io::Result<TcpStream> {
    let uri: Uri = url.parse().expect("a URL");
    TcpStream::connect((Ipv4Addr::LOCALHOST, uri.port_u16().expect("a port"))).await
}

/// GET over TLS, with a bearer token if there is one.
pub(crate) async fn get_tls(url: &str, roots: &Roots, token: Option<&str>) -> io::Result<Answer> {
    send_tls("GET", url, roots, token, "").await
}

/// A request over TLS, with a bearer token if there is one.
pub(crate) async fn send_tls(
    method: &str,
    url: &str,
    roots: &Roots,
    token: Option<&str>,
    body: &str,
) -> io::Result<Answer> {
    let uri: Uri = url.parse().expect("a URL");
    let name = ServerName::try_from(uri.host().expect("a host").to_owned()).expect("a name");
    let stream = roots.0.connect(name, connect(url).await?).await?;
    let bearer = token.map(|token| ("authorization", format!("Bearer {token}")));
    let fields: Vec<_> = bearer.iter().map(|(n, v)| (*n, v.as_str())).collect();
    send(stream, method, url, &fields, body).await
}

/// GET without TLS.
pub(crate) async fn get(url: &str, fields: &[(&str, &str)]) -> io::Result<Answer> {
    send(connect(url).await?, "GET", url, fields, "").await
}

/// Sends a request over a connection that is there.
pub(crate) async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    method: &str,
    url: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let uri: Uri = url.parse().expect("a URL");
    let authority = uri.authority().expect("an authority").as_str();
    let target = uri.path_and_query().expect("a path").as_str();
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header("host", authority);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::<Bytes>::from(body.to_owned()))
        .expect("a request");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection);
    let answer = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?;
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: body.to_bytes(),
    })
}

/// Asks again and again, for a while.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
