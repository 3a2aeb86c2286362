//! Samples, tokens and calls.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
fn a_sample_is_accepted_by_the_running_handler() {
    let project = Project::new();
    let sample = project.run(&["sample", "order-worker"]).json();
    let mut wrong = sample.clone();
    wrong["orderId"] = json!("");
    let handler = Handler::start();

    assert_eq!(handler.deliver("order-worker", &sample), 200);
    assert_eq!(handler.deliver("order-worker", &wrong), 422);
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

/// The handler, serving as it does for the host.
struct Handler {
    process: Child,
    port: u16,
}

impl Handler {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = Command::new(env!("CARGO_BIN_EXE_handler"))
            .env_clear()
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .env("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
            .env(
                "STOCKADE__AUTH__TENANTS",
                "7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384",
            )
            .env(
                "STOCKADE__AUTH__AUDIENCES",
                "e2a5d1b0-6f47-4c39-8a1e-5b7d90c3f612",
            )
            .env("STOCKADE__AUTH__INSECURE_AUTHORITY", "http://127.0.0.1:9")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let handler = Self { process, port };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the handler does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        handler
    }

    /// Delivers a message as the host does, and gives the status that the host is told.
    fn deliver(&self, function: &str, message: &Value) -> u16 {
        let message = STANDARD.encode(message.to_string());
        let body =
            json!({"Data": {"item": message}, "Metadata": {"DequeueCount": "1"}}).to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "POST /{function} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX-Azure-Functions-InvocationId: 2c3f5a8e-41d7-4b0a-9a51-0c6d9e7f1a2b\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
