//! The side that calls the handler, with the habits of `SocketsHttpHandler` (.NET 8).

use super::{Body, BodyError, Framing, HeadError, Reader, RequestHead, ResponseHead};
use bytes::Bytes;
use std::io;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

/// How often a request without a body is sent when the connection closes before any answer
/// (recorded: four deliveries of one request).
const MAX_SENDS: usize = 4;

/// A connection to the handler.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) reader: Reader,
    pub(crate) writer: OwnedWriteHalf,
}

/// What goes out after the head.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Nothing,
    Whole(Bytes),
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("nothing listens on the handler's port: {0}")]
    Connect(#[source] io::Error),
    #[error("the handler closed the connection without an answer")]
    Closed,
    #[error("the handler's answer cannot be read: {0}")]
    Head(#[source] HeadError),
    #[error("the handler's answer broke off: {0}")]
    Body(#[source] BodyError),
}

/// Calls one port of 127.0.0.1 and keeps idle connections for the next call.
#[derive(Debug)]
pub(crate) struct Client {
    port: u16,
    idle: Mutex<Vec<Connection>>,
}

impl Client {
    pub(crate) fn new(port: u16) -> Self {
        Self {
            port,
            idle: Mutex::default(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(
        &self,
        head: &RequestHead,
        body: &Outgoing,
    ) -> Result<Answer, SendError> {
        let sends = match body {
            Outgoing::Nothing => MAX_SENDS,
            Outgoing::Whole(_) => 1,
        };
        for _ in 1..sends {
            match self.send_once(head, body).await {
                Err(SendError::Closed) => {}
                settled => return settled,
            }
        }
        self.send_once(head, body).await
    }

    async fn send_once(&self, head: &RequestHead, body: &Outgoing) -> Result<Answer, SendError> {
        let mut connection = self.connect().await?;
        let (answer, sent) = connection.converse(head, body).await?;
        let framing = match answer.status {
            // Whatever protocol follows, its end is the connection's.
            101 => Framing::UntilClose,
            _ => answer.framing(&head.method),
        };
        let mut rest = Body::new(&mut connection.reader, framing);
        let whole = rest.collect(u64::MAX).await.map_err(SendError::Body)?;
        if sent && head.keeps_alive() && answer.keeps_alive() && framing != Framing::UntilClose {
            self.keep(connection);
        }
        Ok(Answer {
            head: answer,
            body: whole,
        })
    }

    /// An idle connection that is still open, or a new one.
    pub(crate) async fn connect(&self) -> Result<Connection, SendError> {
        while let Some(connection) = self.take_idle() {
            if connection.reader.is_quiet() {
                return Ok(connection);
            }
        }
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .await
            .map_err(SendError::Connect)?;
        stream.set_nodelay(true).map_err(SendError::Connect)?;
        let (read, writer) = stream.into_split();
        Ok(Connection {
            reader: Reader::new(read),
            writer,
        })
    }

    pub(crate) fn keep(&self, connection: Connection) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }
}

impl Connection {
    /// Writes a request while waiting for the answer's head; the flag tells whether all of it went
    /// out. An answer may come before the body has been taken.
    pub(crate) async fn converse(
        &mut self,
        head: &RequestHead,
        body: &Outgoing,
    ) -> Result<(ResponseHead, bool), SendError> {
        let mut sent = false;
        let mut writing = pin!(write_request(&mut self.writer, head, body));
        let mut reading = pin!(ResponseHead::read(&mut self.reader));
        let answer = loop {
            tokio::select! {
                biased;
                // A handler may answer and close before it has read everything; the answer counts.
                _ = &mut writing, if !sent => sent = true,
                answer = &mut reading => break answer,
            }
        };
        match answer {
            Ok(Some(answer)) => Ok((answer, sent)),
            Ok(None) | Err(HeadError::Io(_)) => Err(SendError::Closed),
            Err(error) => Err(SendError::Head(error)),
        }
    }
}

/// Writes a head, and a body framed as the head says.
pub(crate) async fn write_request(
    writer: &mut OwnedWriteHalf,
    head: &RequestHead,
    body: &Outgoing,
) -> io::Result<()> {
    let mut bytes = format!("{} {} HTTP/1.1\r\n", head.method, head.target).into_bytes();
    for (name, value) in head.fields.iter() {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    match body {
        Outgoing::Whole(whole) if head.fields.contains("Transfer-Encoding") => {
            bytes.extend_from_slice(&super::respond::chunk(whole));
            bytes.extend_from_slice(super::respond::LAST_CHUNK);
        }
        Outgoing::Whole(whole) => bytes.extend_from_slice(whole),
        Outgoing::Nothing => {}
    }
    writer.write_all(&bytes).await?;
    acknowledge_at_once(writer);
    Ok(())
}

/// Has the next segment acknowledged without delay. A handler that writes head and body apart, with
/// Nagle's algorithm on, otherwise waits 40 ms for the acknowledgement between them.
fn acknowledge_at_once(writer: &OwnedWriteHalf) {
    #[cfg(target_os = "linux")]
    let _ = writer.as_ref().set_quickack(true);
    #[cfg(not(target_os = "linux"))]
    let _ = writer;
}
