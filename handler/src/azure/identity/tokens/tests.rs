use azure_core::error::ErrorKind;
use tokio::sync::Semaphore;

use super::*;
use crate::azure::testing::{Source, token};

const SCOPE: &str = "https://vault.azure.net/.default";
const HOUR: i64 = 3600;

fn text(outcome: Outcome) -> String {
    let token = outcome.expect("a token");
    token.token.secret().to_owned()
}

fn failure() -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::DataConversion, "a word of the endpoint")
}

/// Lets what is ready run, without time going on.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_and_kept() {
    let source = Source::new(|_| async { Ok(token("one", HOUR)) });
    let tokens = Tokens::of(source.clone());

    for _ in 0..3 {
        assert_eq!(text(tokens.get(SCOPE).await), "one");
    }

    assert_eq!(source.asked(), [SCOPE]);
}

#[tokio::test]
async fn a_token_that_was_refused_is_let_go_and_one_after_it_is_not() {
    let source = Source::new(|before| async move { Ok(token(&before.to_string(), HOUR)) });
    let tokens = Tokens::of(source.clone());
    assert_eq!(text(tokens.get(SCOPE).await), "0");

    tokens.refused("https://storage.azure.com/.default", "0");
    assert_eq!(text(tokens.get(SCOPE).await), "0", "another scope's");
    tokens.refused(SCOPE, "0");
    assert_eq!(text(tokens.get(SCOPE).await), "1");
    tokens.refused(SCOPE, "0");

    assert_eq!(text(tokens.get(SCOPE).await), "1");
    assert_eq!(source.asked().len(), 2);
}

#[tokio::test]
async fn each_scope_has_its_own_token() {
    let source = Source::new(|before| async move { Ok(token(&before.to_string(), HOUR)) });
    let tokens = Tokens::of(source.clone());

    assert_eq!(text(tokens.get(SCOPE).await), "0");
    assert_eq!(
        text(tokens.get("https://storage.azure.com/.default").await),
        "1"
    );
    assert_eq!(text(tokens.get(SCOPE).await), "0");
}

#[tokio::test]
async fn callers_that_come_together_share_one_flight() {
    let source = Source::new(|_| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(token("one", HOUR))
    });
    let tokens = Tokens::of(source.clone());

    let all = futures_util::future::join_all((0..16).map(|_| tokens.get(SCOPE))).await;

    assert!(all.into_iter().all(|outcome| text(outcome) == "one"));
    assert_eq!(source.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_that_give_up_cancel_nothing() {
    let source = Source::new(|_| async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(token("one", HOUR))
    });
    let tokens = Tokens::of(source.clone());
    let patience = Duration::from_millis(50);

    let mut gave_up = 0;
    let outcome = loop {
        match tokio::time::timeout(patience, tokens.get(SCOPE)).await {
            Ok(outcome) => break outcome,
            Err(_) => gave_up += 1,
        }
    };

    assert_eq!(text(outcome), "one");
    assert!((9..=10).contains(&gave_up), "{gave_up}");
    assert_eq!(source.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_ageing_token_is_used_while_its_successor_is_fetched() {
    let gate = Arc::new(Semaphore::new(0));
    let source = {
        let gate = Arc::clone(&gate);
        Source::new(move |before| {
            let gate = Arc::clone(&gate);
            async move {
                if before == 0 {
                    return Ok(token("old", 200));
                }
                let _pass = gate.acquire().await;
                Ok(token("new", HOUR))
            }
        })
    };
    let tokens = Tokens::of(source.clone());
    assert_eq!(text(tokens.get(SCOPE).await), "old");
    tokio::time::advance(REST).await;

    for _ in 0..3 {
        assert_eq!(text(tokens.get(SCOPE).await), "old");
        settle().await;
    }
    assert_eq!(source.asked().len(), 2);
    gate.add_permits(1);
    settle().await;

    assert_eq!(text(tokens.get(SCOPE).await), "new");
    assert_eq!(source.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_leaves_the_old_token_and_is_tried_again() {
    let source = Source::new(|before| async move {
        match before {
            0 => Ok(token("old", 200)),
            1 => Err(failure()),
            _ => Ok(token("new", HOUR)),
        }
    });
    let tokens = Tokens::of(source.clone());
    assert_eq!(text(tokens.get(SCOPE).await), "old");
    tokio::time::advance(REST).await;

    assert_eq!(text(tokens.get(SCOPE).await), "old");
    settle().await;
    assert_eq!(text(tokens.get(SCOPE).await), "old");
    settle().await;
    assert_eq!(source.asked().len(), 2, "a failure rests");

    tokio::time::advance(REST_AFTER_FAILURE).await;
    assert_eq!(text(tokens.get(SCOPE).await), "old");
    settle().await;
    assert_eq!(text(tokens.get(SCOPE).await), "new");
}

#[tokio::test]
async fn a_token_far_from_its_end_is_not_renewed() {
    let source = Source::new(|_| async { Ok(token("one", 301)) });
    let tokens = Tokens::of(source.clone());

    tokens.get(SCOPE).await.expect("a token");
    lock(&tokens.slot(SCOPE)).rests_until = None;
    tokens.get(SCOPE).await.expect("a token");
    settle().await;

    assert_eq!(source.asked().len(), 1);
}

#[tokio::test]
async fn an_expired_token_is_not_used() {
    let source = Source::new(|before| async move {
        Ok(match before {
            0 => token("old", HOUR),
            _ => token("new", HOUR),
        })
    });
    let tokens = Tokens::of(source.clone());
    tokens.get(SCOPE).await.expect("a token");
    if let Some(kept) = &mut lock(&tokens.slot(SCOPE)).kept {
        kept.token.expires_on = OffsetDateTime::now_utc();
    }

    assert_eq!(text(tokens.get(SCOPE).await), "new");
}

#[tokio::test]
async fn a_token_that_arrives_expired_is_none() {
    let source = Source::new(|_| async { Ok(token("late", -1)) });

    let outcome = Tokens::of(source).get(SCOPE).await;

    assert!(matches!(outcome, Err(TokenError::Expired)), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_all_and_rests_before_the_next_try() {
    let source = Source::new(|before| async move {
        match before {
            0 => Err(failure()),
            _ => Ok(token("one", HOUR)),
        }
    });
    let tokens = Tokens::of(source.clone());

    for _ in 0..3 {
        let outcome = tokens.get(SCOPE).await;
        assert!(matches!(outcome, Err(TokenError::Malformed)), "{outcome:?}");
    }
    assert_eq!(source.asked().len(), 1);

    tokio::time::advance(REST_AFTER_FAILURE).await;
    assert_eq!(text(tokens.get(SCOPE).await), "one");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_never_answers_is_given_up() {
    let source = Source::new(|_| std::future::pending());

    let outcome = Tokens::of(source).get(SCOPE).await;

    assert!(matches!(outcome, Err(TokenError::TimedOut)), "{outcome:?}");
}

#[test]
fn a_flight_that_ended_with_its_runtime_is_not_waited_for() {
    let source = Source::new(|before| async move {
        if before == 0 {
            std::future::pending::<()>().await;
        }
        Ok(token("one", HOUR))
    });
    let tokens = Tokens::of(source);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().expect("a runtime")
    };
    runtime().block_on(async {
        let patience = Duration::from_millis(10);
        let waited = tokio::time::timeout(patience, tokens.get(SCOPE)).await;
        assert!(waited.is_err());
    });

    let outcome = runtime().block_on(tokens.get(SCOPE));

    assert_eq!(text(outcome), "one");
}
