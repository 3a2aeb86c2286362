use serde_json::json;

use super::*;
use crate::test::TestApp;
use crate::{App, Function, Principal, Reply, on};

fn app(access: Access<Caller>) -> App<()> {
    App::new("one").function(Function::new("it", on::delete("it", access), async || {
        Reply::ok(())
    }))
}

async fn answer(app: &TestApp<()>, caller: Principal) -> (u16, String, String) {
    let outcome = app.call("it").as_caller(caller).await;
    let problem: serde_json::Value = outcome.json();
    (
        outcome.status(),
        problem["code"].as_str().unwrap_or_default().to_owned(),
        outcome
            .header("www-authenticate")
            .unwrap_or_default()
            .to_owned(),
    )
}

#[tokio::test]
async fn who_lacks_a_context_is_told_so_if_its_client_understands_it() {
    let app = app(scope("Delete").with_authentication_context("c1")).with_state(());
    let ada = || Principal::for_tests("ada").with_scope("Delete");

    let (status, ..) = answer(&app, ada().with_authentication_context("c1")).await;
    assert_eq!(status, 200);

    let (status, code, challenge) = answer(&app, ada().taking_claims_challenges()).await;
    assert_eq!((status, &*code), (401, "insufficient_claims"));
    assert!(
        challenge.contains(r#"error="insufficient_claims", claims=""#),
        "{challenge}"
    );

    let (status, code, challenge) = answer(&app, ada()).await;
    assert_eq!((status, &*code), (403, "forbidden"));
    assert_eq!(challenge, r#"Bearer error="insufficient_scope""#);

    let stranger = Principal::for_tests("eve").taking_claims_challenges();
    let (status, code, challenge) = answer(&app, stranger).await;
    assert_eq!((status, &*code), (403, "forbidden"));
    assert_eq!(
        challenge,
        r#"Bearer error="insufficient_scope", scope="Delete""#
    );
}

#[test]
fn the_manifest_shows_a_context_with_its_rule() {
    let access = any_of([
        role("All"),
        scope("Delete").with_authentication_context("c25"),
    ]);

    let manifest = serde_json::to_value(app(access).manifest()).expect("JSON");

    assert_eq!(
        manifest["functions"][0]["access"],
        json!({"anyOf": [
            {"role": "All"},
            {"authenticationContext": {"id": "c25", "rule": {"scope": "Delete"}}},
        ]})
    );
}
