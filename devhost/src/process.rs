//! The handler's process: started, watched, started again, and killed.
//!
//! The host only ever kills a handler (SIGKILL, no signal before it), starts it again on the same
//! port, and gives up after three errors within half an hour
//! (host 4.1037, `WorkerProcess`, `HttpFunctionInvocationDispatcher`).

mod supervise;

pub(crate) use supervise::Ending;

use crate::app::App;
use crate::http1::{Client, Fields, Outgoing, RequestHead, SendError, Version};
use crate::log::Log;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Where the handler stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Ready,
    /// It exited with 0, and the host never starts such a handler again.
    Stopped,
    /// It failed three times, or devhost is on its way out.
    Over,
}

/// What the supervisor is told to do.
#[derive(Debug)]
enum Order {
    /// An invocation ran out of time: kill and start again.
    Restart,
    Stop,
}

/// The running handler, as the rest of devhost sees it.
#[derive(Debug)]
pub(crate) struct Handler {
    client: Client,
    state: watch::Sender<State>,
    orders: mpsc::UnboundedSender<Order>,
    patience: Duration,
}

/// Why an invocation cannot reach the handler.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unavailable {
    #[error("the handler exited with code 0, and the host never starts it again; restart devhost")]
    Stopped,
    #[error("the handler is gone for good; look for its errors above, then restart devhost")]
    Over,
    #[error("the handler did not become ready within {0:?}")]
    TooSlow(Duration),
}

impl Handler {
    /// Starts the handler in the background; the task ends when nothing will start it again.
    pub(crate) fn start(app: Arc<App>, port: u16, log: Log) -> (Arc<Self>, JoinHandle<Ending>) {
        let (orders, received) = mpsc::unbounded_channel();
        let handler = Arc::new(Self {
            client: Client::new(port),
            state: watch::Sender::new(State::Starting),
            orders,
            // The host waits for as many starts as it allows, and one more
            // (host 4.1037, `WorkerFunctionInvoker`).
            patience: app.host.initialization_timeout * 4,
        });
        let task = tokio::spawn(supervise::supervise(
            Arc::clone(&handler),
            app,
            log,
            received,
        ));
        (handler, task)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits until invocations can be sent.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] when that will not be, or takes longer than the host waits.
    pub(crate) async fn ready(&self) -> Result<(), Unavailable> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| *state != State::Starting);
        match tokio::time::timeout(self.patience, settled).await {
            Ok(Ok(state)) if *state == State::Ready => Ok(()),
            Ok(Ok(state)) if *state == State::Stopped => Err(Unavailable::Stopped),
            Ok(_) => Err(Unavailable::Over),
            Err(_) => Err(Unavailable::TooSlow(self.patience)),
        }
    }

    /// Kills the handler because an invocation passed `functionTimeout`, every other invocation in
    /// it included, and starts it again.
    pub(crate) fn restart(&self) {
        let was_ready = self.state.send_if_modified(|state| {
            let was_ready = *state == State::Ready;
            if was_ready {
                *state = State::Starting;
            }
            was_ready
        });
        // Several invocations may run out of time together; the handler is killed once.
        if was_ready {
            let _ = self.orders.send(Order::Restart);
        }
    }

    /// Kills the handler for good.
    pub(crate) fn stop(&self) {
        let _ = self.orders.send(Order::Stop);
    }

    /// Whether anything answers on the port: any answer will do, only a socket that cannot be
    /// opened means "not yet" (host 4.1037, `IsWorkerReady`).
    async fn answers(&self) -> bool {
        let mut fields = Fields::default();
        fields.push("Host", format!("127.0.0.1:{}", self.client.port()));
        let ping = RequestHead {
            method: "GET".into(),
            target: "/".into(),
            version: Version::Http11,
            fields,
        };
        !matches!(
            self.client.send(&ping, &Outgoing::Nothing).await,
            Err(SendError::Connect(_))
        )
    }
}

/// A port of 127.0.0.1 that nothing listens on.
///
/// # Errors
///
/// What the system says when it has none.
pub(crate) fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
