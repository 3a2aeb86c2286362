use super::*;

#[tokio::test]
async fn envelopes_are_taken_in_an_array_or_one_a_line_and_packed_or_not() {
    let array = json!([request(), message("slow", &json!({}))]).to_string();
    let lines = format!("{}\n\n{}\n", request(), message("slow", &json!({})));
    let token = bearer(&for_ingestion());
    for (name, body, coding) in [
        ("array", array.clone().into_bytes(), "identity"),
        ("lines", lines.into_bytes(), "identity"),
        ("packed", gzip(array.as_bytes()), "gzip"),
    ] {
        let telemetry = telemetry();
        let headers = [
            ("authorization", token.as_str()),
            ("content-encoding", coding),
        ];

        let got = track_with(&telemetry, &headers, body).await.unwrap();

        let expected = json!({"itemsReceived": 2, "itemsAccepted": 2, "errors": []});
        assert_eq!((got.status, got.json()), (200, expected), "{name}");
        let told = &telemetry.report()["sources"]["applicationInsights"];
        assert_eq!(told["signals"]["traces"]["items"], 1, "{name}");
        assert_eq!(told["signals"]["logs"]["items"], 1, "{name}");
        assert_eq!(told["statuses"], json!({"200": 1}), "{name}");
    }
}

#[tokio::test]
async fn a_token_of_the_tenant_for_the_ingestion_is_asked_for_and_no_detail_told() {
    let other = |change: fn(&mut TokenRequest)| {
        let mut token = for_ingestion();
        change(&mut token);
        Some(bearer(&token))
    };
    let right = bearer(&for_ingestion());
    for (name, authorization, status) in [
        ("right", Some(right.clone()), 200),
        ("none", None, 401),
        (
            "another scheme",
            Some(right.replace("Bearer", "Basic")),
            401,
        ),
        (
            "the vault's",
            other(|t| t.audience = crate::vault::RESOURCE.to_owned()),
            401,
        ),
        (
            "foreign key",
            other(|t| t.signed_by = tenant::SignedBy::Foreign),
            401,
        ),
    ] {
        let telemetry = telemetry();
        let header = authorization
            .as_deref()
            .map(|token| ("authorization", token));
        let headers: Vec<_> = header.into_iter().collect();
        let body = json!([request()]).to_string();

        let got = track_with(&telemetry, &headers, body).await.unwrap();

        assert_eq!(got.status, status, "{name}");
        assert_eq!(got.body.is_empty(), status == 401, "{name}");
        let kept = telemetry.raw_trace(TRACE);
        assert_eq!(kept.is_some(), status == 200, "{name}");
    }
}

#[tokio::test]
async fn no_token_is_asked_for_where_the_handler_is_not_told_to_bring_one() {
    let telemetry = telemetry();
    telemetry.ask_for_token(false);

    let got = track_with(&telemetry, &[], json!([request()]).to_string()).await;

    assert_eq!(got.unwrap().status, 200);
}

#[tokio::test]
async fn what_cannot_be_taken_is_named_by_its_place_and_the_rest_is_kept() {
    let telemetry = telemetry();
    let mut timeless = request();
    timeless["time"] = "yesterday".into();
    let mut keyless = request();
    keyless["iKey"] = "".into();
    let long = message(&"x".repeat(70_000), &json!({}));
    let other = envelope("AvailabilityData", &json!({}));

    let items = json!([timeless, request(), keyless, long, other, {"name": "nothing"}]);
    let got = track(&telemetry, &items).await;

    let answer = got.json();
    assert_eq!((got.status, &answer["itemsAccepted"]), (206, &json!(1)));
    let errors = answer["errors"].as_array().unwrap();
    let places: Vec<_> = errors.iter().map(|error| &error["index"]).collect();
    assert_eq!(places, [0, 2, 3, 4, 5]);
    assert!(errors.iter().all(|error| error["statusCode"] == 400));
    assert!(telemetry.raw_trace(TRACE).is_some());
}

#[tokio::test]
async fn nothing_that_can_be_taken_is_400() {
    for body in ["[", "[1", "no JSON", "[{}]", "{}"] {
        let token = bearer(&for_ingestion());
        let headers = [("authorization", token.as_str())];

        let got = track_with(&telemetry(), &headers, body).await.unwrap();

        assert_eq!(got.status, 400, "{body}");
    }
}

#[tokio::test]
async fn what_is_too_much_is_refused_before_it_is_unpacked() {
    let token = bearer(&for_ingestion());
    let bomb = gzip(&vec![b' '; body::MAX_BYTES + 1]);
    assert!(bomb.len() < 100_000);
    for (name, sent, coding, status) in [
        ("a bomb", bomb, "gzip", 413),
        (
            "too long as it is",
            vec![b' '; body::MAX_PACKED_BYTES + 1],
            "identity",
            413,
        ),
        (
            "too many",
            format!("[{}0]", "0,".repeat(20_000)).into_bytes(),
            "identity",
            413,
        ),
        ("another coding", b"[]".to_vec(), "br", 415),
        ("not packed at all", b"[]".to_vec(), "gzip", 400),
    ] {
        let headers = [
            ("authorization", token.as_str()),
            ("content-encoding", coding),
        ];

        let got = track_with(&telemetry(), &headers, sent).await.unwrap();

        assert_eq!(got.status, status, "{name}");
    }
}

#[tokio::test]
async fn every_kind_of_item_finds_its_place() {
    let telemetry = telemetry();
    let dependency = envelope(
        "RemoteDependencyData",
        &json!({"id": CHILD, "name": "outputs", "duration": "1.02:03:04.5", "success": true}),
    );
    let exception = envelope(
        "ExceptionData",
        &json!({"exceptions": [{"typeName": "Overflow", "message": "too much"}]}),
    );
    let metric = envelope(
        "MetricData",
        &json!({"metrics": [{"name": "stockade.invocations", "value": 3.0, "count": 1}]}),
    );
    let audit = message("auth.denied", &json!({"target": "stockade::audit"}));

    let items = json!([request(), dependency, exception, metric, metric, audit]);
    let got = track(&telemetry, &items).await;

    assert_eq!(got.status, 200, "{:?}", got.json());
    let trace = get(&telemetry, &format!("/telemetry/traces/{TRACE}")).await;
    let trace = trace.json();
    assert_eq!(trace["spans"][0]["kind"], "server");
    assert_eq!(
        (&trace["spans"][1]["kind"], &trace["spans"][1]["durationMs"]),
        (&json!("internal"), &json!(93_784_500.0))
    );
    assert_eq!(
        (&trace["logs"][0]["level"], &trace["logs"][0]["message"]),
        (&json!("ERROR"), &json!("too much"))
    );
    assert_eq!(trace["logs"][0]["attributes"]["exception.type"], "Overflow");
    assert_eq!(trace["audit"][0]["message"], "auth.denied");
    let metric = &telemetry.report()["metrics"][0];
    assert_eq!(
        (&metric["value"], &metric["points"], &metric["sum"]),
        (&json!(3.0), &json!(2), &json!(6.0))
    );
}

#[tokio::test]
async fn other_addresses_are_not_there() {
    for (method, path, status) in [
        ("GET", "/v2/track", 405),
        ("POST", "/v2/other", 404),
        ("POST", "/", 404),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Full::<Bytes>::default()).unwrap();

        let got = telemetry().serve_ingestion(&TENANT, request).await;

        assert_eq!(got.unwrap().status(), status, "{method} {path}");
    }
}

#[test]
fn the_connection_string_names_key_and_endpoint() {
    let telemetry = telemetry();

    let string = telemetry.connection_string();

    let (key, endpoint) = string.split_once(';').unwrap();
    let key = key.strip_prefix("InstrumentationKey=").unwrap();
    assert!(Uuid::parse_str(key).is_ok(), "{key}");
    assert_eq!(
        endpoint,
        "IngestionEndpoint=https://devhost.ingestion.localhost:7074/"
    );
    assert_ne!(string, self::telemetry().connection_string());
}

#[tokio::test]
async fn an_audit_event_is_known_by_its_name_where_nobody_says_what_wrote_it() {
    for (message, target, is_audit) in [
        ("auth.denied", None, true),
        ("secret.ended", None, true),
        ("auth.denied", Some("orders"), false),
        ("anything", Some("stockade::audit"), true),
        ("auth.", None, false),
        ("auth.denied for good", None, false),
        ("order.placed", None, false),
    ] {
        let telemetry = telemetry();
        let properties = json!({"target": target});

        track(&telemetry, &json!([self::message(message, &properties)])).await;

        let kept = telemetry.report()["audit"] == 1;
        assert_eq!(kept, is_audit, "{message} {target:?}");
    }
}

#[tokio::test]
async fn a_line_whose_ids_are_all_zeros_is_of_no_trace() {
    let telemetry = telemetry();
    let mut loose = message("slow", &json!({}));
    loose["tags"]["ai.operation.id"] = "0".repeat(32).into();
    loose["tags"]["ai.operation.parentId"] = "0".repeat(16).into();

    track(&telemetry, &json!([loose])).await;

    assert_eq!(telemetry.report()["traces"], 0);
    let raw: Value = serde_json::from_str(&telemetry.raw_logs()).unwrap();
    assert_eq!(raw["logs"][0][0]["said"], loose);
}
