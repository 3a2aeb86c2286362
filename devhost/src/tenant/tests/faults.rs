use super::*;

#[tokio::test]
async fn faults_that_break_a_document_leave_no_json() {
    let tenant = Tenant::new(ORIGIN);
    for (kind, status) in [
        ("down", 503),
        ("status", 500),
        ("redirect", 302),
        ("garbage", 200),
    ] {
        for (target, path) in [("discovery", discovery()), ("keys", v2_keys())] {
            let fault = json!({"target": target, "kind": kind}).to_string();
            assert_eq!(post(&tenant, "/stand-in/fault", &fault).await.0, 200);

            let (got, _, body) = send(&tenant, Method::GET, &path, "").await;

            assert_eq!(got, status, "{fault}");
            assert!(serde_json::from_slice::<Value>(&body).is_err(), "{fault}");
        }
    }
}

#[tokio::test]
async fn a_redirect_leads_to_the_right_document() {
    let tenant = Tenant::new(ORIGIN);
    let right = get(&tenant, &v2_keys()).await;
    tenant.set_fault(Fault::new(Target::Keys, FaultKind::Redirect));

    let (_, headers, _) = send(&tenant, Method::GET, &v2_keys(), "").await;

    let location = headers["location"]
        .to_str()
        .unwrap()
        .strip_prefix(ORIGIN)
        .unwrap();
    assert_eq!(get(&tenant, location).await, right);
}

/// What is served at a path with a fault, and what is served when it is over.
async fn with_fault(
    tenant: &Tenant,
    target: Target,
    path: &str,
    kind: FaultKind,
) -> (Value, Value) {
    tenant.set_fault(Fault::new(target, kind));
    let wrong = get(tenant, path).await;
    tenant.set_fault(Fault::new(target, FaultKind::None));
    (wrong, get(tenant, path).await)
}

#[tokio::test(start_paused = true)]
async fn a_slow_document_is_the_right_one_in_the_end() {
    let tenant = Tenant::new(ORIGIN);
    let started = tokio::time::Instant::now();

    let (slow, right) = with_fault(&tenant, Target::Keys, &v2_keys(), FaultKind::Slow).await;

    assert_eq!(started.elapsed(), Duration::from_secs(30));
    assert_eq!(slow, right);
}

#[tokio::test]
async fn key_sets_can_be_empty_huge_misissued_or_foreign() {
    let tenant = Tenant::new(ORIGIN);
    let keys = async |kind| with_fault(&tenant, Target::Keys, &v2_keys(), kind).await;

    let (empty, _) = keys(FaultKind::Empty).await;
    assert_eq!(empty, json!({"keys": []}));
    let (huge, _) = keys(FaultKind::Huge).await;
    assert!(huge.to_string().len() > 8 * 1024 * 1024);
    let (misissued, right) = keys(FaultKind::WrongIssuer).await;
    assert_ne!(misissued["keys"][0]["issuer"], right["keys"][0]["issuer"]);
    assert_eq!(misissued["keys"][0]["n"], right["keys"][0]["n"]);
    let (foreign, right) = keys(FaultKind::ForeignJwks).await;
    assert_eq!(foreign["keys"][0]["kid"], right["keys"][0]["kid"]);
    assert_ne!(foreign["keys"][0]["n"], right["keys"][0]["n"]);
}

#[tokio::test]
async fn metadata_can_be_empty_misissued_or_lead_elsewhere() {
    let tenant = Tenant::new(ORIGIN);
    let metadata = async |kind| with_fault(&tenant, Target::Discovery, &discovery(), kind).await;

    let (empty, _) = metadata(FaultKind::Empty).await;
    assert_eq!(empty, json!({}));
    let (misissued, right) = metadata(FaultKind::WrongIssuer).await;
    assert_ne!(misissued["issuer"], right["issuer"]);
    assert_eq!(misissued["jwks_uri"], right["jwks_uri"]);
    let (foreign, right) = metadata(FaultKind::ForeignJwks).await;
    assert!(!foreign["jwks_uri"].as_str().unwrap().starts_with(ORIGIN));
    assert_eq!(foreign["issuer"], right["issuer"]);
}

#[tokio::test]
async fn a_fault_can_end_by_itself_and_the_state_tells_what_was_asked_for() {
    let tenant = Tenant::new(ORIGIN);
    tenant.set_fault(Fault {
        times: Some(2),
        ..Fault::new(Target::Keys, FaultKind::Down)
    });

    let statuses = [
        send(&tenant, Method::GET, &v2_keys(), "").await.0,
        send(&tenant, Method::GET, &v2_keys(), "").await.0,
        send(&tenant, Method::GET, &v2_keys(), "").await.0,
    ];

    assert_eq!(statuses, [503, 503, 200]);
    let state = get(&tenant, "/stand-in").await;
    assert_eq!(
        state["served"],
        json!({"discovery": 0, "keys": 3, "tokens": 0})
    );
    assert_eq!(
        (&state["faults"], &state["issuer"]),
        (&json!([]), &json!(v2_issuer()))
    );
    assert_eq!(
        state["keys"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|key| key["signs"] == true)
            .count(),
        1
    );
}
