//! What one caller may take, and that its room comes back.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::future::IntoFuture as _;

use super::*;

const AT_ONCE: &str = "STOCKADE__LIMITS__CALLER_CONCURRENT_INVOCATIONS";
const A_MINUTE: &str = "STOCKADE__LIMITS__CALLER_REQUESTS_PER_MINUTE";

fn caller(id: &str) -> Principal {
    Principal::for_tests(id).with_scope("Stay")
}

/// An app with a function for each way in which an invocation ends.
fn app(settings: &[(&str, &str)]) -> TestApp<()> {
    async fn succeed() -> Reply<()> {
        Reply::ok(())
    }
    async fn read(Json(note): Json<Note>) -> Reply<String> {
        Reply::ok(note.text)
    }
    async fn refuse() -> Result<Reply<()>, Error> {
        Err(Error::conflict("No."))
    }
    async fn panics() -> Reply<()> {
        panic!("as it should")
    }
    async fn hold() -> Reply<()> {
        tokio::time::sleep(Duration::from_secs(10)).await;
        Reply::ok(())
    }
    async fn work() {}

    let stay = |route| on::post(route, access::scope("Stay"));
    let open = on::post("open", access::anonymous("a test"));
    App::new("callers")
        .function(Function::new("succeed", stay("succeed"), succeed))
        .function(Function::new("read", stay("read"), read))
        .function(Function::new("refuse", stay("refuse"), refuse))
        .function(Function::new("panic", stay("panic"), panics))
        .function(Function::new("hold", stay("hold"), hold))
        .function(Function::new("late", stay("late"), hold).deadline(Duration::from_secs(1)))
        .function(
            Function::new("guarded", stay("guarded"), succeed)
                .guard(|_| Err(Error::forbidden("No."))),
        )
        .function(Function::new("open", open, succeed))
        .function(Function::new("work", on::queue("work"), work))
        .with_limits((), settings)
}

/// A call that has begun and waits.
fn begun<'a>(app: &'a TestApp<()>, id: &str) -> BoxFuture<'a, Outcome> {
    let mut call = app.call("hold").as_caller(caller(id)).into_future();
    assert!(call.as_mut().now_or_never().is_none());
    call
}

async fn status(app: &TestApp<()>, function: &str, id: &str) -> u16 {
    app.call(function).as_caller(caller(id)).await.status()
}

#[tokio::test(start_paused = true)]
async fn a_caller_with_too_much_under_way_is_told_to_come_back_and_another_is_served() {
    let app = app(&[(AT_ONCE, "2")]);
    let under_way = [begun(&app, "ada"), begun(&app, "ada")];

    let refused = app.call("succeed").as_caller(caller("ada")).await;
    let another = status(&app, "succeed", "bob").await;

    assert_eq!(
        (refused.status(), code(&refused)),
        (429, "too_many_requests".to_owned())
    );
    assert_eq!(refused.header(header::RETRY_AFTER), Some("1"));
    assert_eq!(refused.header(header::WWW_AUTHENTICATE), None);
    assert_eq!(another, 200);
    let line = &app.log()[0];
    assert_eq!(line["outcome"], "denied");
    assert_eq!(line["rule"], "caller_concurrency");
    assert_eq!(line["principal.id"], "ada");

    for held in under_way {
        assert_eq!(held.await.status(), 200);
    }
    assert_eq!(status(&app, "succeed", "ada").await, 200);
}

#[tokio::test(start_paused = true)]
async fn room_comes_back_however_an_invocation_ends() {
    let app = app(&[(AT_ONCE, "1")]);

    for (function, expected) in [
        ("succeed", 200),
        ("read", 400),
        ("refuse", 409),
        ("guarded", 403),
        ("panic", 500),
        ("late", 504),
    ] {
        for time in ["first", "second"] {
            let status = status(&app, function, "ada").await;
            assert_eq!(status, expected, "{function}, the {time} time");
        }
    }
    let stranger = Principal::for_tests("ada");
    for time in ["first", "second"] {
        let outcome = app.call("succeed").as_caller(stranger.clone()).await;
        assert_eq!(outcome.status(), 403, "the {time} time");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_broken_off_gives_its_room_back() {
    let app = app(&[(AT_ONCE, "1")]);
    let under_way = begun(&app, "ada");
    assert_eq!(status(&app, "succeed", "ada").await, 429);

    drop(under_way);

    assert_eq!(status(&app, "succeed", "ada").await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_comes_too_often_is_told_when_to_come_back() {
    let app = app(&[(A_MINUTE, "10")]);
    assert_eq!(status(&app, "succeed", "ada").await, 200);

    let refused = app.call("succeed").as_caller(caller("ada")).await;
    let another = status(&app, "succeed", "bob").await;

    assert_eq!(
        (refused.status(), code(&refused)),
        (429, "too_many_requests".to_owned())
    );
    assert_eq!(refused.header(header::RETRY_AFTER), Some("6"));
    assert_eq!(app.log()[1]["rule"], "caller_rate");
    assert_eq!(another, 200);

    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(status(&app, "succeed", "ada").await, 429);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(status(&app, "succeed", "ada").await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_caller_without_the_permission_is_limited_too() {
    let app = app(&[(A_MINUTE, "10")]);
    let stranger = || app.call("succeed").as_caller(Principal::for_tests("eve"));

    assert_eq!(stranger().await.status(), 403);
    assert_eq!(stranger().await.status(), 429);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_known_nobody_is_limited() {
    let app = app(&[(AT_ONCE, "1"), (A_MINUTE, "1")]);
    let _under_way = begun(&app, "ada");

    for _ in 0..10 {
        assert_eq!(status(&app, "open", "ada").await, 200);
        assert!(app.call("work").message(&1).await.is_done());
    }
    assert_eq!(status(&app, "succeed", "ada").await, 429);
}

#[tokio::test(start_paused = true)]
async fn one_caller_leaves_three_quarters_of_the_app_to_the_others() {
    let app = app(&[]);
    let under_way: Vec<_> = (0..256).map(|_| begun(&app, "ada")).collect();

    assert_eq!(status(&app, "succeed", "ada").await, 429);
    let others: Vec<_> = (0..768)
        .map(|number| begun(&app, &format!("bob {number}")))
        .collect();
    assert_eq!(status(&app, "succeed", "carol").await, 503);

    drop((under_way, others));
    assert_eq!(status(&app, "succeed", "ada").await, 200);
}
