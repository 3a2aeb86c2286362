//! The port: bound last, on loopback only, and drained before the process ends.

use std::net::Ipv4Addr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::FutureExt;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::app::Ready;
use crate::telemetry::Held;
use crate::wire;

/// Binds the port. The host takes any answer on it for readiness, so this comes after all else.
///
/// # Errors
///
/// The operating system's: the port is taken, most of the time.
pub(crate) async fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Serves until `stop` ends, then lets running invocations end, for at most `drain`.
pub(crate) async fn serve<S: Send + Sync + 'static>(
    listener: TcpListener,
    ready: Arc<Ready<S>>,
    max_connections: usize,
    stop: impl Future<Output = ()>,
    drain: Duration,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(max_connections));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else {
            continue;
        };
        // No time-out on idle connections: the host keeps them, and one that is closed under a
        // request makes the host deliver it again.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(MAX_BUFFER_BYTES)
            .serve_connection(TokioIo::new(stream), service(Arc::clone(&ready)));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A peer that goes away is nothing to act on; its invocation runs to its end.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some invocations did not end in time");
    }
}

/// The most that one connection buffers of a request that is not read yet. The host refuses headers
/// beyond 32 KiB itself.
const MAX_BUFFER_BYTES: usize = 128 * 1024;

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are written whole, so waiting to fill a packet only delays them.
            let _ = stream.set_nodelay(true);
            Some((stream, place))
        }
        Err(error) => {
            tracing::warn!(error = %error, "a connection could not be accepted");
            // Out of file descriptors, most of the time: closing connections is what helps.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

fn service<S: Send + Sync + 'static>(
    ready: Arc<Ready<S>>,
) -> impl hyper::service::HttpService<
    Incoming,
    ResBody = Body,
    Error = std::convert::Infallible,
    Future: Send,
> {
    service_fn(move |request: http::Request<Incoming>| {
        let ready = Arc::clone(&ready);
        let request = Box::new(request.map(Body::new));
        // Boxed, or each idle connection would hold the room that an invocation takes.
        Box::pin(async move {
            let _lines = Held;
            let answered = AssertUnwindSafe(ready.serve(request));
            // The host must never see a connection close without an answer.
            let response: Response<Body> = answered
                .catch_unwind()
                .await
                .unwrap_or_else(|_| wire::empty(StatusCode::INTERNAL_SERVER_ERROR));
            // Answers that are ready together leave together: under load, waking the host for each
            // of them would cost as much as a fifth of the work.
            tokio::task::yield_now().await;
            Ok(response)
        })
    })
}
