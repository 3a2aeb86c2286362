use azure_core::http::StatusCode;

use super::*;
use crate::azure::testing::{Source, token};

#[tokio::test]
async fn clones_share_their_tokens() {
    let source = Source::new(|_| async { Ok(token("one", 3600)) });
    let identity = Identity::over(source.clone());
    let other = identity.clone();

    for identity in [identity, other] {
        let token = identity.get_token(&["a/.default"], None).await;
        assert_eq!(token.expect("a token").token.secret(), "one");
    }

    assert_eq!(source.asked().len(), 1);
}

#[tokio::test]
async fn one_scope_is_asked_for_and_not_several() {
    let identity = Identity::over(Source::new(|_| async { Ok(token("one", 3600)) }));

    for scopes in [&[][..], &["a", "b"]] {
        let error = identity.get_token(scopes, None).await.expect_err("none");
        assert_eq!(
            crate::azure::cause::<TokenError>(&error),
            Some(&TokenError::Scopes)
        );
    }
}

#[test]
fn an_error_of_the_sdk_comes_down_to_what_happened() {
    let answered = |status| ErrorKind::HttpResponse {
        status: StatusCode::from(status),
        error_code: None,
        raw_response: None,
    };
    let rows = [
        (answered(400), TokenError::NotAssigned),
        (answered(500), TokenError::Status),
        (ErrorKind::DataConversion, TokenError::Malformed),
        (ErrorKind::Credential, TokenError::Failed),
        (
            ErrorKind::Io,
            TokenError::Unreachable("the Azure client gave up"),
        ),
    ];
    for (kind, expected) in rows {
        let inner = azure_core::Error::with_message(kind, "a word of the endpoint");
        let error = azure_core::Error::with_error(ErrorKind::Credential, inner, "more words");

        let found = TokenError::of(&error);

        assert_eq!(found, expected);
        assert!(!found.to_string().contains("words"));
    }
}

#[test]
fn nothing_is_opened_from_settings_that_are_not_the_processes_own() {
    let settings = [
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token"),
        ("IDENTITY_HEADER", "h"),
    ];
    let settings: std::collections::BTreeMap<_, _> = settings
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let mut problems = Problems::new();

    assert!(Identity::open(&settings, &mut problems).is_none());
    assert!(!problems.is_empty());
}
