use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::layer::SubscriberExt as _;

use super::super::certificates::testing::{client, self_signed};
use super::super::testing::{TestClock, TestTenant, TestToken};
use super::*;
use crate::access;
use crate::telemetry::{JsonLines, Sink, When};

/// A tenant and a service that trusts it.
struct Harness {
    tenant: TestTenant,
    clock: Arc<TestClock>,
    entra: Entra,
    log: Log,
}

impl Harness {
    fn new() -> Self {
        Self::with_settings(&[])
    }

    fn with_settings(changes: &[(&str, &str)]) -> Self {
        let tenant = TestTenant::new();
        let clock = Arc::new(TestClock::new());
        let fetch = Arc::new(tenant.clone());
        let settings = tenant.settings(changes);
        let tokens = Tokens::with_fetch(&settings, clock.clone(), fetch);
        let certificates = settings.certificates.as_ref();
        let certificates =
            certificates.map(|settings| Arc::new(Certificates::new(settings, clock.clone())));
        Self {
            tenant,
            clock,
            entra: Entra {
                certificates,
                ..Entra::with_tokens(Arc::new(tokens))
            },
            log: Log::default(),
        }
    }

    /// One protected route, whose handler answers with what it sees.
    fn router(&self) -> Router {
        Router::new()
            .route("/orders", post(create_order))
            .layer(self.entra.layer(access::scope("Orders.Write")))
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let dispatch =
            Dispatch::new(tracing_subscriber::registry().with(JsonLines::to(self.log.clone())));
        let sent = self.router().oneshot(request).with_subscriber(dispatch);
        Answer::read(sent.await.unwrap_or_else(|never| match never {})).await
    }

    async fn call(&self, token: &str) -> Answer {
        self.send(order(token).body(Body::from("a book")).unwrap())
            .await
    }

    fn good(&self) -> TestToken {
        self.tenant.token()
    }

    fn expired(&self) -> TestToken {
        self.good().claim("nbf", 1).claim("exp", 2)
    }
}

async fn create_order(caller: Principal, headers: HeaderMap, order: String) -> String {
    let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    format!("{} {} {order}", caller.id(), names.join(","))
}

fn order(token: &str) -> http::request::Builder {
    Request::post("/orders").header(header::AUTHORIZATION, format!("Bearer {token}"))
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.into()).expect("a text"),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("ASCII"))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }
}

#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Sink for Log {
    fn line(&self, line: &str, _: When) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

impl Log {
    fn text(&self) -> String {
        self.0.lock().unwrap().concat()
    }

    fn lines(&self) -> Vec<Value> {
        let lines = self.0.lock().unwrap();
        let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }

    /// The lines at level `WARN` and above, without those of the audit trail.
    fn warnings(&self) -> Vec<Value> {
        let mut lines = self.lines();
        lines.retain(|line| line["level"] == "WARN" || line["level"] == "ERROR");
        lines.retain(|line| line["audit.id"].is_null());
        lines
    }

    /// The events of the audit trail.
    fn audit(&self) -> Vec<Value> {
        let mut lines = self.lines();
        lines.retain(|line| !line["audit.id"].is_null());
        lines
    }
}

#[tokio::test]
async fn a_call_that_satisfies_the_rule_reaches_the_service_with_its_caller() {
    let harness = Harness::new();
    let caller = harness.entra.tokens.verify(&harness.good().sign()).await;

    let answer = harness.call(&harness.good().sign()).await;

    assert_eq!(answer.status, StatusCode::OK);
    let id = caller.expect("the token is good").id().to_owned();
    assert_eq!(answer.text, format!("{id} authorization a book"));
    assert_eq!(harness.log.warnings(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_refusal_says_what_the_pipeline_says() {
    let harness = Harness::new();

    let none = harness
        .send(Request::post("/orders").body(Body::empty()).unwrap())
        .await;
    let expired = harness.call(&harness.expired().sign()).await;
    let unscoped = harness
        .call(&harness.good().claim("scp", "Orders.Read").sign())
        .await;

    for (answer, status, code, title, detail, challenge) in [
        (
            &none,
            401,
            "unauthorized",
            "Unauthorized",
            "A valid access token is required.",
            "Bearer",
        ),
        (
            &expired,
            401,
            "unauthorized",
            "Unauthorized",
            "A valid access token is required.",
            r#"Bearer error="invalid_token""#,
        ),
        (
            &unscoped,
            403,
            "forbidden",
            "Forbidden",
            "The token does not allow this call.",
            r#"Bearer error="insufficient_scope", scope="Orders.Write""#,
        ),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(
            answer.json(),
            json!({
                "type": "about:blank", "title": title, "status": status,
                "detail": detail, "code": code,
            })
        );
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json; charset=utf-8")
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn each_refusal_is_one_line_with_its_rule_and_without_its_token() {
    let harness = Harness::new();
    let expired = harness.expired().sign();
    let unscoped = harness.good().claim("scp", "Orders.Read").sign();

    harness.call(&expired).await;
    harness.call(&unscoped).await;

    let lines = harness.log.warnings();
    let rules: Vec<_> = lines.iter().map(|line| &line["rule"]).collect();
    assert_eq!(rules, ["expired", "missing_permission"]);
    for line in &lines {
        assert_eq!(line["message"], "request turned away");
        assert_eq!(line["outcome"], "denied");
    }
    assert_eq!(lines[0].get("principal.id"), None);
    assert!(lines[1]["principal.id"].is_string(), "{lines:?}");
    for token in [expired, unscoped] {
        for part in token.split('.') {
            assert!(!harness.log.text().contains(part), "{}", harness.log.text());
        }
    }
}

#[tokio::test]
async fn the_audit_trail_tells_who_was_let_in_and_who_was_not() {
    let harness = Harness::new();
    for token in [
        harness.good().sign(),
        harness.expired().sign(),
        harness.good().claim("scp", "Orders.Read").sign(),
    ] {
        harness.call(&token).await;
    }

    let mut events = harness.log.audit();
    events.retain(|event| event["message"] != "keys.changed");
    let told: Vec<_> = events
        .iter()
        .map(|event| (&event["message"], &event["rule"]))
        .collect();
    let rule = |text: &str| Value::from(text);
    assert_eq!(
        told,
        [
            (&rule("auth.succeeded"), &Value::Null),
            (&rule("auth.denied"), &rule("expired")),
            (&rule("access.refused"), &rule("missing_permission")),
        ]
    );
    assert!(events[0]["principal.tenant_id"].is_string(), "{events:?}");
    assert_eq!(events[1]["principal.tenant_id"], Value::Null);
}

#[tokio::test]
async fn no_header_that_claims_an_identity_reaches_the_service() {
    let harness = Harness::new();
    let request = order(&harness.good().sign())
        .header("x-ms-client-principal", "eyJhdXRoX3R5cCI6ImFhZCJ9")
        .header("X_MS_CLIENT_PRINCIPAL_ID", "ada")
        .header("x-forwarded-for", "10.0.0.1")
        .header("x-arr-clientcert", "MIIB")
        .header("x-order", "1");

    let answer = harness
        .send(request.body(Body::from("a book")).unwrap())
        .await;

    assert!(
        answer.text.contains(" authorization,x-order "),
        "{answer:?}"
    );
}

#[tokio::test]
async fn the_token_that_goes_on_is_marked_as_sensitive() {
    let harness = Harness::new();
    let inner = tower::service_fn(async |request: Request<Body>| {
        let shown = format!("{:?}", request.headers());
        Ok::<_, Infallible>(Response::new(Body::from(shown)))
    });
    let service = harness
        .entra
        .layer(access::scope("Orders.Write"))
        .layer(inner);
    let token = harness.tenant.token().sign();

    let answer = service.oneshot(order(&token).body(Body::empty()).unwrap());
    let answer = Answer::read(answer.await.unwrap_or_else(|never| match never {})).await;

    assert_eq!(answer.text, r#"{"authorization": Sensitive}"#);
}

/// A body that must not be read.
struct Untouched;

impl http_body::Body for Untouched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        panic!("the body was read")
    }
}

#[tokio::test]
async fn where_certificates_are_asked_for_a_token_alone_does_not_do() {
    let trusted = self_signed(&client());
    let pinned = hex(digest(&SHA256, trusted.der()).as_ref());
    let harness = Harness::with_settings(&[
        ("AZURE_FUNCTIONS_ENVIRONMENT", "Development"),
        ("STOCKADE__AUTH__CLIENT_CERTIFICATES", "app-service"),
        ("STOCKADE__AUTH__CLIENT_CERTIFICATE_THUMBPRINTS", &pinned),
    ]);
    let token = harness.tenant.token().sign();
    let with = |certificate: &rcgen::Certificate| {
        order(&token)
            .header("X-ARR-ClientCert", STANDARD.encode(certificate.der()))
            .body(Body::from("a book"))
            .unwrap()
    };

    assert_eq!(harness.send(with(&trusted)).await.status, StatusCode::OK);

    let stranger = self_signed(&client());
    assert_eq!(
        harness.send(with(&stranger)).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(harness.call(&token).await.status, StatusCode::FORBIDDEN);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn the_body_is_the_services_to_read() {
    let harness = Harness::new();
    let inner = tower::service_fn(async |request: Request<Untouched>| {
        let _unread: Untouched = request.into_body();
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("ran")))
    });
    let service = harness
        .entra
        .layer(access::scope("Orders.Write"))
        .layer(inner);
    let call = |token: String| {
        service
            .clone()
            .oneshot(order(&token).body(Untouched).unwrap())
    };

    let accepted = call(harness.good().sign()).await.expect("infallible");
    let refused = call(harness.expired().sign()).await.expect("infallible");

    assert_eq!(
        (accepted.status(), refused.status()),
        (StatusCode::OK, StatusCode::UNAUTHORIZED)
    );
}

/// A service that has to be prepared before each call, each clone by itself.
#[derive(Default)]
struct Prepared {
    is_ready: bool,
    clones: Arc<AtomicUsize>,
}

impl Clone for Prepared {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::Relaxed);
        Self {
            is_ready: false,
            clones: Arc::clone(&self.clones),
        }
    }
}

impl Service<Request<Body>> for Prepared {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called unprepared");
        std::future::ready(Ok(Response::new("ran".to_owned())))
    }
}

#[tokio::test]
async fn the_service_that_was_prepared_is_the_one_that_is_called() {
    let harness = Harness::new();
    let inner = Prepared::default();
    let clones = Arc::clone(&inner.clones);
    let mut service = harness
        .entra
        .layer(access::scope("Orders.Write"))
        .layer(inner);
    let token = harness.tenant.token().sign();

    for _ in 0..2 {
        let request = order(&token).body(Body::empty()).unwrap();
        let answer = service
            .ready()
            .await
            .expect("infallible")
            .call(request)
            .await;
        assert_eq!(answer.expect("infallible").body(), "ran");
    }

    assert_eq!(clones.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_handler_that_takes_the_caller_outside_every_layer_fails() {
    let harness = Harness::new();
    let unprotected = Router::new().route("/orders", post(create_order));
    let dispatch =
        Dispatch::new(tracing_subscriber::registry().with(JsonLines::to(harness.log.clone())));
    let request = order(&harness.good().sign()).body(Body::empty()).unwrap();

    let answer = unprotected.oneshot(request).with_subscriber(dispatch).await;
    let answer = Answer::read(answer.unwrap_or_else(|never| match never {})).await;

    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.json()["code"], "function_failed");
    let lines = harness.log.warnings();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let error = lines[0]["error"].as_str().unwrap_or_default();
    assert!(error.contains("stockade::auth::layer"), "{error}");
}

#[tokio::test]
async fn layers_stand_within_each_other_and_each_has_its_say() {
    let harness = Harness::new();
    let within = |rule| {
        let inner = harness.router();
        inner.layer(harness.entra.layer(rule))
    };
    let token = harness.tenant.token().sign();
    let call = |router: Router| router.oneshot(order(&token).body(Body::from("a book")).unwrap());

    let both = call(within(access::any_caller_of_this_app())).await;
    let outer_refuses = call(within(access::role("Orders.Write.All"))).await;

    assert_eq!(both.expect("infallible").status(), StatusCode::OK);
    assert_eq!(
        outer_refuses.expect("infallible").status(),
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn without_keys_the_answer_is_later_and_recovery_needs_no_help() {
    let harness = Harness::new();
    let token = harness.tenant.token().sign();
    harness.tenant.fail(500);

    let during = harness.call(&token).await;
    harness.tenant.recover();
    harness.clock.advance(Duration::from_secs(15));
    // The first call after the pause sends for the keys and does not wait for them.
    harness.call(&token).await;
    tokio::time::timeout(PREPARATION, async {
        while harness.call(&token).await.status != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the keys arrive");

    assert_eq!(during.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(during.json()["code"], "unavailable");
    assert_eq!(during.header("retry-after"), Some("2"));
    assert_eq!(during.header("www-authenticate"), None);
}

#[test]
#[should_panic(expected = "`any_of` names no rule")]
fn a_rule_that_nobody_can_satisfy_is_no_layer() {
    let _ = Harness::new().entra.layer(access::any_of([]));
}

#[tokio::test]
async fn all_problems_with_the_settings_are_told_at_once() {
    let source: BTreeMap<String, String> = [
        ("STOCKADE__AUTH__TENNANTS", "any"),
        ("STOCKADE__AUTH__CLOCK_SKEW_SECONDS", "many"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();

    let problems = Entra::from_source(&source)
        .await
        .expect_err("the settings are wrong");

    let named: Vec<_> = problems.iter().map(settings::Problem::name).collect();
    assert_eq!(
        named,
        [
            "STOCKADE__AUTH__TENNANTS",
            "STOCKADE__AUTH__TENANTS",
            "STOCKADE__AUTH__AUDIENCES",
            "STOCKADE__AUTH__CLOCK_SKEW_SECONDS",
        ]
    );
}
