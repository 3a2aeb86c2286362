use std::time::Instant as Clock;

use super::*;
use crate::azure::testing::{Answer, Source, StandIn, token};

fn request(to: &StandIn) -> Request<Bytes> {
    Request::post(format!("http://{}/v1/traces", to.address))
        .body(Bytes::from_static(b"telemetry"))
        .unwrap()
}

fn client(change: impl FnOnce(&mut Receiver)) -> Ingestion {
    let mut receiver = Receiver::new(Outbound::of_the_process(), Answers::Otlp);
    change(&mut receiver);
    Ingestion::new(Handle::current(), receiver)
}

#[tokio::test]
async fn it_is_sent_from_a_thread_that_is_none_of_the_runtimes() {
    let receiver = StandIn::http(|_, _| Answer::new(200, "")).await;
    let (client, request) = (client(|_| {}), request(&receiver));

    let (told, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let answer = block_on(client.send_bytes(request));
        let _ = told.send(answer.map(|answer| answer.status()).ok());
    });

    assert_eq!(answer.await.unwrap(), Some(StatusCode::OK));
    assert_eq!(receiver.bodies(), [b"telemetry"]);
}

/// As the SDK's threads wait: without a runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let thread = std::thread::current();
    let waker = std::task::Waker::from(Arc::new(Unpark(thread)));
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

struct Unpark(std::thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[tokio::test]
async fn a_refused_token_is_fetched_anew_and_once() {
    let receiver = StandIn::http(|request, _| {
        if request.contains("authorization: bearer second") {
            Answer::new(200, "")
        } else {
            Answer::new(401, "")
        }
    })
    .await;
    let tokens =
        Source::new(|before| async move { Ok(token(["first", "second"][before.min(1)], 3600)) });
    let identity = Identity::over(tokens.clone());
    let client = client(|receiver| receiver.sign_in = Some((identity, "scope/.default")));

    let answer = client.send_bytes(request(&receiver)).await.unwrap();

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(receiver.requests().len(), 2);
    assert_eq!(tokens.asked(), ["scope/.default", "scope/.default"]);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let receiver = StandIn::http(|_, _| Answer::new(200, "")).await;
    let identity = Identity::over(Source::new(|_| async {
        Err(azure_core::Error::with_message(
            azure_core::error::ErrorKind::Credential,
            "none",
        ))
    }));
    let client = client(|receiver| receiver.sign_in = Some((identity, "scope/.default")));

    assert!(client.send_bytes(request(&receiver)).await.is_err());

    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_not() {
    for (status, tries) in [(503, 3), (429, 3), (400, 1), (401, 1), (500, 1), (307, 1)] {
        let receiver = StandIn::http(move |_, _| {
            Answer::new(status, "").with("Location", "http://127.0.0.1:1/")
        })
        .await;
        let client = client(|receiver| receiver.retries = 2);

        let answer = client.send_bytes(request(&receiver)).await.unwrap();

        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(receiver.requests().len(), tries, "{status}");
    }
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_pause_gets_it() {
    let receiver = StandIn::http(|_, before| match before {
        0 => Answer::new(429, "").with("Retry-After", "1"),
        _ => Answer::new(200, ""),
    })
    .await;
    let client = client(|_| {});

    let began = Clock::now();
    let first = client.send_bytes(request(&receiver)).await.unwrap();
    let at_once = began.elapsed();
    let second = client.send_bytes(request(&receiver)).await.unwrap();

    assert_eq!(
        (first.status().as_u16(), second.status().as_u16()),
        (429, 200)
    );
    assert!(at_once < Duration::from_millis(900), "{at_once:?}");
    assert!(began.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let receiver = StandIn::http(|_, _| Answer::new(200, vec![b' '; MOST_BYTES + 1])).await;

    let answer = client(|_| {}).send_bytes(request(&receiver)).await;

    assert!(answer.is_err());
}
