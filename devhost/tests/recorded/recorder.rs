//! A handler that notes what it receives and answers as recorded.

use crate::case::{Case, Received, bytes_of, dechunk, pairs};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

const OK: &str = r#"{"Outputs": {}, "Logs": ["ok"], "ReturnValue": null}"#;

pub(crate) struct Recorder {
    port: u16,
    shared: Arc<Mutex<Shared>>,
    serving: Mutex<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    received: Vec<Received>,
    answer: Value,
    /// Answers for single targets, before the one for all.
    answers: BTreeMap<String, Value>,
    /// How often each target came, for answers that fail at first.
    tries: BTreeMap<String, usize>,
}

impl Recorder {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::default();
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self {
            port,
            shared,
            serving: Mutex::new(serving),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn expect(&self, case: &Case) {
        let mut shared = self.lock();
        shared.received.clear();
        shared.tries.clear();
        shared.answer = case.answer.clone();
    }

    /// Answers requests for one function with this envelope, or with a bare status.
    pub(crate) fn answer(&self, function: &str, status: u16, envelope: &Value) {
        let answer = serde_json::json!({"status": status, "body": envelope.to_string()});
        self.lock().answers.insert(format!("/{function}"), answer);
    }

    /// Waits until nothing more has arrived for a while.
    pub(crate) async fn settled(&self) {
        let mut count = usize::MAX;
        while count != self.lock().received.len() {
            count = self.lock().received.len();
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }

    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.lock().received)
    }

    /// The next request, waiting for it.
    pub(crate) async fn next(&self) -> Received {
        for _ in 0..1000 {
            {
                let mut shared = self.lock();
                if !shared.received.is_empty() {
                    return shared.received.remove(0);
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the handler received nothing in 10 s");
    }

    /// Closes the port and every connection, and opens it again after a while.
    pub(crate) async fn go_down_for(&self, down: Duration) {
        let mut serving = self.serving.lock().expect("not poisoned");
        serving.abort();
        while !serving.is_finished() {
            std::thread::yield_now();
        }
        let (port, shared) = (self.port, Arc::clone(&self.shared));
        *serving = tokio::spawn(async move {
            tokio::time::sleep(down).await;
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.set_reuseaddr(true).expect("an option");
            socket
                .bind(([127, 0, 0, 1], port).into())
                .expect("the same port");
            serve(socket.listen(16).expect("listening"), shared).await;
        });
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("not poisoned")
    }
}

async fn serve(listener: TcpListener, shared: Arc<Mutex<Shared>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("accepting");
        stream.set_nodelay(true).expect("an option");
        connections.spawn(converse(stream, Arc::clone(&shared)));
    }
}

struct Head {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
}

impl Head {
    fn field(&self, name: &str) -> Option<&str> {
        let found = self
            .fields
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The answer that the target asks for.
    fn wanted(&self) -> &str {
        named_answer(&self.target)
    }
}

/// `drop` of `?r=drop`; in an envelope the name ends with the URL's quote.
fn named_answer(text: &str) -> &str {
    let (_, rest) = text.split_once("?r=").unwrap_or_default();
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    &rest[..end.unwrap_or(rest.len())]
}

async fn converse(mut stream: TcpStream, shared: Arc<Mutex<Shared>>) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let Some(head) = read_head(&mut stream, &mut buffer).await? else {
            return Ok(());
        };
        if head.target == "/" && head.field("X-Azure-Functions-HostVersion").is_none() {
            // The host asks whether anybody is there.
            answer(&mut stream, &head, &Value::Null).await?;
            continue;
        }
        let tries = {
            let mut shared = shared.lock().expect("not poisoned");
            let tries = shared.tries.entry(head.target.clone()).or_default();
            *tries += 1;
            *tries
        };
        let fails = head
            .wanted()
            .strip_prefix("failfirst")
            .is_some_and(|times| {
                let times: usize = times.parse().expect("a number");
                tries <= times
            });
        let body = if fails || head.wanted() == "closehead" {
            Vec::new()
        } else {
            read_body(&mut stream, &mut buffer, &head).await?
        };
        let envelope = String::from_utf8_lossy(&body[..body.len().min(4000)]).into_owned();
        let in_envelope = named_answer(&envelope).to_owned();
        let told = {
            let mut shared = shared.lock().expect("not poisoned");
            let received = Received::new(
                head.method.clone(),
                head.target.clone(),
                head.fields.clone(),
                body,
            );
            shared.received.push(received);
            let own = shared.answers.get(&head.target).cloned();
            own.unwrap_or_else(|| shared.answer.clone())
        };
        if fails || matches!(head.wanted(), "drop" | "closehead") || in_envelope == "drop" {
            return Ok(());
        }
        if in_envelope == "redirect" && head.method == "POST" {
            let redirect =
                "HTTP/1.1 302 Found\r\nLocation: /redirected\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(redirect.as_bytes()).await?;
            continue;
        }
        if !special(&mut stream, &head).await? {
            answer(&mut stream, &head, &told).await?;
        } else {
            return Ok(());
        }
        if head
            .field("Connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
        {
            return Ok(());
        }
    }
}

/// Answers that no status, headers and body describe.
async fn special(stream: &mut TcpStream, head: &Head) -> io::Result<bool> {
    match head.wanted() {
        "garbage" => stream.write_all(b"not http at all").await?,
        "half" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
                .await?;
        }
        "halfchunk" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
                .await?;
        }
        "early103" => {
            stream
                .write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
                .await?;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nafter")
                .await?;
        }
        "trailers" => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream
                .write_all(format!("{head}3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n").as_bytes())
                .await?;
        }
        "sse" | "sseforever" => events(stream, head.wanted() == "sse").await?,
        "ws" => echo_one_frame(stream).await?,
        "slow" => {
            // The host's leaving is what ends this.
            while stream.read(&mut [0; 64]).await? > 0 {}
        }
        _ => return Ok(false),
    }
    Ok(true)
}

async fn events(stream: &mut TcpStream, ends: bool) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let pause = Duration::from_millis(if ends { 400 } else { 100 });
    for number in 0..if ends { 4 } else { 20 } {
        let event = format!("data: {number}\n\n");
        stream
            .write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())
            .await?;
        tokio::time::sleep(pause).await;
    }
    stream.write_all(b"0\r\n\r\n").await
}

/// Accepts RFC 6455 §1.3's sample key and echoes the first frame.
async fn echo_one_frame(stream: &mut TcpStream) -> io::Result<()> {
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    let mut frame = [0; 6];
    stream.read_exact(&mut frame).await?;
    let mut payload = vec![0; usize::from(frame[1] & 0x7F)];
    stream.read_exact(&mut payload).await?;
    for (index, byte) in payload.iter_mut().enumerate() {
        *byte ^= frame[2 + index % 4];
    }
    let text = [b"echo:", payload.as_slice()].concat();
    let mut answer = vec![0x81, u8::try_from(text.len()).expect("short")];
    answer.extend_from_slice(&text);
    stream.write_all(&answer).await
}

async fn answer(stream: &mut TcpStream, head: &Head, told: &Value) -> io::Result<()> {
    let status = told["status"].as_u64().unwrap_or(200);
    let mut text = format!("HTTP/1.1 {status} Told\r\n");
    let body = match told.get("headers") {
        Some(fields) => {
            for (name, value) in pairs(fields) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            bytes_of(told)
        }
        None => {
            let kind = told["contentType"].as_str().unwrap_or("application/json");
            text.push_str(&format!("Content-Type: {kind}\r\nX-Handler: recorder\r\n"));
            told["body"].as_str().unwrap_or(OK).as_bytes().to_vec()
        }
    };
    if !matches!(status, 204 | 304) {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    if head.method != "HEAD" {
        bytes.extend_from_slice(&body);
    }
    stream.write_all(&bytes).await
}

async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Head>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|end| end == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end + 4);
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    Ok(Some(Head {
        method: first.next().unwrap_or_default().to_owned(),
        target: first.next().unwrap_or_default().to_owned(),
        fields: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect(),
    }))
}

async fn read_body(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    head: &Head,
) -> io::Result<Vec<u8>> {
    if head.field("Transfer-Encoding").is_some() {
        loop {
            if buffer.ends_with(b"0\r\n\r\n")
                && let Some(body) = dechunk(buffer)
            {
                buffer.clear();
                return Ok(body);
            }
            if stream.read_buf(buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
    let length: usize = head
        .field("Content-Length")
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(buffer.drain(..length).collect())
}
