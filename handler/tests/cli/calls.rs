//! Samples, tokens and calls.

use serde_json::{Value, json};

use super::support::{FakeDevhost, Project, Received, TOKEN, repository};

#[test]
fn a_token_carries_what_the_rules_name_unless_told_otherwise() {
    let project = Project::new();
    let devhost = FakeDevhost::start(&project, 200);

    let usual = project.run(&["token"]);
    let narrow = project.run(&["token", "--scope", "Orders.Read", "--lifetime", "5m"]);
    let daemon = project.run(&["token", "--app"]);

    assert_eq!((usual.code, usual.output), (Some(0), format!("{TOKEN}\n")));
    assert_eq!((narrow.code, daemon.code), (Some(0), Some(0)));
    let asked: Vec<_> = devhost.requests().iter().map(Received::json).collect();
    let request = |kind, scopes: Value, roles: Value, seconds| json!({"kind": kind, "scopes": scopes, "roles": roles, "lifetime_seconds": seconds});
    assert_eq!(
        asked,
        [
            request(
                "user",
                json!(["Orders.Read", "Orders.Write"]),
                json!([]),
                3600
            ),
            request("user", json!(["Orders.Read"]), json!([]), 300),
            request("app", json!([]), json!(["Orders.Read.All"]), 3600),
        ]
    );
}

#[test]
fn an_http_function_is_invoked_at_its_route_with_a_fresh_token() {
    let project = Project::new();
    let devhost = FakeDevhost::start(&project, 202);

    let ran = project.run(&["invoke", "create-order", "--sample"]);

    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.json(), json!({"answered": true}));
    let requests = devhost.requests();
    assert_eq!(requests[0].json()["scopes"], json!(["Orders.Write"]));
    let call = &requests[1];
    assert_eq!(call.line, "POST /api/orders HTTP/1.1");
    assert_eq!(
        call.header("authorization"),
        Some(format!("Bearer {TOKEN}").as_str())
    );
    assert_eq!(call.header("content-type"), Some("application/json"));
    assert_eq!(call.json(), project.run(&["sample", "create-order"]).json());
}

#[test]
fn the_command_line_decides_query_token_and_body() {
    let project = Project::new();
    let devhost = FakeDevhost::start(&project, 200);
    project.write("order.json", r#"{"mine":1}"#);

    for arguments in [
        vec![
            "invoke",
            "quote",
            "--query",
            "sku=A&B",
            "--query",
            "quantity=2",
            "--anonymous",
        ],
        vec![
            "invoke",
            "create-order",
            "--data",
            "@order.json",
            "--token",
            "own",
        ],
        vec!["invoke", "health"],
    ] {
        let ran = project.run(&arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    }

    let requests = devhost.requests();
    assert_eq!(requests.len(), 3, "{requests:?}");
    assert_eq!(
        requests[0].line,
        "GET /api/quote?sku=A%26B&quantity=2 HTTP/1.1"
    );
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(requests[1].body, r#"{"mine":1}"#);
    assert_eq!(requests[1].header("authorization"), Some("Bearer own"));
    assert_eq!(requests[2].header("authorization"), None);
}

#[test]
fn any_other_function_is_run_with_the_master_key() {
    let project = Project::new();
    let devhost = FakeDevhost::start(&project, 202);
    let fixture = repository().join("tests/fixtures/queue.json");

    let timer = project.run(&["invoke", "nightly"]);
    let message = project.run(&[
        "invoke",
        "order-worker",
        "--fixture",
        fixture.to_str().unwrap(),
    ]);

    assert_eq!((timer.code, message.code), (Some(0), Some(0)));
    let requests = devhost.requests();
    assert_eq!(requests[0].line, "POST /admin/functions/nightly HTTP/1.1");
    assert_eq!(requests[0].header("x-functions-key"), Some("not-a-key"));
    assert_eq!(requests[0].json(), json!({}));
    let input: Value = serde_json::from_str(requests[1].json()["input"].as_str().unwrap()).unwrap();
    assert_eq!(input["orderId"], "A-1001");
}

#[test]
fn a_recorded_request_is_sent_again_with_its_query_and_body() {
    let project = Project::new();
    let devhost = FakeDevhost::start(&project, 200);
    let fixture = repository().join("tests/fixtures/http.json");

    let ran = project.run(&[
        "invoke",
        "create-order",
        "--anonymous",
        "--fixture",
        fixture.to_str().unwrap(),
    ]);

    assert_eq!(ran.code, Some(0), "{ran:?}");
    let call = &devhost.requests()[0];
    assert_eq!(call.line, "POST /api/orders?dryRun=true HTTP/1.1");
    assert_eq!(call.json()["lines"], json!([{"sku": "TEA", "n": 1}]));
}

#[test]
fn a_call_that_fails_ends_with_1() {
    let project = Project::new();
    let _devhost = FakeDevhost::start(&project, 403);

    let ran = project.run(&["invoke", "health", "--json"]);
    let told = project.run(&["invoke", "health"]);

    assert_eq!((ran.code, told.code), (Some(1), Some(1)));
    assert_eq!(ran.json()["status"], 403);
    assert!(told.remarks.contains("403"), "{told:?}");
    assert!(told.remarks.contains("Next:"), "{told:?}");
}

#[test]
fn samples_of_get_functions_are_queries() {
    let project = Project::new();

    assert_eq!(
        project.run(&["sample", "quote"]).output,
        "quantity=1&sku=SKU-00001\n"
    );
    let nothing = project.run(&["sample", "health"]);
    assert_eq!((nothing.code, nothing.output.as_str()), (Some(0), ""));
    assert!(nothing.remarks.contains("no input"), "{nothing:?}");
}
