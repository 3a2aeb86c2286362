use std::sync::LazyLock;

use http_body_util::BodyExt as _;

use super::*;

/// Keys take their time, and no test changes the tenant.
static TENANT: LazyLock<Tenant> = LazyLock::new(|| Tenant::new("http://127.0.0.1:7072"));

const ASKED: &str = "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fvault.localhost";

async fn ask(
    identity: &ManagedIdentity,
    path: &str,
    proof: Option<&str>,
) -> Option<(u16, HeaderMap, Vec<u8>)> {
    let mut request = Request::get(path).header("metadata", "true");
    if let Some(proof) = proof {
        request = request.header("X-IDENTITY-HEADER", proof);
    }
    let answer = identity.serve(&TENANT, request.body(()).unwrap()).await?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Some((parts.status.as_u16(), parts.headers, body))
}

/// What the right header gets.
async fn get(identity: &ManagedIdentity, path: &str) -> (u16, Value) {
    let (status, _, body) = ask(identity, path, Some(identity.header())).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn now() -> u64 {
    expiry(0)
}

#[tokio::test]
async fn a_token_is_the_tenant_s_and_written_as_app_service_writes_it() {
    let (status, got) = get(&ManagedIdentity::new(), ASKED).await;

    assert_eq!(status, 200);
    let members: Vec<_> = got.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "access_token",
            "client_id",
            "expires_on",
            "resource",
            "token_type"
        ]
    );
    assert_eq!(got["token_type"], "Bearer");
    assert_eq!(got["resource"], "https://vault.localhost");
    assert_eq!(got["client_id"], SYSTEM_ASSIGNED);
    let expires: u64 = got["expires_on"].as_str().unwrap().parse().unwrap();
    assert!((now() + LIFETIME_SECONDS - 5..=now() + LIFETIME_SECONDS).contains(&expires));
    let token = got["access_token"].as_str().unwrap();
    let caller = TENANT.verify(token, "https://vault.localhost").unwrap();
    assert_eq!(caller.oid, PRINCIPAL);
}

#[tokio::test]
async fn whoever_does_not_know_the_header_gets_nothing() {
    let identity = ManagedIdentity::new();
    let nearly = &identity.header()[1..];
    let other = ManagedIdentity::new();

    for proof in [None, Some(""), Some(nearly), Some(other.header())] {
        let (status, _, body) = ask(&identity, ASKED, proof).await.unwrap();

        assert_eq!(status, 401, "{proof:?}");
        let body = String::from_utf8(body).unwrap();
        assert!(!body.contains("access_token") && !body.contains(identity.header()));
    }
    assert_eq!(get(&identity, ASKED).await.0, 200);
    assert_eq!(
        identity.report()["requests"],
        json!({"https://vault.localhost": 1})
    );
}

#[tokio::test]
async fn a_question_that_app_service_does_not_know_is_refused() {
    let user = "client_id=0a6f2c9d-8e14-4b73-95d0-7c3b1f58e2a6";
    let identity = ManagedIdentity::new();
    for (name, path, status) in [
        ("a user-assigned identity", format!("{ASKED}&{user}"), 200),
        ("no version", ASKED.replace("2019-08-01", ""), 400),
        ("another version", ASKED.replace("2019", "2018"), 400),
        (
            "no resource",
            "/msi/token?api-version=2019-08-01".to_owned(),
            400,
        ),
        ("no identity", format!("{ASKED}&client_id=mine"), 400),
        ("another path", ASKED.replace("msi", "metadata"), 404),
    ] {
        let (got, body) = get(&identity, &path).await;

        assert_eq!(got, status, "{name}");
        if status == 200 {
            assert_eq!(body["client_id"], user.split_once('=').unwrap().1);
        } else {
            assert_eq!(body["statusCode"], status, "{name}");
        }
    }
}

#[tokio::test]
async fn each_fault_spoils_the_answer_in_its_way() {
    let identity = ManagedIdentity::new();
    let with = async |kind| {
        identity.set_fault(Fault {
            seconds: 90,
            ..Fault::new(kind)
        });
        get(&identity, ASKED).await
    };

    assert_eq!(with(FaultKind::Status).await, (500, Value::Null));
    assert_eq!(with(FaultKind::Garbage).await, (200, Value::Null));
    assert_eq!(with(FaultKind::Throttled).await.0, 429);
    let (_, other) = with(FaultKind::OtherResource).await;
    let token = other["access_token"].as_str().unwrap();
    let refused = TENANT.verify(token, "https://vault.localhost");
    assert_eq!(refused, Err(tenant::TokenError::Audience));
    assert_eq!(other["resource"], OTHER_RESOURCE);
    let (_, integer) = with(FaultKind::IntegerExpiry).await;
    assert!(integer["expires_on"].as_u64().is_some_and(|at| at > now()));
    let (_, short) = with(FaultKind::ShortLived).await;
    let expires: u64 = short["expires_on"].as_str().unwrap().parse().unwrap();
    assert!((now() + 80..=now() + 90).contains(&expires));
    let (status, right) = with(FaultKind::None).await;
    assert_eq!((status, right["expires_on"].is_string()), (200, true));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_comes_in_the_end_and_a_broken_connection_has_none() {
    let identity = ManagedIdentity::new();
    identity.set_fault(Fault {
        times: Some(1),
        ..Fault::new(FaultKind::Slow)
    });
    let started = tokio::time::Instant::now();
    assert_eq!(get(&identity, ASKED).await.0, 200);
    assert_eq!(started.elapsed(), Duration::from_secs(30));

    identity.set_fault(Fault {
        times: Some(1),
        ..Fault::new(FaultKind::Down)
    });
    let proof = Some(identity.header());
    assert!(ask(&identity, ASKED, proof).await.is_none());
    assert!(ask(&identity, ASKED, proof).await.is_some());
}

#[test]
fn debug_output_does_not_tell_the_header() {
    let identity = ManagedIdentity::new();

    assert!(!format!("{identity:?}").contains(identity.header()));
}
