//! HTTP/1.1 the way the Functions host speaks it on both sides.
//!
//! A general HTTP library corrects what it reads and writes: it folds header names to lower case,
//! refuses a status of 1000 and repairs framing. The Functions host does none of that, and a custom
//! handler can see the difference, so devhost reads and writes the wire itself: as Kestrel does
//! towards clients and as `SocketsHttpHandler` does towards the handler (host 4.1037 on .NET 8).

mod body;
mod client;
mod fields;
mod head;
mod respond;
#[cfg(test)]
mod tests;

pub(crate) use body::{Body, BodyError, Framing};
pub(crate) use client::{Answer, Client, Connection, Outgoing, SendError, write_request};
pub(crate) use fields::Fields;
pub(crate) use head::{HeadError, RequestHead, ResponseHead, Version};
pub(crate) use respond::{LAST_CHUNK, Payload, Responder, Response, chunk};

use bytes::BytesMut;
use std::io;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;

/// The reading half of a connection and what it has read ahead.
#[derive(Debug)]
pub(crate) struct Reader {
    half: OwnedReadHalf,
    buffer: BytesMut,
}

impl Reader {
    pub(crate) fn new(half: OwnedReadHalf) -> Self {
        Self {
            half,
            buffer: BytesMut::with_capacity(8 * 1024),
        }
    }

    /// Reads once more; 0 is the end of the stream.
    async fn fill(&mut self) -> io::Result<usize> {
        self.half.read_buf(&mut self.buffer).await
    }

    /// Resolves when the peer has closed; never while it sends or stays silent.
    pub(crate) async fn closed(&mut self) {
        if let Ok(1..) = self.fill().await {
            std::future::pending::<()>().await;
        }
    }

    /// Whether an idle connection is still worth using: nothing to read, not even its end.
    fn is_quiet(&self) -> bool {
        let mut probe = [0_u8; 1];
        self.buffer.is_empty()
            && matches!(self.half.try_read(&mut probe), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Gives up HTTP: the raw half and the bytes read ahead.
    pub(crate) fn into_raw(self) -> (OwnedReadHalf, BytesMut) {
        (self.half, self.buffer)
    }
}
