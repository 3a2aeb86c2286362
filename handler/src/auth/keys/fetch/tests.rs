use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A server on this machine that answers one connection with these bytes.
async fn answering(answer: Vec<u8>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.expect("a connection");
        let mut request = [0; 4096];
        let _ = connection.read(&mut request).await;
        let _ = connection.write_all(&answer).await;
    });
    format!("http://{address}/document")
        .parse()
        .expect("an address")
}

fn with_length(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

async fn get(url: Url) -> Result<Bytes, FetchError> {
    HttpFetch::new(&url).get(url).await
}

#[tokio::test]
async fn a_document_is_fetched_whole() {
    let url = answering(with_length("200 OK", 2, b"{}")).await;

    assert_eq!(get(url).await.expect("a document"), "{}");
}

#[tokio::test]
async fn a_name_of_this_machine_is_not_looked_up() {
    let mut url = answering(with_length("200 OK", 2, b"{}")).await;
    url.set_host(Some("login.localhost")).expect("a host");

    assert_eq!(get(url).await.expect("a document"), "{}");
}

#[tokio::test]
async fn another_status_is_an_error_and_a_redirect_is_not_followed() {
    let target = answering(with_length("200 OK", 2, b"{}")).await;
    let redirect =
        format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n").into();

    for (answer, status) in [
        (redirect, 302),
        (with_length("503 Service Unavailable", 2, b"{}"), 503),
        (with_length("204 No Content", 0, b""), 204),
    ] {
        let error = get(answering(answer).await).await.expect_err("no document");
        assert!(matches!(error, FetchError::Status(found) if found == status));
    }
}

#[tokio::test]
async fn a_document_is_read_up_to_its_greatest_size_and_no_further() {
    let greatest = vec![b' '; MAX_BYTES];
    let url = answering(with_length("200 OK", MAX_BYTES, &greatest)).await;
    assert_eq!(get(url).await.expect("a document").len(), MAX_BYTES);

    let larger = vec![b' '; MAX_BYTES + 1];
    let url = answering(with_length("200 OK", MAX_BYTES + 1, &larger)).await;
    assert!(matches!(get(url).await, Err(FetchError::TooLarge)));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let url = answering(with_length("200 OK", 100, b"{}")).await;

    assert!(matches!(get(url).await, Err(FetchError::Unreachable(_))));
}

#[tokio::test]
async fn a_https_client_refuses_http() {
    let url = answering(with_length("200 OK", 2, b"{}")).await;
    let https = "https://login.microsoftonline.com".parse().expect("a URL");

    let error = HttpFetch::new(&https).get(url).await;

    assert!(matches!(error, Err(FetchError::Unreachable(_))));
}
