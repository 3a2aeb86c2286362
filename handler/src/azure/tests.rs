//! The whole way through the real SDK, in a process of its own: the SDK reads the environment by
//! itself, and no test sets that of all others.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;

use super::testing::{Answer, StandIn, issue, secret, vault, vault_that};
use super::*;
use crate::secrets::vault::{ObjectName, VaultError};
use crate::settings::Process;
use crate::telemetry::{JsonLines, Sink, When};

/// What the child found: the value and how long its callers waited, or what went wrong.
#[derive(Debug)]
struct Found(Value);

/// Runs [`child`] beside these stand-ins.
async fn read_in_a_child(vault: &StandIn, endpoint: &StandIn, more: &[(&str, String)]) -> Found {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, vault.authority.as_deref().expect("TLS")).expect("written");

    let mut environment: BTreeMap<_, _> = vault.vault_settings();
    let identity = format!("http://{}/msi/token", endpoint.address);
    for (name, value) in [
        ("SSL_CERT_FILE", authority.display().to_string()),
        ("IDENTITY_ENDPOINT", identity),
        ("IDENTITY_HEADER", "the-header-secret".to_owned()),
        (CHILD, "1".to_owned()),
    ]
    .into_iter()
    .chain(more.iter().cloned())
    {
        environment.insert(name.to_owned(), value);
    }
    let mut command = std::process::Command::new(std::env::current_exe().expect("a path"));
    command
        .args(["--exact", "azure::tests::child", "--nocapture"])
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.expect("no panic").expect("a child");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix(MARK));
    let line = line.unwrap_or_else(|| {
        panic!("{text}{}", String::from_utf8_lossy(&output.stderr));
    });
    Found(serde_json::from_str(line).expect("JSON"))
}

/// Not a test by itself: what the others run in a process of its own.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let log = Log::default();
    let lines = tracing_subscriber::registry().with(JsonLines::to(log.clone()));
    tracing::subscriber::set_global_default(lines).expect("the first of this process");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut found = runtime.block_on(async {
        let mut problems = Problems::new();
        let Some(vault) = open_vault(&Process, &mut problems) else {
            return json!({ "problems": problems.to_string() });
        };
        let name = ObjectName::new("erp-key").expect("a name");
        let patience = std::env::var("PATIENCE_MS").ok();
        let patience = patience.map_or(5000, |text| text.parse().expect("a number"));
        let patience = Duration::from_millis(patience);
        let mut gave_up = 0;
        loop {
            match tokio::time::timeout(patience, vault.get(name, None)).await {
                Ok(Ok(secret)) => {
                    return json!({ "value": secret.value.expose_secret(), "gave_up": gave_up });
                }
                Ok(Err(error)) => return json!({ "error": told(&error) }),
                Err(_) => gave_up += 1,
            }
            if gave_up > 200 {
                return json!({ "gave_up": gave_up });
            }
        }
    });
    found["log"] = log.0.lock().expect("no panic").concat().into();
    println!("\n{MARK}{found}");
}

/// Every line of every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Sink for Log {
    fn line(&self, line: &str, _: When) {
        self.0.lock().expect("no panic").push(line.to_owned());
    }
}

fn told(error: &VaultError) -> String {
    format!("{error:?}: {error}")
}

const CHILD: &str = "STOCKADE_TEST_CHILD";
const MARK: &str = "found: ";

impl Found {
    fn value(&self) -> Option<&str> {
        self.0["value"].as_str()
    }

    /// What it came down to, and every line of the log.
    fn text(&self) -> String {
        self.0.to_string()
    }
}

#[tokio::test]
async fn a_secret_is_read_with_the_platforms_identity() {
    let vault = vault().await;
    let endpoint = StandIn::http(|_, _| issue("the-token")).await;

    let found = read_in_a_child(&vault, &endpoint, &[]).await;

    assert_eq!(found.value(), Some("the value"), "{found:?}");
    let asked = endpoint.requests();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains("x-identity-header: the-header-secret\r\n"));
    assert!(asked[0].contains("resource=https%3a%2f%2fvault.localhost"));
    assert!(!asked[0].contains("client_id"));
    let requests = vault.requests();
    assert!(!requests[0].contains("authorization"));
    assert!(requests[1].contains("authorization: bearer the-token\r\n"));
    assert!(!requests.concat().contains("the-header-secret"));
}

#[tokio::test]
async fn a_user_assigned_identity_is_asked_for_by_its_client_id() {
    let vault = vault().await;
    let endpoint = StandIn::http(|_, _| issue("the-token")).await;
    let id = "eeeeeeee-0000-4000-8000-000000000007".to_owned();

    let more = [("STOCKADE__IDENTITY__CLIENT_ID", id.clone())];
    let found = read_in_a_child(&vault, &endpoint, &more).await;

    assert_eq!(found.value(), Some("the value"), "{found:?}");
    assert!(endpoint.requests()[0].contains(&format!("client_id={id}")));
}

#[tokio::test]
async fn a_proxy_that_the_environment_names_sees_nothing() {
    let vault = vault().await;
    let endpoint = StandIn::http(|_, _| issue("the-token")).await;
    let proxy = StandIn::http(|_, _| Answer::new(502, "")).await;
    let address = format!("http://{}", proxy.address);

    let more = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ]
    .map(|name| (name, address.clone()));
    let found = read_in_a_child(&vault, &endpoint, &more).await;

    assert_eq!(found.value(), Some("the value"), "{found:?}");
    assert!(proxy.requests().is_empty(), "{:?}", proxy.requests());
}

#[tokio::test]
async fn callers_with_less_patience_than_the_endpoint_needs_get_their_token_all_the_same() {
    let vault = vault().await;
    let endpoint =
        StandIn::http(|_, _| issue("the-token").after(Duration::from_millis(2500))).await;

    let more = [("PATIENCE_MS", "150".to_owned())];
    let found = read_in_a_child(&vault, &endpoint, &more).await;

    assert_eq!(found.value(), Some("the value"), "{found:?}");
    assert!(found.0["gave_up"].as_u64() > Some(5), "{found:?}");
    assert_eq!(endpoint.requests().len(), 1);
}

#[tokio::test]
async fn what_the_endpoint_says_is_in_no_error() {
    let rows = [
        (
            Answer::new(400, "secret words"),
            "does not know the identity",
        ),
        (Answer::new(403, "secret words"), "answers with an error"),
        (Answer::new(200, "secret words"), "is no token"),
        (
            Answer::json(&json!({
                "access_token": "secret words", "expires_on": "1", "token_type": "Bearer",
                "resource": "https://vault.localhost",
            })),
            "has expired",
        ),
        (Answer::new(200, vec![b'x'; 1 << 20]), "too large"),
        (
            Answer::new(429, "secret words").with("Retry-After", "3600"),
            "answers with an error",
        ),
    ];
    let vault = vault_that(|_| Answer::json(&secret())).await;
    for (answer, expected) in rows {
        let endpoint = StandIn::http(move |_, _| answer.clone()).await;

        let found = read_in_a_child(&vault, &endpoint, &[]).await;

        assert!(found.text().contains("Identity"), "{found:?}");
        assert!(found.text().contains(expected), "{expected}: {found:?}");
        assert!(!found.text().contains("secret words"), "{found:?}");
    }
}

#[tokio::test]
async fn no_line_of_any_level_holds_a_token_or_a_secret() {
    let vault = vault().await;
    let endpoint = StandIn::http(|_, _| issue("the-token")).await;

    let found = read_in_a_child(&vault, &endpoint, &[]).await;

    assert_eq!(found.value(), Some("the value"), "{found:?}");
    let log = found.0["log"].as_str().expect("a log");
    // What `run` switches off is seen here.
    assert!(log.contains("/secrets/erp-key"), "{log}");
    for hidden in ["the-token", "the value", "the-header-secret"] {
        assert!(!log.contains(hidden), "{hidden}: {log}");
    }
}

#[tokio::test]
async fn an_identity_endpoint_on_another_machine_is_never_asked() {
    let vault = vault().await;
    let endpoint = StandIn::http(|_, _| issue("the-token")).await;

    let more = [("IDENTITY_ENDPOINT", "http://192.0.2.1/msi/token".to_owned())];
    let found = read_in_a_child(&vault, &endpoint, &more).await;

    assert!(found.text().contains("IDENTITY_ENDPOINT"), "{found:?}");
    assert!(found.0["problems"].is_string());
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let settings: BTreeMap<String, String> = [(
        "STOCKADE__IDENTITY__CLIENT_ID".to_owned(),
        "orders".to_owned(),
    )]
    .into();
    let mut problems = Problems::new();

    assert!(open_vault(&settings, &mut problems).is_none());

    let text = problems.to_string();
    assert!(text.contains("STOCKADE__SECRETS__VAULT_URI"), "{text}");
    assert!(text.contains("STOCKADE__IDENTITY__CLIENT_ID"), "{text}");
}
