//! Whom a good token stands for.

use serde_json::json;

use super::super::super::principal::Kind;
use super::super::super::testing::{CLIENT, tenant_id};
use super::Harness;

#[tokio::test]
async fn a_users_token_makes_a_user_with_its_scopes() {
    let harness = Harness::new(&[]);

    let caller = harness.accept(&harness.token()).await;

    assert_eq!(caller.kind(), Kind::User);
    assert_eq!(caller.tenant(), tenant_id());
    assert_eq!(caller.client(), CLIENT);
    let object = "aaaaaaaa-0000-4000-8000-000000000001";
    assert_eq!(caller.object_id(), Some(object));
    assert_eq!(caller.id(), format!("{}/{object}", tenant_id()));
    assert!(caller.has_scope("Orders.Read") && caller.has_scope("Orders.Write"));
    assert_eq!(caller.roles().count(), 0);
}

#[tokio::test]
async fn an_applications_token_makes_an_application_with_its_roles() {
    let harness = Harness::new(&[]);

    for token in [
        harness.token().application("Orders.Read.All"),
        harness
            .token()
            .application("Orders.Read.All")
            .without("idtyp"),
    ] {
        let caller = harness.accept(&token).await;

        assert_eq!(caller.kind(), Kind::Application);
        assert!(caller.has_role("Orders.Read.All"));
        assert_eq!(caller.scopes().count(), 0);
    }
}

#[tokio::test]
async fn a_users_roles_do_not_make_an_application() {
    let harness = Harness::new(&[]);
    let user = harness.token().claim("roles", json!(["Clerk"]));

    for token in [
        user.clone(),
        user.clone().without("scp"),
        user.clone().claim("idtyp", "user"),
        user.claim("idtyp", "APP"),
    ] {
        assert_eq!(harness.accept(&token).await.kind(), Kind::User);
    }
}

#[tokio::test]
async fn an_application_with_delegated_scopes_is_refused_as_not_allowed() {
    let harness = Harness::new(&[]);
    let token = harness.token().application("x").claim("scp", "Orders.Read");

    let denial = harness.tokens.verify(&token.sign()).await;

    let denial = denial.expect_err("a contradiction");
    assert_eq!(denial.rule(), "contradictory_permissions");
    assert_eq!(denial.status(), 403);
}

#[tokio::test]
async fn a_subject_stands_in_for_a_missing_object_id_and_neither_is_nobody() {
    let harness = Harness::new(&[]);
    let token = harness.token().without("oid").claim("sub", "someone");

    let caller = harness.accept(&token).await;
    assert_eq!(caller.id(), format!("{}/someone", tenant_id()));
    assert_eq!(caller.object_id(), None);

    assert_eq!(harness.outcome(&token.without("sub")).await, "claim");
}
