//! The client's side of a case, byte by byte.

use crate::case::{Case, Got};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a case's request and reads until the end, or until the client of the case gave up.
pub(crate) async fn send(port: u16, case: &Case) -> Got {
    let mut stream = connect(port).await;
    stream
        .write_all(&case.sent.bytes)
        .await
        .expect("the host takes requests");
    if let Some(gives_up) = case.sent.gives_up {
        let mut nothing = [0; 1];
        let read = tokio::time::timeout(gives_up, stream.read(&mut nothing)).await;
        return Got {
            is_broken: matches!(read, Ok(Ok(1..))),
            ..Got::default()
        };
    }
    let (mut read, mut write) = stream.into_split();
    let then = case.sent.then.clone();
    let writing = tokio::spawn(async move {
        for (delay, bytes) in then {
            tokio::time::sleep(delay).await;
            // A host that has answered already does not listen any more.
            let _ = write.write_all(&bytes).await;
        }
        write
    });
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, read.read_to_end(&mut bytes)).await;
    drop(writing.await);
    match ended {
        Ok(Ok(_)) => parse(&case.sent.method, &bytes),
        Ok(Err(_)) => Got {
            is_broken: true,
            ..Got::default()
        },
        Err(_) => panic!("{}: no end of the answer in {PATIENCE:?}", case.name),
    }
}

fn parse(method: &str, bytes: &[u8]) -> Got {
    let got = Got::parse(bytes);
    assert!(
        method != "HEAD" || got.body.is_empty(),
        "an answer to HEAD has no body"
    );
    got
}

pub(crate) async fn get(port: u16, target: &str, fields: Vec<(String, String)>) -> Got {
    let mut head =
        format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:7071\r\nConnection: close\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = connect(port).await;
    stream
        .write_all(format!("{head}\r\n").as_bytes())
        .await
        .expect("the host takes requests");
    let mut bytes = Vec::new();
    stream
        .read_to_end(&mut bytes)
        .await
        .expect("a whole answer");
    Got::parse(&bytes)
}

/// Sends a whole request and waits for the end of the answer.
pub(crate) async fn send_bytes(port: u16, request: &[u8]) -> Got {
    let mut stream = connect(port).await;
    stream
        .write_all(request)
        .await
        .expect("the host takes requests");
    let mut bytes = Vec::new();
    stream
        .read_to_end(&mut bytes)
        .await
        .expect("a whole answer");
    Got::parse(&bytes)
}

/// The first bytes that come back.
pub(crate) async fn first_piece(port: u16, target: &str) -> String {
    let mut stream = connect(port).await;
    let head =
        format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:7071\r\nConnection: close\r\n\r\n");
    stream
        .write_all(head.as_bytes())
        .await
        .expect("the host takes requests");
    let mut bytes = [0; 4096];
    let length = stream.read(&mut bytes).await.expect("an answer");
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

pub(crate) fn pattern(index: usize) -> u8 {
    u8::try_from(index * 31 % 251).expect("below 251")
}

pub(crate) async fn upload(port: u16, size: usize, chunked: bool) -> Got {
    let body: Vec<u8> = (0..size).map(pattern).collect();
    let framing = if chunked {
        "Transfer-Encoding: chunked".to_owned()
    } else {
        format!("Content-Length: {size}")
    };
    let head = format!(
        "POST /api/orders HTTP/1.1\r\nHost: 127.0.0.1:7071\r\nContent-Type: application/octet-stream\r\n{framing}\r\nConnection: close\r\n\r\n"
    );
    let (mut read, mut write) = connect(port).await.into_split();
    let writing = tokio::spawn(async move {
        write.write_all(head.as_bytes()).await?;
        for piece in body.chunks(64 * 1024) {
            if chunked {
                write
                    .write_all(format!("{:x}\r\n", piece.len()).as_bytes())
                    .await?;
            }
            write.write_all(piece).await?;
            if chunked {
                write.write_all(b"\r\n").await?;
            }
        }
        if chunked {
            write.write_all(b"0\r\n\r\n").await?;
        }
        Ok::<_, std::io::Error>(write)
    });
    let mut bytes = Vec::new();
    read.read_to_end(&mut bytes).await.expect("a whole answer");
    writing
        .await
        .expect("no panic")
        .expect("the host takes the whole upload");
    Got::parse(&bytes)
}

async fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("devhost listens");
    stream.set_nodelay(true).expect("a TCP option");
    stream
}
