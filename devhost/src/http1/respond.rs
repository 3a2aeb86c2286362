//! The side that answers clients, with the habits of Kestrel (.NET 8).

use super::{Fields, Version};
use bytes::Bytes;
use std::io;
use std::time::SystemTime;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A whole answer for a client.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    pub(crate) payload: Payload,
}

/// The body of an answer and how it is framed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Payload {
    /// Of known length: `Content-Length`.
    Sized(Bytes),
    /// Written by a function without telling its length: chunked, unless there is nothing in it.
    Streamed(Bytes),
    /// No body, and no framing beyond what the fields say.
    Bare,
    /// Bytes as they are, for an answer whose fields already claim a framing.
    Unframed(Bytes),
}

impl Response {
    /// A status alone.
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            fields: Fields::default(),
            payload: Payload::Sized(Bytes::new()),
        }
    }

    /// A JSON document as the host's own API writes it.
    pub(crate) fn json(status: u16, text: String) -> Self {
        let mut response = Self::status(status);
        response
            .fields
            .push("Content-Type", "application/json; charset=utf-8");
        response.payload = Payload::Sized(text.into());
        response
    }
}

/// The writing half of a client's connection, for one answer.
#[derive(Debug)]
pub(crate) struct Responder {
    writer: OwnedWriteHalf,
    version: Version,
    is_head: bool,
    keeps_alive: bool,
    chunked: bool,
    started: bool,
    aborted: bool,
}

impl Responder {
    pub(crate) fn new(writer: OwnedWriteHalf) -> Self {
        Self {
            writer,
            version: Version::Http11,
            is_head: false,
            keeps_alive: false,
            chunked: false,
            started: false,
            aborted: false,
        }
    }

    /// Makes ready for the next request on the same connection.
    pub(crate) fn turn_to(&mut self, method: &str, version: Version, keeps_alive: bool) {
        self.version = version;
        self.is_head = method == "HEAD";
        self.keeps_alive = keeps_alive;
        self.chunked = false;
        self.started = false;
    }

    pub(crate) fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    pub(crate) fn has_started(&self) -> bool {
        self.started
    }

    /// The connection ends with this answer.
    pub(crate) fn close_after(&mut self) {
        self.keeps_alive = false;
    }

    /// Ends the connection so that the client sees a broken answer, not a short one.
    pub(crate) fn abort(&mut self) {
        self.keeps_alive = false;
        self.aborted = true;
        // A reset instead of an orderly end: the recorded host does this to a half answer.
        let _ = self.writer.as_ref().set_zero_linger();
    }

    /// Gives up HTTP: the raw half.
    pub(crate) fn into_writer(self) -> OwnedWriteHalf {
        self.writer
    }

    /// Closes without the orderly end that a dropped half would send after an abort.
    pub(crate) fn close(self) {
        if self.aborted {
            self.writer.forget();
        }
    }

    pub(crate) async fn go_ahead(&mut self) -> io::Result<()> {
        self.writer
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            .await
    }

    /// Writes a whole answer.
    pub(crate) async fn send(&mut self, response: Response) -> io::Result<()> {
        let Response {
            status,
            mut fields,
            payload,
        } = response;
        let bodiless = self.is_head || matches!(status, 204 | 304);
        let body = match payload {
            Payload::Sized(body) => {
                if status != 204 {
                    fields.set("Content-Length", body.len().to_string());
                }
                if bodiless { Bytes::new() } else { body }
            }
            Payload::Streamed(_) if bodiless => Bytes::new(),
            Payload::Streamed(body) if body.is_empty() => {
                fields.set("Content-Length", "0");
                body
            }
            Payload::Streamed(body) if self.version == Version::Http10 => {
                self.keeps_alive = false;
                body
            }
            Payload::Streamed(body) => {
                fields.set("Transfer-Encoding", "chunked");
                let mut framed = chunk(&body);
                framed.extend_from_slice(LAST_CHUNK);
                framed.into()
            }
            Payload::Bare => Bytes::new(),
            Payload::Unframed(body) => {
                self.keeps_alive = false;
                body
            }
        };
        let mut bytes = self.head(status, fields);
        bytes.extend_from_slice(&body);
        self.started = true;
        self.writer.write_all(&bytes).await
    }

    /// Begins an answer whose body comes in pieces.
    pub(crate) async fn start(&mut self, status: u16, mut fields: Fields) -> io::Result<()> {
        let framed = fields.contains("Content-Length");
        let bodiless = self.is_head || matches!(status, 100..=199 | 204 | 304);
        if !framed && !bodiless {
            if self.version == Version::Http10 {
                self.keeps_alive = false;
            } else {
                fields.push("Transfer-Encoding", "chunked");
                self.chunked = true;
            }
        }
        let bytes = self.head(status, fields);
        self.started = true;
        self.writer.write_all(&bytes).await
    }

    pub(crate) async fn piece(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.chunked {
            self.writer.write_all(&chunk(piece)).await
        } else {
            self.writer.write_all(piece).await
        }
    }

    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        if self.chunked {
            self.writer.write_all(LAST_CHUNK).await?;
        }
        self.writer.flush().await
    }

    /// The head, in the order Kestrel writes it.
    fn head(&self, status: u16, mut fields: Fields) -> Vec<u8> {
        if !self.keeps_alive && !fields.contains("Connection") {
            fields.push("Connection", "close");
        }
        if !fields.contains("Date") {
            fields.push("Date", httpdate::fmt_http_date(SystemTime::now()));
        }
        if !fields.contains("Server") {
            fields.push("Server", "Kestrel");
        }
        let reason = http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        let mut text = format!("HTTP/1.1 {status} {reason}\r\n");
        let leading = [
            "Content-Length",
            "Connection",
            "Content-Type",
            "Date",
            "Server",
        ];
        for name in leading {
            for value in fields.all(name) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        for (name, value) in fields.iter() {
            if !leading.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// One chunk (RFC 9112 §7.1). An empty piece makes none, since that would end the body.
pub(crate) fn chunk(piece: &[u8]) -> Vec<u8> {
    if piece.is_empty() {
        return Vec::new();
    }
    let mut bytes = format!("{:x}\r\n", piece.len()).into_bytes();
    bytes.extend_from_slice(piece);
    bytes.extend_from_slice(b"\r\n");
    bytes
}
