use super::*;
use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

/// A reader that sees these bytes and then the end.
async fn reader(bytes: &[u8]) -> Reader {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    client.write_all(bytes).await.unwrap();
    drop(client);
    Reader::new(listener.accept().await.unwrap().0.into_split().0)
}

async fn request(text: &str) -> Result<RequestHead, HeadError> {
    RequestHead::read(&mut reader(text.as_bytes()).await)
        .await
        .map(Option::unwrap)
}

#[tokio::test]
async fn header_names_keep_their_spelling_and_order() {
    let head = request("GET /a?b HTTP/1.1\r\nhOST: x\r\nx-Lower: 1\r\nX-LOWER: 2\r\n\r\n")
        .await
        .unwrap();

    assert_eq!(head.target, "/a?b");
    assert_eq!(
        head.fields.grouped(),
        vec![("hOST", vec!["x"]), ("x-Lower", vec!["1", "2"])]
    );
}

#[tokio::test]
async fn a_head_that_breaks_a_rule_is_refused_with_kestrels_status() {
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(9000));
    let large = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "a".repeat(33_000)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "X: 1\r\n".repeat(101)
    );
    for (name, text, status) in [
        ("no host", "GET / HTTP/1.1\r\n\r\n", 400),
        (
            "two hosts",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            400,
        ),
        (
            "another host",
            "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
            400,
        ),
        (
            "not ASCII",
            "GET / HTTP/1.1\r\nHost: a\r\nX: é\r\n\r\n",
            400,
        ),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
        ),
        (
            "bad length",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
            400,
        ),
        (
            "bad coding",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            400,
        ),
        ("long line", &long, 414),
        ("large fields", &large, 431),
        ("many fields", &many, 431),
    ] {
        let refusal = request(text).await.expect_err(name);

        assert_eq!(refusal.status(), Some(status), "{name}");
    }
}

#[tokio::test]
async fn a_length_beside_a_transfer_coding_gets_another_name() {
    let head = request(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n",
    )
    .await
    .unwrap();

    assert_eq!(head.framing(), Framing::Chunked);
    assert_eq!(head.fields.first("X-Content-Length"), Some("7"));
    assert!(!head.fields.contains("Content-Length"));
}

#[tokio::test]
async fn a_chunked_body_is_read_to_its_end_and_no_further() {
    let mut reader = reader(b"3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nNEXT").await;
    let mut body = Body::new(&mut reader, Framing::Chunked);

    assert_eq!(
        body.collect(100).await.unwrap(),
        Bytes::from("abc0123456789")
    );
    assert!(body.is_finished());
    let mut rest = Body::new(&mut reader, Framing::UntilClose);
    assert_eq!(rest.collect(100).await.unwrap(), Bytes::from("NEXT"));
}

#[tokio::test]
async fn a_body_that_breaks_off_or_is_too_large_is_an_error() {
    for (framing, bytes, expected) in [
        (Framing::Length(5), "abc", "the body broke off"),
        (Framing::Chunked, "5\r\nabc", "the body broke off"),
        (
            Framing::Chunked,
            "zz\r\nabc",
            "a chunk is not framed as RFC 9112 §7.1 says",
        ),
        (
            Framing::Chunked,
            "8\r\n12345678\r\n0\r\n\r\n",
            "the body is larger than 6 bytes",
        ),
        (
            Framing::UntilClose,
            "12345678",
            "the body is larger than 6 bytes",
        ),
    ] {
        let mut reader = reader(bytes.as_bytes()).await;
        let error = Body::new(&mut reader, framing)
            .collect(6)
            .await
            .unwrap_err();

        assert_eq!(error.to_string(), expected, "{bytes}");
    }
}

#[tokio::test]
async fn interim_answers_are_skipped() {
    let mut reader =
        reader(b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nX: 1\r\n\r\n")
            .await;

    let head = ResponseHead::read(&mut reader).await.unwrap().unwrap();

    assert_eq!((head.status, head.fields.first("X")), (200, Some("1")));
}
