use super::*;

#[test]
fn a_users_token_has_scopes_and_an_applications_has_roles() {
    let both = TokenRequest {
        scopes: vec!["Orders.Read".into(), "Orders.Write".into()],
        roles: vec!["Orders.Admin".into()],
        ..TokenRequest::default()
    };

    let user = claims(&SHARED.mint(&both));
    let app = claims(&SHARED.mint(&TokenRequest {
        kind: Kind::App,
        ..both
    }));

    assert_eq!(user["scp"], "Orders.Read Orders.Write");
    assert_eq!(user["roles"], json!(["Orders.Admin"]));
    assert_eq!((&user["azpacr"], user.get("idtyp")), (&json!("0"), None));
    assert_ne!(user["sub"], user["oid"]);
    assert_eq!(app["roles"], json!(["Orders.Admin"]));
    assert_eq!(
        (&app["azpacr"], &app["idtyp"]),
        (&json!("1"), &json!("app"))
    );
    assert_eq!((app.get("scp"), &app["sub"]), (None, &app["oid"]));
    for claims in [user, app] {
        assert_eq!(
            claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
            3600
        );
        assert_eq!(
            (&claims["ver"], &claims["tid"], &claims["aud"]),
            (&json!("2.0"), &json!(TENANT), &json!(AUDIENCE))
        );
        assert_eq!(claims["uti"].as_str().unwrap().len(), 22);
    }
}

#[test]
fn claims_and_header_can_be_set_and_taken_out() {
    let request = TokenRequest {
        overrides: [
            ("ver".to_owned(), json!("1.0")),
            ("oid".to_owned(), Value::Null),
            ("x".to_owned(), json!([1])),
        ]
        .into(),
        header_overrides: [
            ("alg".to_owned(), json!("none")),
            ("kid".to_owned(), Value::Null),
        ]
        .into(),
        ..TokenRequest::default()
    };

    let token = SHARED.mint(&request);

    let claims = claims(&token);
    assert_eq!(
        (&claims["ver"], claims.get("oid"), &claims["x"]),
        (&json!("1.0"), None, &json!([1]))
    );
    let header = URL_SAFE_NO_PAD
        .decode(token.split('.').next().unwrap())
        .unwrap();
    assert_eq!(header, br#"{"typ":"JWT","alg":"none"}"#);
}

#[tokio::test]
async fn a_token_of_a_foreign_key_is_named_by_no_key() {
    let token = SHARED.mint(&TokenRequest {
        signed_by: SignedBy::Foreign,
        ..TokenRequest::default()
    });

    assert_eq!(
        verify(&SHARED, &token, &v2_keys(), &v2_issuer()).await,
        Err("no such key".to_owned())
    );
}

#[tokio::test]
async fn tokens_are_made_as_the_request_says() {
    let body = r#"{"kind":"app","roles":["Orders.Admin"],"audience":"a","lifetime_seconds":60,"overrides":{"acrs":["c1"]}}"#;

    let (status, answer) = post(&SHARED, "/stand-in/token", body).await;

    let claims = claims(answer["access_token"].as_str().unwrap());
    assert_eq!((status, &answer["expires_in"]), (200, &json!(60)));
    assert_eq!(
        (&claims["aud"], &claims["acrs"]),
        (&json!("a"), &json!(["c1"]))
    );
    assert_eq!(post(&SHARED, "/stand-in/token", "").await.0, 200);
    assert_eq!(
        post(&SHARED, "/stand-in/token", r#"{"scope":"x"}"#).await.0,
        400
    );
    assert_eq!(
        post(&SHARED, "/stand-in/token", &" ".repeat(64 * 1024 + 1))
            .await
            .0,
        413
    );
}

#[tokio::test]
async fn an_application_gets_a_token_for_its_credentials() {
    let path = format!("/{TENANT}/oauth2/v2.0/token");
    let form =
        |rest: &str| format!("grant_type=client_credentials&client_id=c1&client_secret=x&{rest}");

    let (status, answer) = post(
        &SHARED,
        &path,
        &form(&format!(
            "scope=api%3A%2F%2F{AUDIENCE}%2F.default&roles=A+B"
        )),
    )
    .await;

    let token = answer["access_token"].as_str().unwrap();
    let claims = verify(&SHARED, token, &v2_keys(), &v2_issuer())
        .await
        .unwrap();
    assert_eq!(
        (status, &claims["azp"], &claims["roles"]),
        (200, &json!("c1"), &json!(["A", "B"]))
    );
}

#[tokio::test]
async fn a_token_request_that_entra_would_refuse_is_refused() {
    for (tenant, form, error) in [
        ("common", "", "invalid_request"),
        (TENANT, "grant_type=password", "unsupported_grant_type"),
        (TENANT, "grant_type=client_credentials", "invalid_request"),
        (
            TENANT,
            "grant_type=client_credentials&client_id=c",
            "invalid_client",
        ),
        (
            TENANT,
            "grant_type=client_credentials&client_id=c&client_secret=x&scope=a",
            "invalid_scope",
        ),
    ] {
        let (status, answer) = post(&SHARED, &format!("/{tenant}/oauth2/v2.0/token"), form).await;
        assert_eq!((status, &answer["error"]), (400, &json!(error)), "{form}");
    }
}

#[tokio::test]
async fn rotation_signs_with_a_new_key_and_keeps_or_withdraws_the_old() {
    let tenant = Tenant::new(format!("{ORIGIN}/"));
    let first = tenant.mint(&TokenRequest::default());

    let (_, kept) = post(&tenant, "/stand-in/rotate", "").await;
    let second = tenant.mint(&TokenRequest::default());
    assert_eq!(kept["kid"], decode_header(&second).unwrap().kid.unwrap());
    for token in [&first, &second] {
        assert!(
            verify(&tenant, token, &v2_keys(), &v2_issuer())
                .await
                .is_ok()
        );
    }

    post(&tenant, "/stand-in/rotate", r#"{"withdraw_old":true}"#).await;
    let third = tenant.mint(&TokenRequest::default());
    for token in [&first, &second] {
        assert_eq!(
            verify(&tenant, token, &v2_keys(), &v2_issuer()).await,
            Err("no such key".to_owned())
        );
    }
    assert!(
        verify(&tenant, &third, &v2_keys(), &v2_issuer())
            .await
            .is_ok()
    );
}
