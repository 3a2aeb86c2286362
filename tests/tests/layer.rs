//! A plain axum service behind the check says what the pipeline says, and its handlers see no more.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use stockade_tests::process::{PATIENCE, Process, UNTIL_STDIN_CLOSES, poll};
use stockade_tests::{Answer, App, Host, Request, Setup, binaries};

/// The example `service` of the library.
struct Service {
    process: Process,
    port: u16,
}

impl Service {
    /// A service that trusts the stand-in tenant of `host`.
    fn start(host: &Host) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", UNTIL_STDIN_CLOSES])
            .arg(binaries::example("service"))
            .arg("127.0.0.1:0")
            .env_clear()
            .envs(trust(host))
            .stdin(Stdio::piped());
        let process = Process::start(&mut command);
        let address = process.wait_for("the service to serve", |lines| {
            lines.iter().find_map(|line| {
                let line: Value = serde_json::from_str(line).ok()?;
                Some(line["address"].as_str()?.to_owned())
            })
        });
        let port = address.rsplit_once(':').map(|(_, port)| port.parse());
        let port = port.and_then(Result::ok).expect("an address has a port");
        Self { process, port }
    }

    fn order(&self, token: &str) -> Answer {
        order().bearer(token).send(self.port)
    }

    /// The log lines that tell of a refusal.
    fn refusals(&self) -> Vec<Value> {
        let lines = self.process.lines();
        let lines = lines
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines
            .filter(|line: &Value| line["outcome"] == "denied")
            .collect()
    }
}

/// The settings by which an app trusts the stand-in tenant of `host`, and no other.
fn trust(host: &Host) -> [(&'static str, &str); 4] {
    [
        ("AZURE_FUNCTIONS_ENVIRONMENT", "Development"),
        ("STOCKADE__AUTH__INSECURE_AUTHORITY", host.tenant()),
        (
            "STOCKADE__AUTH__TENANTS",
            "7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384",
        ),
        (
            "STOCKADE__AUTH__AUDIENCES",
            "e2a5d1b0-6f47-4c39-8a1e-5b7d90c3f612",
        ),
    ]
}

/// The reference app, whose function `create-order` asks for the same scope.
fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Setup::of(App::Reference).start())
}

fn service() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(|| Service::start(host()))
}

fn order() -> Request {
    Request::post("/orders").body("text/plain", "a book")
}

/// What a refused caller sees; only the id of the invocation is left out.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    headers: Vec<(&'static str, Option<String>)>,
    problem: Value,
}

fn seen(answer: &Answer) -> Seen {
    let header = |name| (name, answer.header(name).map(str::to_owned));
    let mut problem = answer.json();
    if let Some(problem) = problem.as_object_mut() {
        problem.remove("instance");
    }
    Seen {
        status: answer.status,
        headers: [
            "www-authenticate",
            "retry-after",
            "content-type",
            "cache-control",
            "content-security-policy",
            "referrer-policy",
            "strict-transport-security",
            "x-content-type-options",
        ]
        .map(header)
        .into(),
        problem,
    }
}

#[test]
fn a_caller_with_the_scope_gets_through_with_its_body() {
    let answer = service().order(&host().token_with(&["Orders.Write"]));

    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.text();
    let [caller, _, body] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("{text}");
    };
    assert!(
        caller.starts_with("7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384/"),
        "{caller}"
    );
    assert_eq!(body, "a book");
}

#[test]
fn the_route_outside_the_layer_is_open_and_no_path_within_it_is() {
    let ask = |path: &str| Request::get(path).send(service().port).status;

    assert_eq!(ask("/ready"), 204);
    // Neither the method nor the path is told to a stranger.
    for path in ["/orders", "/orders/", "/other"] {
        assert_eq!(ask(path), 401, "{path}");
    }
}

#[test]
fn each_refusal_is_the_pipelines_to_the_letter() {
    let good = host().token_with(&["Orders.Write"]);
    let made = |wanted: Value| format!("Bearer {}", host().token(&wanted));
    let with = |what: &str, value: Value| made(json!({"scopes": ["Orders.Write"], what: value}));
    let an_hour_ago = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() - 3600;
    let cases = [
        ("no token", 401, None),
        ("no scheme", 401, Some(good.clone())),
        ("another scheme", 401, Some("Basic YTpi".to_owned())),
        ("two spaces", 401, Some(format!("Bearer  {good}"))),
        (
            "no token at all",
            401,
            Some("Bearer not.a.token".to_owned()),
        ),
        (
            "cut off",
            401,
            Some(format!("Bearer {}", &good[..good.len() - 2])),
        ),
        (
            "expired",
            401,
            Some(with("overrides", json!({"exp": an_hour_ago}))),
        ),
        (
            "not yet",
            401,
            Some(with("overrides", json!({"nbf": an_hour_ago + 7200}))),
        ),
        ("v1", 401, Some(with("version", json!("1.0")))),
        (
            "another audience",
            401,
            Some(with("audience", json!("another"))),
        ),
        (
            "another tenant",
            401,
            Some(with(
                "tenant",
                json!("3d9e5f60-84c1-4b27-a6f3-07d2c95e18ab"),
            )),
        ),
        (
            "a foreign key",
            401,
            Some(with("signed_by", json!("foreign"))),
        ),
        (
            "unsigned",
            401,
            Some(with("header_overrides", json!({"alg": "none"}))),
        ),
        (
            "an unknown key",
            401,
            Some(with("header_overrides", json!({"kid": "another"}))),
        ),
        (
            "an ID token",
            401,
            Some(with("overrides", json!({"nonce": "1"}))),
        ),
        (
            "another scope",
            403,
            Some(made(json!({"scopes": ["Orders.Read"]}))),
        ),
        (
            "a role in place of the scope",
            403,
            Some(made(json!({"kind": "app", "roles": ["Orders.Write"]}))),
        ),
    ];
    for (name, status, credentials) in cases {
        let ask = |path: &str, port| {
            let request = Request::post(path).json(&json!({}));
            match &credentials {
                Some(credentials) => request.header("Authorization", credentials).send(port),
                None => request.send(port),
            }
        };

        let answer = ask("/orders", service().port);
        let pipelines = ask("/api/orders", host().port);

        assert_eq!(answer.status, status, "{name}: {answer:?}");
        assert!(
            answer.header("www-authenticate").is_some(),
            "{name}: {answer:?}"
        );
        assert_eq!(seen(&answer), seen(&pipelines), "{name}");
    }
}

#[test]
fn forged_identity_headers_never_reach_the_handler() {
    let token = host().token_with(&["Orders.Write"]);
    let answer = order()
        .bearer(&token)
        .header("X-MS-CLIENT-PRINCIPAL", "eyJhdXRoX3R5cCI6ImFhZCJ9")
        .header("X-MS-CLIENT-PRINCIPAL-ID", "ada")
        .header("x_ms_client_principal_name", "ada")
        .header("X-MS-TOKEN-AAD-ACCESS-TOKEN", &token)
        .header("X-ARR-ClientCert", "MIIB")
        .header("X-Forwarded-For", "10.0.0.1")
        .header("Forwarded", "for=10.0.0.1")
        .header("x-functions-key", "guess")
        .header("X-Order", "1")
        .send(service().port);

    let text = answer.text();
    let mut names: Vec<_> = text.lines().nth(1).unwrap_or_default().split(' ').collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "authorization",
            "connection",
            "content-length",
            "content-type",
            "host",
            "x-order"
        ]
    );
}

#[test]
fn a_body_is_asked_for_only_after_the_caller_was_accepted() {
    let first_line = |token: &str| {
        let request = Request::post("/orders")
            .bearer(token)
            .header("Content-Type", "text/plain")
            .header("Content-Length", "6")
            .header("Expect", "100-continue");
        let mut stream = request.open(service().port);
        let mut line = [0; 12];
        stream.read_exact(&mut line).expect("an answer");
        String::from_utf8_lossy(&line).into_owned()
    };

    assert_eq!(
        first_line(&host().token_with(&["Orders.Write"])),
        "HTTP/1.1 100"
    );
    assert_eq!(
        first_line(&host().token_with(&["Orders.Read"])),
        "HTTP/1.1 403"
    );
    assert_eq!(first_line("not.a.token"), "HTTP/1.1 401");
}

#[test]
fn each_refusal_is_one_line_and_no_token_is_in_any() {
    let service = Service::start(host());
    let foreign = host().token(&json!({"scopes": ["Orders.Write"], "signed_by": "foreign"}));
    let unscoped = host().token_with(&["Orders.Read"]);
    let good = host().token_with(&["Orders.Write"]);

    for token in [&foreign, &unscoped, &good] {
        service.order(token);
    }

    let refusals = poll("the refusals", || {
        let refusals = service.refusals();
        (refusals.len() >= 2).then_some(refusals)
    });
    let rules: Vec<_> = refusals.iter().map(|line| &line["rule"]).collect();
    assert_eq!(rules, ["unknown_key", "missing_permission"]);
    let output = service.process.lines().concat();
    for token in [foreign, unscoped, good] {
        for part in token.split('.').skip(1) {
            assert!(!output.contains(part), "{output}");
        }
    }
}

#[test]
fn a_service_starts_while_its_tenant_is_down_and_recovers_by_itself() {
    let host = Setup::of(App::Reference).start();
    let token = host.token_with(&["Orders.Write", "Orders.Read"]);
    let down = |kind: &str| host.fault(&json!({"target": "discovery", "kind": kind}));
    down("down");
    let service = Service::start(&host);
    let mut setup = Setup::of(App::Reference);
    for (name, value) in trust(&host) {
        setup = setup.setting(name, value);
    }
    let handler = setup.start_handler();
    let quote = Request::get("/api/quote?sku=SKU-00001&quantity=1").bearer(&token);

    let ready = || Request::get("/ready").send(service.port).status;
    let ready_during = ready();
    let during = service.order(&token);
    let pipelines = handler.direct(quote).send(handler.port);
    down("none");
    // Nobody has to call for the keys to come.
    poll("the keys", || (ready() == 204).then_some(()));
    let after = service.order(&token);

    assert_eq!(ready_during, 503);
    assert_eq!((during.status, pipelines.status), (503, 503));
    let wait: u64 = during.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=16).contains(&wait), "{wait}");
    let without_the_wait = |answer: &Answer| {
        let mut seen = seen(answer);
        seen.headers.retain(|(name, _)| *name != "retry-after");
        seen
    };
    assert_eq!(without_the_wait(&during), without_the_wait(&pipelines));
    assert_eq!(after.status, 200, "{after:?}");
}

#[test]
fn everything_that_is_wrong_with_the_settings_is_told_at_once_and_nothing_listens() {
    let mut command = Command::new(binaries::example("service"));
    command
        .arg("127.0.0.1:0")
        .env_clear()
        .env("STOCKADE__AUTH__TENNANTS", "any");

    let mut process = Process::start(&mut command);
    let status = process.wait_for_end(PATIENCE);

    assert_eq!(status.code(), Some(1));
    let output = process.lines().join("\n");
    for name in [
        "STOCKADE__AUTH__TENNANTS",
        "STOCKADE__AUTH__TENANTS",
        "STOCKADE__AUTH__AUDIENCES",
    ] {
        assert!(output.contains(&format!("{name}: ")), "{output}");
    }
    assert!(!output.contains("address"), "{output}");
}
