//! An HTTP/1.1 client that sends what it is told, byte for byte, one connection for each request.
//!
//! Clients of the usual kind put a target, a header or a length right before it is sent. The suites
//! have to send what a stranger would.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request to 127.0.0.1.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    None,
    Sized(Vec<u8>),
    Chunked(Vec<Vec<u8>>),
}

impl Request {
    /// A request without a body.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Body::None,
        }
    }

    /// A GET request.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST request.
    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    /// Adds a header. `Host` is added unless it is named here.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes out every header of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Presents a token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Sends a JSON document.
    #[must_use]
    pub fn json(self, document: &Value) -> Self {
        self.body("application/json", document.to_string())
    }

    /// Sends a body of a content type, with its length.
    #[must_use]
    pub fn body(self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", content_type).bytes(bytes)
    }

    /// Sends a body with its length and without a content type.
    #[must_use]
    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Sized(bytes.into());
        self
    }

    /// Sends a body in chunks, without a length.
    #[must_use]
    pub fn chunked<C: Into<Vec<u8>>>(mut self, chunks: impl IntoIterator<Item = C>) -> Self {
        self.body = Body::Chunked(chunks.into_iter().map(Into::into).collect());
        self
    }

    /// Sends the request and reads the whole answer.
    ///
    /// # Panics
    ///
    /// When there is no sound HTTP answer.
    pub fn send(&self, port: u16) -> Answer {
        let stream = connect(port);
        let reader = stream.try_clone().expect("a socket can be cloned");
        std::thread::scope(|scope| {
            // What refuses a body may answer, and close, before it has read it.
            scope.spawn(move || {
                let _ = self.write(&stream, port);
            });
            read_answer(reader, self.method == "HEAD")
        })
    }

    /// Sends the request and leaves the rest to the caller.
    pub fn open(&self, port: u16) -> TcpStream {
        let stream = connect(port);
        self.write(&stream, port).expect("the request can be sent");
        stream
    }

    /// The request's first line and headers, as they are sent.
    pub fn head(&self, port: u16) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.has("host") {
            head.push_str(&format!("Host: 127.0.0.1:{port}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Body::Sized(bytes) if !self.has("content-length") => {
                head.push_str(&format!("Content-Length: {}\r\n", bytes.len()));
            }
            Body::Chunked(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
            Body::None | Body::Sized(_) => {}
        }
        head.push_str("Connection: close\r\n\r\n");
        head
    }

    fn has(&self, name: &str) -> bool {
        let mut names = self.headers.iter();
        names.any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn write(&self, mut stream: &TcpStream, port: u16) -> std::io::Result<()> {
        let mut out = self.head(port).into_bytes();
        match &self.body {
            Body::None => {}
            Body::Sized(bytes) => out.extend_from_slice(bytes),
            Body::Chunked(chunks) => {
                for chunk in chunks {
                    out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    out.extend_from_slice(chunk);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"0\r\n\r\n");
            }
        }
        stream.write_all(&out)
    }
}

/// A connection to a port of this machine.
pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .unwrap_or_else(|error| panic!("127.0.0.1:{port} takes no connection: {error}"));
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("the time-out is not zero");
    stream
}

/// An answer, read to its end.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body, its chunks joined.
    pub body: Vec<u8>,
    /// The body came whole: all of its length, or its last chunk.
    pub is_whole: bool,
}

impl Answer {
    /// The value of a header that came once.
    pub fn header(&self, name: &str) -> Option<&str> {
        match *self.headers(name) {
            [value] => Some(value),
            _ => None,
        }
    }

    /// All values of a header.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let values = self.headers.iter();
        values
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// All headers, their names in lower case.
    pub fn all_headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The code of a problem document, once it was checked to be one.
    ///
    /// # Panics
    ///
    /// When it is none, or its status is not the answer's.
    pub fn problem(&self) -> String {
        let content_type = self.header("content-type").unwrap_or_default();
        assert!(
            content_type.starts_with("application/problem+json"),
            "no problem document: {self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        problem["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The invocation that a problem document names.
    pub fn invocation_id(&self) -> String {
        let problem = self.json();
        let instance = problem["instance"].as_str().unwrap_or_default();
        instance.trim_start_matches("urn:uuid:").to_owned()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &self.text())
            .field("is_whole", &self.is_whole)
            .finish()
    }
}

/// Reads an answer until the other side closes.
///
/// # Panics
///
/// When it is no sound HTTP answer.
pub fn read_answer(mut stream: TcpStream, is_head: bool) -> Answer {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        // A peer that closes with a part of the request unread resets the connection.
        Err(error) if error.kind() == ErrorKind::ConnectionReset && !bytes.is_empty() => {}
        Err(error) => panic!("no answer: {error}"),
    }
    loop {
        let (answer, rest) = parse(&bytes, is_head);
        // Whoever waits for `100 Continue` gets the answer after it.
        if answer.status >= 200 {
            return answer;
        }
        bytes = bytes.split_off(rest);
    }
}

fn parse(bytes: &[u8], is_head: bool) -> (Answer, usize) {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = head.parse(bytes) else {
        panic!("no HTTP answer: {:?}", String::from_utf8_lossy(bytes));
    };
    let mut answer = Answer {
        status: head.code.unwrap_or_default(),
        headers: head
            .headers
            .iter()
            .map(|header| {
                let value = String::from_utf8_lossy(header.value);
                (header.name.to_ascii_lowercase(), value.into_owned())
            })
            .collect(),
        body: Vec::new(),
        is_whole: true,
    };
    let body = &bytes[length..];
    let declared: Option<usize> = answer
        .header("content-length")
        .and_then(|length| length.parse().ok());
    if answer.header("transfer-encoding") == Some("chunked") {
        (answer.body, answer.is_whole) = join_chunks(body);
    } else {
        answer.body = body.to_vec();
        answer.is_whole = is_head || declared.is_none_or(|length| length == body.len());
    }
    (answer, length)
}

/// The chunks of a body, and whether the last one came.
fn join_chunks(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((start, length))) = httparse::parse_chunk_size(rest)
        else {
            return (body, false);
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length == 0 {
            return (body, true);
        }
        let end = start.saturating_add(length);
        let Some(chunk) = rest.get(start..end) else {
            body.extend_from_slice(&rest[start..]);
            return (body, false);
        };
        body.extend_from_slice(chunk);
        rest = rest.get(end + 2..).unwrap_or_default();
    }
}
