//! One request over plain HTTP to this machine, and nowhere else.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::devhost::not_running;
use super::failed::Failed;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Sends a request, whose target is a path, to an origin such as `http://127.0.0.1:7071`.
///
/// # Errors
///
/// Nobody listens there, the origin is not on this machine, or the answer breaks off.
pub(super) fn send(origin: &str, mut request: Request<Full<Bytes>>) -> Result<Answer, Failed> {
    let address = address(origin).ok_or_else(|| {
        Failed::work(
            format!("devhost named the address {origin}, which is not on this machine."),
            "cargo fn dev  (start it again)",
        )
    })?;
    let host = HeaderValue::from_str(&address.to_string()).expect("an address is visible ASCII");
    request.headers_mut().insert(header::HOST, host);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| broken(&error))?;
    runtime.block_on(async {
        let Ok(stream) = TcpStream::connect(address).await else {
            return Err(not_running());
        };
        tokio::time::timeout(PATIENCE, exchange(stream, request))
            .await
            .map_err(|_| broken(&"no answer within 10 minutes"))?
            .map_err(|error| broken(&error))
    })
}

async fn exchange(stream: TcpStream, request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    connection.abort();
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    })
}

/// The address of a loopback origin.
fn address(origin: &str) -> Option<SocketAddr> {
    let authority = origin.strip_prefix("http://")?.trim_end_matches('/');
    let address: SocketAddr = authority.parse().ok()?;
    let loopback = match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback(),
    };
    loopback.then_some(address)
}

fn broken(why: &dyn std::fmt::Display) -> Failed {
    Failed::work(
        format!("There was no whole answer: {why}."),
        "look at the terminal of cargo fn dev",
    )
}

/// Longer than any host lets an HTTP function run.
const PATIENCE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to() {
        assert!(address("http://127.0.0.1:7071").is_some());
        assert!(address("http://[::1]:7071/").is_some());
        for origin in [
            "http://192.0.2.1:80",
            "https://127.0.0.1:7071",
            "http://example.com",
            "http://127.0.0.1:7071@192.0.2.1:80",
        ] {
            assert_eq!(address(origin), None, "{origin}");
        }
    }
}
