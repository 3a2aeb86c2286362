//! A loopback port that a stand-in serves HTTP on, and that can be shut and opened again.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How many ports after the main one are tried before any will do.
const NEIGHBOURS: u16 = 20;
/// How long a port that cannot be had, or a connection that cannot be taken, is left alone.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a client may take to say what it speaks.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The port, taken before anyone serves on it. Whoever connects meanwhile waits.
#[derive(Debug)]
pub(crate) struct Door {
    listener: TcpListener,
    port: u16,
}

impl Door {
    /// Takes this port, or with 0 the first free one after the main port.
    ///
    /// # Errors
    ///
    /// What the system says when there is none.
    pub(crate) async fn bind(port: u16, main: u16) -> io::Result<Self> {
        let listener = if port == 0 {
            bind_near(main).await?
        } else {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?
        };
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Answers requests for ever. No answer breaks the connection off; while the port is shut,
    /// nobody listens and no connection lives.
    pub(crate) async fn serve<F, A>(
        self,
        tls: Option<TlsAcceptor>,
        mut shut: watch::Receiver<bool>,
        answer: F,
    ) -> Infallible
    where
        F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Option<Response<Full<Bytes>>>> + Send + 'static,
    {
        let Self { listener, port } = self;
        let mut open = Some(listener);
        loop {
            let listener = match open.take() {
                Some(listener) => listener,
                None => bind_again(port).await,
            };
            tokio::select! {
                never = accept_all(listener, tls.as_ref(), &answer) => match never {},
                () = becomes(&mut shut, true) => {}
            }
            becomes(&mut shut, false).await;
        }
    }
}

/// Resolves once the value is the wanted one; without anybody who could change it, never.
async fn becomes(value: &mut watch::Receiver<bool>, wanted: bool) {
    if value.wait_for(|now| *now == wanted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Dropping this ends the connections too.
async fn accept_all<F, A>(
    listener: TcpListener,
    tls: Option<&TlsAcceptor>,
    answer: &F,
) -> Infallible
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Option<Response<Full<Bytes>>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let (tls, answer) = (tls.cloned(), answer.clone());
        connections.spawn(async move {
            match tls {
                None => talk(stream, answer).await,
                Some(tls) => {
                    if let Some(stream) = shake_hands(&tls, stream).await {
                        talk(stream, answer).await;
                    }
                }
            }
        });
    }
}

async fn shake_hands(
    tls: &TlsAcceptor,
    stream: TcpStream,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let shaken = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await;
    shaken.ok()?.ok()
}

async fn talk<S, F, A>(stream: S, answer: F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Request<Incoming>) -> A,
    A: Future<Output = Option<Response<Full<Bytes>>>>,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async {
            answer
                .await
                .ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted))
        }
    });
    // A client that breaks off is its own affair.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn bind_near(main: u16) -> io::Result<TcpListener> {
    for port in (1..=NEIGHBOURS).filter_map(|step| main.checked_add(step)) {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            return Ok(listener);
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// The same port once more, as soon as it can be had.
async fn bind_again(port: u16) -> TcpListener {
    loop {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            return listener;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
