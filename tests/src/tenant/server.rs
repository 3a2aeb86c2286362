//! HTTP/1.1 as a login host speaks it on its good days and on its worst: one answer for each
//! connection, a thread for each.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket, sockopt};

/// What is answered to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A 200 with this document.
    Document(String),
    /// This status and nothing else.
    Status(u16),
    /// A 302 to this address.
    Redirect(String),
    /// A connection that is reset.
    Reset,
    /// Nothing, for as long as somebody waits.
    Silence,
    /// This document, a byte at a time, for as long as somebody waits.
    Trickle(String),
    /// A 200 whose body is larger than any that is sensible, with its length or without.
    Huge {
        /// `Content-Length` says so.
        has_length: bool,
    },
}

/// A port of this machine that answers from a map of paths.
#[derive(Debug)]
pub(super) struct Server {
    shared: Arc<Shared>,
    port: u16,
    /// The port, for as long as nothing listens on it.
    closed: Mutex<Option<OwnedFd>>,
}

#[derive(Debug, Default)]
struct Shared {
    replies: Mutex<BTreeMap<String, Reply>>,
    /// What is answered instead, to everything.
    outage: Mutex<Option<Reply>>,
    requests: Mutex<Vec<String>>,
    ended: AtomicBool,
}

impl Server {
    /// Takes a port that refuses connections until [`Self::open`].
    pub(super) fn closed() -> Self {
        let held = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&held, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("there is a free port");
        let address = getsockname(&held).expect("it is bound");
        let address = SocketAddr::try_from(address).expect("it is an address of the internet");
        Self {
            shared: Arc::default(),
            port: address.port(),
            closed: Mutex::new(Some(held)),
        }
    }

    /// Listens from now on.
    pub(super) fn open(&self) {
        let Some(held) = lock(&self.closed).take() else {
            return;
        };
        listen(&held, 1024).expect("the port is bound");
        let listener = TcpListener::from(held);
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // A client that breaks off is its own affair.
                    let _ = shared.serve(stream);
                });
            }
        });
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn answer(&self, path: &str, reply: Reply) {
        lock(&self.shared.replies).insert(path.to_owned(), reply);
    }

    pub(super) fn reply(&self, path: &str) -> Option<Reply> {
        lock(&self.shared.replies).get(path).cloned()
    }

    pub(super) fn answer_everything(&self, reply: Option<Reply>) {
        *lock(&self.shared.outage) = reply;
    }

    pub(super) fn requests(&self) -> Vec<String> {
        lock(&self.shared.requests).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts, if there is one.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let Some(target) = read_target(&mut stream)? else {
            return Ok(());
        };
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let outage = lock(&self.outage).clone();
        let reply = outage.or_else(|| lock(&self.replies).get(path).cloned());
        lock(&self.requests).push(target);
        reply.unwrap_or(Reply::Status(404)).send(stream)
    }
}

impl Reply {
    fn send(&self, mut stream: TcpStream) -> std::io::Result<()> {
        match self {
            Self::Document(text) => {
                stream.write_all(
                    head(200, &format!("Content-Length: {}\r\n", text.len())).as_bytes(),
                )?;
                stream.write_all(text.as_bytes())
            }
            Self::Status(status) => {
                stream.write_all(head(*status, "Content-Length: 0\r\n").as_bytes())
            }
            Self::Redirect(to) => {
                let fields = format!("Location: {to}\r\nContent-Length: 0\r\n");
                stream.write_all(head(302, &fields).as_bytes())
            }
            Self::Reset => {
                sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
                Ok(())
            }
            Self::Silence => stream.read_to_end(&mut Vec::new()).map(|_| ()),
            Self::Trickle(text) => {
                let length = format!("Content-Length: {}\r\n", text.len());
                for byte in (head(200, &length) + text).bytes() {
                    stream.write_all(&[byte])?;
                    std::thread::sleep(PACE);
                }
                Ok(())
            }
            Self::Huge { has_length } => {
                let length = match has_length {
                    true => format!("Content-Length: {HUGE}\r\n"),
                    false => String::new(),
                };
                stream.write_all(head(200, &length).as_bytes())?;
                let filler = [b' '; 64 * 1024];
                for _ in 0..HUGE / filler.len() {
                    stream.write_all(&filler)?;
                }
                Ok(())
            }
        }
    }
}

fn head(status: u16, fields: &str) -> String {
    format!(
        "HTTP/1.1 {status} As it is\r\nContent-Type: application/json\r\n{fields}Connection: close\r\n\r\n"
    )
}

/// The target of a request, once its head is read.
fn read_target(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut some = [0; 4096];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut some)?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&some[..count]);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.split(' ').nth(1).map(str::to_owned))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Between the bytes of a trickle: no document arrives in minutes.
const PACE: Duration = Duration::from_millis(100);

/// Far over any bound on a document of this kind.
const HUGE: usize = 64 * 1024 * 1024;
