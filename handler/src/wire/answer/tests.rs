//! What the host is told, byte for byte where the host would change it.

use http::header::{LOCATION, RETRY_AFTER};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::failure::Error;
use crate::function::Origin;
use crate::input::Rejection;

fn names() -> Names {
    Names {
        outputs: vec!["queue".to_owned()],
        quarantine: None,
    }
}

fn answer(status: StatusCode, header: (HeaderName, &'static str)) -> Outputs {
    Outputs {
        answer: Some(Answer {
            status,
            headers: HeaderMap::from_iter([(header.0, HeaderValue::from_static(header.1))]),
            body: AnswerBody::Text(String::new()),
        }),
        ..Outputs::default()
    }
}

async fn json(response: Response<Body>) -> Value {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn a_redirect_for_the_caller_is_no_redirect_for_the_host() {
    let away = answer(StatusCode::FOUND, (LOCATION, "http://169.254.169.254/"));

    let packed = in_envelope(away, &names()).unwrap();

    assert_eq!(packed.status, Some(StatusCode::FOUND));
    assert_eq!(packed.response.status(), StatusCode::OK);
    assert_eq!(packed.response.headers().get(LOCATION), None);
    let told = &json(packed.response).await["Outputs"]["res"];
    assert_eq!(told["statusCode"], 302);
    assert_eq!(told["headers"]["location"], "http://169.254.169.254/");
}

#[tokio::test]
async fn an_event_that_did_not_succeed_is_told_by_a_status_from_400_on() {
    let id = "3f0ad7ea-2d4f-4c39-9c12-7d0b8a5c7a10".parse().unwrap();
    let context = Context::new(id, "work", 0, Instant::now(), Origin::default());
    let failures = [
        Failure::Overloaded,
        Failure::NotReady,
        Failure::Rejected(Rejection::NO_BODY),
        Failure::Function(Error::not_found("No.")),
        Failure::Function(Error::retry("later")),
        Failure::Function(Error::fatal("never")),
        Failure::Panicked,
        Failure::DeadlineExceeded,
        Failure::Unsendable("a test"),
        Failure::WrongTrigger,
    ];
    for failure in failures {
        let kept = kept_event(&context, &failure, Some(b"{}"), &names());
        let response = failed_event(&context, &failure);

        assert!(kept.is_none(), "{failure}");
        assert!(response.status().as_u16() >= 400, "{failure}");
    }
}

#[tokio::test]
async fn a_text_that_could_be_base64_or_json_is_an_element_of_an_array() {
    // The host decodes the first and parses the second where they stand alone.
    let texts = vec!["test".to_owned(), r#"{"a":1}"#.to_owned()];
    let outputs = Outputs {
        messages: vec![Some(texts)],
        ..Outputs::default()
    };

    let told = json(event(&outputs, &names()).response).await;

    assert_eq!(
        told,
        json!({"Outputs": {"queue": ["test", r#"{"a":1}"#]}, "Logs": [], "ReturnValue": null})
    );
}

#[tokio::test]
async fn a_header_that_is_wholly_a_date_is_kept_from_being_rewritten() {
    let dated = |value| answer(StatusCode::OK, (RETRY_AFTER, value));
    let told = async |outputs| {
        let packed = in_envelope(outputs, &names()).unwrap();
        json(packed.response).await["Outputs"]["res"]["headers"]["retry-after"].clone()
    };

    assert_eq!(
        told(dated("2026-03-14T09:26:50Z")).await,
        " 2026-03-14T09:26:50Z"
    );
    assert_eq!(told(dated("120")).await, "120");
}
