use super::*;

#[tokio::test]
async fn only_a_request_for_this_machine_by_name_is_answered() {
    let own = format!("127.0.0.1:{PORT}");
    let local_name = format!("localhost:{PORT}");
    for (host, status) in [
        (own.as_str(), 200),
        (local_name.as_str(), 200),
        ("127.0.0.1", 403),
        ("127.0.0.1:1", 403),
        ("evil.example:7072", 403),
        ("localhost.evil.example:7072", 403),
    ] {
        for path in ["/", "/telemetry/summary"] {
            let got = local(&telemetry(), "GET", path, &[("host", host)], "").await;

            assert_eq!(got.unwrap().status, status, "{host} {path}");
        }
        let headers = [("host", host), ("content-type", "application/x-protobuf")];
        let got = local(&telemetry(), "POST", "/v1/traces", &headers, "").await;
        assert_eq!(got.unwrap().status, status, "{host} OTLP");
    }
}

#[tokio::test]
async fn a_browser_may_load_nothing_from_elsewhere_nor_show_the_page_elsewhere() {
    let telemetry = telemetry();
    for path in [
        "/",
        "/page.js",
        "/page.css",
        "/telemetry/invocations",
        "/telemetry/nothing",
    ] {
        let got = get(&telemetry, path).await;

        let header = |name: &str| got.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        let policy = header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        let is_cors = |name: &http::HeaderName| name.as_str().starts_with("access-control");
        assert!(!got.headers.keys().any(is_cors), "{path}");
    }
    let posted = local(&telemetry, "POST", "/telemetry/summary", &[], "").await;
    assert_eq!(posted.unwrap().status, 405);
}

#[test]
fn the_files_of_the_page_make_no_markup_of_data() {
    for (path, _, content) in page::FILES {
        for banned in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
        ] {
            assert!(!content.contains(banned), "{path}: {banned}");
        }
    }
}

#[tokio::test]
async fn what_did_not_change_is_not_told_again() {
    let telemetry = telemetry();
    let path = "/telemetry/invocations";
    let first = get(&telemetry, path).await;
    let version = first.json()["version"].as_u64().unwrap();
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let ask = async || {
        let since = get(&telemetry, &format!("{path}?since={version}")).await;
        let headers = [("if-none-match", tag.as_str())];
        let tagged = local(&telemetry, "GET", path, &headers, "").await;
        [since.status, tagged.unwrap().status]
    };

    let unchanged = ask().await;
    export(&telemetry, vec![root_span()]).await;
    let changed = ask().await;

    assert_eq!((unchanged, changed), ([304, 304], [200, 200]));
    telemetry.forget();
    let later = get(&telemetry, path).await.json()["version"].as_u64();
    assert!(later > Some(version + 1), "{later:?}");
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused() {
    for query in ["limit=many", "since=", "before=-1", "order=up"] {
        let got = get(&telemetry(), &format!("/telemetry/invocations?{query}")).await;

        assert_eq!(got.status, 400, "{query}");
    }
}

/// An invocation of a function, the `number`th.
fn invocation(number: u64, function: &str, outcome: &str, rule: &str) -> Span {
    Span {
        trace_id: bytes_of(&format!("{:032x}", number + 1)),
        attributes: vec![
            attribute("faas.name", function),
            attribute("stockade.outcome", outcome),
            attribute("error.type", rule),
        ],
        ..root_span()
    }
}

#[tokio::test]
async fn invocations_are_told_newest_first_in_pages_and_by_what_is_asked_for() {
    let telemetry = telemetry();
    let spans = (0..7).map(|number| match number % 2 {
        0 => invocation(number, "hello", "succeeded", ""),
        _ => invocation(number, "create-order", "denied", "expired"),
    });
    export(&telemetry, spans.collect()).await;
    let numbers = async |query: &str| {
        let got = get(&telemetry, &format!("/telemetry/invocations?{query}"))
            .await
            .json();
        let items = got["items"].as_array().unwrap().iter();
        let number = |item: &Value| u64::from_str_radix(item["traceId"].as_str().unwrap(), 16);
        let numbers: Vec<u64> = items.map(|item| number(item).unwrap() - 1).collect();
        (numbers, got["next"].as_u64())
    };

    let (first, next) = numbers("limit=3").await;
    assert_eq!(first, [6, 5, 4]);
    let (second, next) = numbers(&format!("limit=3&before={}", next.unwrap())).await;
    assert_eq!(second, [3, 2, 1]);
    let last = numbers(&format!("limit=3&before={}", next.unwrap())).await;
    assert_eq!(last, (vec![0], None));
    assert_eq!(numbers("function=hello").await.0, [6, 4, 2, 0]);
    assert_eq!(numbers("outcome=denied&limit=2").await.0, [5, 3]);
    assert_eq!(numbers("outcome=denied&function=hello").await.0, [0; 0]);
}

#[tokio::test]
async fn the_summary_counts_by_function_and_rule() {
    let telemetry = telemetry();
    export(
        &telemetry,
        vec![
            invocation(0, "hello", "succeeded", ""),
            invocation(1, "hello", "failed", "panic"),
            invocation(2, "hello", "denied", "expired"),
            invocation(3, "order-worker", "rejected", "invalid_input"),
        ],
    )
    .await;
    let quarantined = message(
        "event.quarantined",
        &json!({"target": "stockade::audit", "function.name": "order-worker", "count": "2"}),
    );
    track(&telemetry, &json!([quarantined])).await;

    let summary = get(&telemetry, "/telemetry/summary").await.json();

    assert_eq!(summary["app"], "orders");
    assert_eq!(
        (
            &summary["invocations"],
            &summary["refusals"],
            &summary["failures"]
        ),
        (&json!(4), &json!(2), &json!(1))
    );
    assert_eq!(
        summary["functions"]["order-worker"],
        json!({"invocations": 1, "refusals": 1, "failures": 0, "quarantined": 2})
    );
    assert_eq!(summary["rules"]["expired"], 1);
    assert_eq!(
        (&summary["dropped"], &summary["bound"]),
        (&json!(0), &json!(10_000))
    );
    let events = get(&telemetry, "/telemetry/audit?event=event.quarantined")
        .await
        .json();
    assert_eq!(events["items"][0]["attributes"]["count"], "2");
    let others = get(&telemetry, "/telemetry/audit?event=auth.denied")
        .await
        .json();
    assert_eq!(others["items"], json!([]));
}
