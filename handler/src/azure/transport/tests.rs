use azure_core::http::{Method, Pipeline, Url};

use super::*;
use crate::azure::testing::{Answer, StandIn};

async fn get(server: &StandIn, host: &str, most: usize) -> azure_core::Result<(u16, Vec<u8>)> {
    let url = format!("http://{host}:{}/", server.address.port());
    let url: Url = url.parse().expect("an address");
    let pipeline = Pipeline::new(
        None,
        None,
        client_options(most),
        Vec::new(),
        Vec::new(),
        None,
    );
    let mut request = Request::new(url, Method::Get);
    let options = azure_core::http::PipelineSendOptions {
        skip_checks: true,
        ..Default::default()
    };
    let context = azure_core::http::Context::new();
    let answer = pipeline.send(&context, &mut request, Some(options)).await?;
    Ok((u16::from(answer.status()), answer.into_body().to_vec()))
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_greatest_size_and_no_further() {
    let server = StandIn::http(|_, _| Answer::new(200, vec![b'a'; 5000])).await;

    let (status, body) = get(&server, "127.0.0.1", 5000).await.expect("an answer");
    assert_eq!((status, body.len()), (200, 5000));

    let error = get(&server, "127.0.0.1", 4999)
        .await
        .expect_err("too large");
    assert_eq!(
        cause::<TransportError>(&error),
        Some(&TransportError::TooLarge)
    );
    assert_eq!(server.requests().len(), 2, "nothing is retried");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let target = StandIn::http(|_, _| Answer::new(200, "")).await;
    let location = format!("http://{}/", target.address);
    let server =
        StandIn::http(move |_, _| Answer::new(302, "").with("Location", location.clone())).await;

    let (status, _) = get(&server, "127.0.0.1", 100).await.expect("an answer");

    assert_eq!(status, 302);
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn names_below_localhost_mean_this_machine() {
    let server = StandIn::http(|_, _| Answer::new(200, "here")).await;

    for host in ["localhost", "orders.vault.localhost"] {
        let (_, body) = get(&server, host, 100).await.expect(host);
        assert_eq!(body, b"here", "{host}");
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_apart() {
    let server = StandIn::http(|_, _| Answer::new(200, "")).await;

    // A label longer than a name server could be asked for (RFC 1035 §2.3.4).
    let host = format!("{}.invalid", "a".repeat(64));
    let error = get(&server, &host, 100).await;

    let error = error.expect_err("no such name");
    assert_eq!(trouble(&error), "its name cannot be resolved");
}

#[tokio::test]
async fn what_is_over_in_a_moment_is_retried_twice_and_throttling_is_not() {
    for (status, requests) in [(500, 3), (502, 3), (429, 1), (503, 1), (404, 1)] {
        let server =
            StandIn::http(move |_, _| Answer::new(status, "").with("Retry-After", "3600")).await;

        let (found, _) = get(&server, "127.0.0.1", 100).await.expect("an answer");

        assert_eq!(found, status);
        assert_eq!(server.requests().len(), requests, "{status}");
    }
}

#[test]
fn pauses_grow_to_a_bound() {
    let pause = |retries| Duration::try_from(Briefly.sleep_duration(retries)).expect("a pause");

    assert!((PAUSE..=PAUSE * 2).contains(&pause(1)));
    assert!((PAUSE * 2..=PAUSE * 4).contains(&pause(2)));
    assert!(pause(u32::MAX) <= LONGEST_PAUSE * 2);
}

#[test]
fn a_random_span_is_within_its_bound() {
    let most = Duration::from_secs(60);
    let spans: Vec<_> = (0..64).map(|_| up_to(most)).collect();

    assert!(spans.iter().all(|span| *span <= most));
    assert!(spans.iter().any(|span| *span != spans[0]));
}
