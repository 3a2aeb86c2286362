//! Request and response heads, read under Kestrel's limits.

use super::{Fields, Framing, Reader};
use bytes::Buf;

/// The limits Kestrel starts with (.NET 8, `KestrelServerLimits`).
const MAX_REQUEST_LINE_BYTES: usize = 8 * 1024;
const MAX_REQUEST_FIELDS_BYTES: usize = 32 * 1024;
const MAX_REQUEST_FIELDS: usize = 100;
/// `SocketsHttpHandler.MaxResponseHeadersLength`, 64 kB.
const MAX_RESPONSE_HEAD_BYTES: usize = 64 * 1024;
const MAX_RESPONSE_FIELDS: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http10,
    Http11,
}

/// The head of a request, nothing of it decoded yet.
#[derive(Clone, Debug)]
pub(crate) struct RequestHead {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: Version,
    pub(crate) fields: Fields,
}

/// The head of a response.
#[derive(Clone, Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    pub(crate) version: Version,
    pub(crate) fields: Fields,
}

/// Why a head could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeadError {
    #[error("the head is not HTTP/1.x: {0}")]
    Malformed(&'static str),
    #[error("the request line is longer than {MAX_REQUEST_LINE_BYTES} bytes")]
    LineTooLong,
    #[error(
        "the header fields are larger than {MAX_REQUEST_FIELDS_BYTES} bytes or more than {MAX_REQUEST_FIELDS}"
    )]
    FieldsTooLarge,
    #[error("the connection was closed inside the head")]
    Truncated,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl HeadError {
    /// What Kestrel answers, or nothing when there is nobody left to answer.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Malformed(_) => Some(400),
            Self::LineTooLong => Some(414),
            Self::FieldsTooLarge => Some(431),
            Self::Truncated | Self::Io(_) => None,
        }
    }
}

impl RequestHead {
    /// Reads the next request, or `None` when the client is done.
    pub(crate) async fn read(reader: &mut Reader) -> Result<Option<Self>, HeadError> {
        let length = loop {
            if let Some(length) = head_length(&reader.buffer) {
                break length;
            }
            match line_length(&reader.buffer) {
                None if reader.buffer.len() > MAX_REQUEST_LINE_BYTES => {
                    return Err(HeadError::LineTooLong);
                }
                Some(line) if reader.buffer.len() - line > MAX_REQUEST_FIELDS_BYTES => {
                    return Err(HeadError::FieldsTooLarge);
                }
                _ => {}
            }
            if reader.fill().await? == 0 {
                return if reader.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(HeadError::Truncated)
                };
            }
        };
        let head = Self::parse(&reader.buffer[..length]);
        reader.buffer.advance(length);
        head.map(Some)
    }

    fn parse(bytes: &[u8]) -> Result<Self, HeadError> {
        let line = line_length(bytes).ok_or(HeadError::Truncated)?;
        if line > MAX_REQUEST_LINE_BYTES {
            return Err(HeadError::LineTooLong);
        }
        if bytes.len() - line > MAX_REQUEST_FIELDS_BYTES {
            return Err(HeadError::FieldsTooLarge);
        }
        let mut lines = [httparse::EMPTY_HEADER; MAX_REQUEST_FIELDS];
        let mut request = httparse::Request::new(&mut lines);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Err(httparse::Error::TooManyHeaders) => return Err(HeadError::FieldsTooLarge),
            Ok(httparse::Status::Partial) | Err(_) => {
                return Err(HeadError::Malformed("not a request"));
            }
        }
        let mut head = Self {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            version: version(request.version),
            fields: ascii_fields(request.headers)?,
        };
        head.check_host()?;
        head.check_length()?;
        Ok(head)
    }

    /// HTTP/1.1 needs exactly one `Host`, and an absolute target has to agree with it
    /// (RFC 9112 §3.2; the recorded host answers 400 where they differ).
    fn check_host(&self) -> Result<(), HeadError> {
        if !self.target.is_ascii() {
            return Err(HeadError::Malformed("the target is not ASCII"));
        }
        let hosts: Vec<&str> = self.fields.all("Host").collect();
        let valid = match (hosts.as_slice(), self.version) {
            ([host], _) => !host.contains([' ', '/', '?', '#', '@']),
            ([], Version::Http10) => true,
            _ => false,
        };
        if !valid {
            return Err(HeadError::Malformed(
                "Host is missing, repeated or not a host",
            ));
        }
        let authority = self.target.split_once("://").map(|(_, rest)| {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            &rest[..end]
        });
        match (self.target.starts_with('/'), authority) {
            (false, Some(authority)) if Some(authority) != hosts.first().copied() => {
                Err(HeadError::Malformed("the target names another host"))
            }
            (false, None) if self.target != "*" => {
                Err(HeadError::Malformed("the target is not a path"))
            }
            _ => Ok(()),
        }
    }

    /// `Transfer-Encoding` wins over `Content-Length`, which Kestrel keeps under another name
    /// (.NET 8, `MessageBody.For`).
    fn check_length(&mut self) -> Result<(), HeadError> {
        let lengths = self.fields.all("Content-Length").count();
        if lengths > 1 {
            return Err(HeadError::Malformed("Content-Length is repeated"));
        }
        if self.fields.contains("Transfer-Encoding") {
            let last = self
                .fields
                .all("Transfer-Encoding")
                .last()
                .unwrap_or_default();
            let coding = last.rsplit(',').next().unwrap_or_default().trim();
            if !coding.eq_ignore_ascii_case("chunked") {
                return Err(HeadError::Malformed(
                    "the last transfer coding is not chunked",
                ));
            }
            self.fields.rename("Content-Length", "X-Content-Length");
            return Ok(());
        }
        match self.fields.first("Content-Length") {
            Some(text) if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(HeadError::Malformed("Content-Length is not a number"))
            }
            None if self.version == Version::Http10
                && matches!(self.method.as_str(), "POST" | "PUT") =>
            {
                Err(HeadError::Malformed("HTTP/1.0 needs a Content-Length"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        self.fields.first("Content-Length")?.parse().ok()
    }

    pub(crate) fn framing(&self) -> Framing {
        match self.content_length() {
            _ if self.fields.contains("Transfer-Encoding") => Framing::Chunked,
            Some(1..) => Framing::Length(self.content_length().unwrap_or_default()),
            _ => Framing::Empty,
        }
    }

    pub(crate) fn wants_upgrade(&self) -> bool {
        self.fields.lists("Connection", "Upgrade") && self.fields.contains("Upgrade")
    }

    pub(crate) fn keeps_alive(&self) -> bool {
        match self.version {
            Version::Http11 => !self.fields.lists("Connection", "close"),
            Version::Http10 => self.fields.lists("Connection", "keep-alive"),
        }
    }
}

impl ResponseHead {
    /// Reads the next head, skipping interim answers other than 101.
    pub(crate) async fn read(reader: &mut Reader) -> Result<Option<Self>, HeadError> {
        loop {
            let Some(head) = Self::read_one(reader).await? else {
                return Ok(None);
            };
            if !(100..200).contains(&head.status) || head.status == 101 {
                return Ok(Some(head));
            }
        }
    }

    async fn read_one(reader: &mut Reader) -> Result<Option<Self>, HeadError> {
        loop {
            if !b"HTTP/".starts_with(&reader.buffer[..reader.buffer.len().min(5)]) {
                return Err(HeadError::Malformed("not an HTTP answer"));
            }
            if let Some(length) = head_length(&reader.buffer) {
                let head = Self::parse(&reader.buffer[..length]);
                reader.buffer.advance(length);
                return head.map(Some);
            }
            if reader.buffer.len() > MAX_RESPONSE_HEAD_BYTES {
                return Err(HeadError::FieldsTooLarge);
            }
            if reader.fill().await? == 0 {
                return if reader.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(HeadError::Truncated)
                };
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, HeadError> {
        let mut lines = [httparse::EMPTY_HEADER; MAX_RESPONSE_FIELDS];
        let mut response = httparse::Response::new(&mut lines);
        match response.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => Ok(Self {
                status: response.code.unwrap_or_default(),
                version: version(response.version),
                fields: latin1_fields(response.headers),
            }),
            Ok(httparse::Status::Partial) | Err(_) => {
                Err(HeadError::Malformed("not an HTTP answer"))
            }
        }
    }

    /// How the body ends (RFC 9112 §6.3).
    pub(crate) fn framing(&self, request_method: &str) -> Framing {
        if request_method == "HEAD" || matches!(self.status, 100..=199 | 204 | 304) {
            return Framing::Empty;
        }
        if self.fields.lists("Transfer-Encoding", "chunked") {
            return Framing::Chunked;
        }
        match self.fields.first("Content-Length").map(str::parse) {
            Some(Ok(0)) => Framing::Empty,
            Some(Ok(length)) => Framing::Length(length),
            _ => Framing::UntilClose,
        }
    }

    pub(crate) fn keeps_alive(&self) -> bool {
        match self.version {
            Version::Http11 => !self.fields.lists("Connection", "close"),
            Version::Http10 => self.fields.lists("Connection", "keep-alive"),
        }
    }
}

fn version(minor: Option<u8>) -> Version {
    match minor {
        Some(0) => Version::Http10,
        _ => Version::Http11,
    }
}

/// The recorded host answers 400 to a request with a non-ASCII field.
fn ascii_fields(lines: &[httparse::Header<'_>]) -> Result<Fields, HeadError> {
    lines
        .iter()
        .map(|line| match std::str::from_utf8(line.value) {
            Ok(value) if value.is_ascii() => Ok((line.name.to_owned(), value.to_owned())),
            _ => Err(HeadError::Malformed("a field value is not ASCII")),
        })
        .collect()
}

/// .NET reads answer fields as Latin-1: one character for each byte.
fn latin1_fields(lines: &[httparse::Header<'_>]) -> Fields {
    lines
        .iter()
        .map(|line| {
            (
                line.name.to_owned(),
                line.value.iter().copied().map(char::from).collect(),
            )
        })
        .collect()
}

/// The length of the first line, its end included.
fn line_length(bytes: &[u8]) -> Option<usize> {
    bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .map(|end| end + 1)
}

/// The length of a whole head, the empty line included.
fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .map(|start| start + 4)
}
