//! The stand-ins for Azure as the handler and its clients find them: through the real binary, by the
//! environment that it hands to the handler, over real sockets.

mod client;
mod devhost;
mod telemetry;

use client::{Answer, Roots};
use devhost::Devhost;
use serde_json::{Value, json};
use std::time::Duration;

const SECRETS: &str = r#"{"erp-key": "the first value"}"#;

/// What the handler does to read a secret: it has nothing but its environment.
async fn read(devhost: &Devhost, name: &str) -> Answer {
    let token = devhost.token("https://vault.localhost").await;
    ask(devhost, name, Some(&token)).await.expect("an answer")
}

async fn ask(devhost: &Devhost, name: &str, token: Option<&str>) -> std::io::Result<Answer> {
    let uri = devhost.variable("STOCKADE__SECRETS__VAULT_URI");
    let roots = Roots::read(&devhost.variable("SSL_CERT_FILE"));
    let url = format!("{uri}secrets/{name}/?api-version=2025-07-01");
    client::get_tls(&url, &roots, token).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handler_reads_a_secret_with_nothing_but_its_environment() {
    let devhost = Devhost::start(&[("local.secrets.json", SECRETS)], &[]).await;

    let challenged = ask(&devhost, "erp-key", None).await.expect("an answer");
    let read = read(&devhost, "erp-key").await;

    let authority = devhost.variable("STOCKADE__AUTH__INSECURE_AUTHORITY");
    let tenant = devhost.variable("STOCKADE__AUTH__TENANTS");
    assert_eq!(challenged.status, 401);
    assert_eq!(
        challenged.header("www-authenticate"),
        format!(
            r#"Bearer authorization="{authority}/{tenant}", resource="https://vault.localhost""#
        )
    );
    assert_eq!(read.status, 200);
    assert_eq!(read.json()["value"], "the first value");
    assert_eq!(
        devhost.variable("STOCKADE__SECRETS__INSECURE_VAULT"),
        "true"
    );
    assert_eq!(
        devhost.variable("AZURE_FUNCTIONS_ENVIRONMENT"),
        "Development"
    );
    assert_eq!(
        devhost.report()["vault"],
        devhost.variable("STOCKADE__SECRETS__VAULT_URI")
    );
    assert_eq!(
        devhost.report()["caFile"],
        devhost.variable("SSL_CERT_FILE")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_gets_a_random_value_only_where_the_file_has_none() {
    let arguments = ["--random-secret", "erp-key", "--random-secret", "other-key"];
    let values = async || {
        let devhost = Devhost::start(&[("local.secrets.json", SECRETS)], &arguments).await;
        assert_eq!(devhost.report()["randomSecrets"], json!(["other-key"]));
        let own = read(&devhost, "erp-key").await.json()["value"].clone();
        assert_eq!(own, "the first value");
        let random = read(&devhost, "other-key").await.json()["value"].clone();
        random.as_str().expect("a text").to_owned()
    };

    let (first, second) = (values().await, values().await);

    assert!(first.len() >= 32, "{first}");
    assert_ne!(first, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_app_names_itself_stays_and_its_roots_stay_trusted() {
    let roots = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(roots.path(), "the roots of the app").expect("writable");
    let settings = json!({"Values": {
        "STOCKADE__SECRETS__VAULT_URI": "https://mine.vault.azure.net/",
        "IDENTITY_ENDPOINT": "http://127.0.0.1:9/",
        "SSL_CERT_FILE": roots.path(),
    }});
    let settings = settings.to_string();

    let devhost = Devhost::start(&[("local.settings.json", &settings)], &[]).await;

    let vault = devhost.variable("STOCKADE__SECRETS__VAULT_URI");
    assert_eq!(vault, "https://mine.vault.azure.net/");
    assert_eq!(devhost.variable("IDENTITY_ENDPOINT"), "http://127.0.0.1:9/");
    for absent in ["STOCKADE__SECRETS__INSECURE_VAULT", "IDENTITY_HEADER"] {
        assert_eq!(devhost.variable_if_any(absent), None, "{absent}");
    }
    let handed = devhost.variable("SSL_CERT_FILE");
    let handed = std::fs::read_to_string(handed).expect("a file");
    assert!(handed.starts_with("the roots of the app\n-----BEGIN CERTIFICATE-----"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_vault_there_is_an_identity_and_without_a_tenant_neither() {
    for (flag, others, has_identity) in [
        // Telemetry speaks TLS too.
        ("--no-vault", &["--no-telemetry"][..], true),
        ("--no-tenant", &[], false),
    ] {
        let arguments: Vec<&str> = others.iter().copied().chain([flag]).collect();
        let devhost = Devhost::start(&[], &arguments).await;

        for absent in [
            "STOCKADE__SECRETS__VAULT_URI",
            "STOCKADE__SECRETS__INSECURE_VAULT",
            "SSL_CERT_FILE",
        ] {
            assert_eq!(devhost.variable_if_any(absent), None, "{flag} {absent}");
        }
        let identity = devhost.variable_if_any("IDENTITY_ENDPOINT");
        assert_eq!(identity.is_some(), has_identity, "{flag}");
        assert_eq!(devhost.report().get("vault"), None, "{flag}");
        assert_eq!(
            devhost.admin("GET", "vault", "").await.status,
            404,
            "{flag}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_good_for_the_vault_s_names_and_this_run_only() {
    let devhost = Devhost::start(&[], &[]).await;
    let other = Devhost::start(&[], &[]).await;
    let uri = devhost.variable("STOCKADE__SECRETS__VAULT_URI");
    let own = Roots::read(&devhost.variable("SSL_CERT_FILE"));
    let others = Roots::read(&other.variable("SSL_CERT_FILE"));
    let elsewhere = uri.replace("devhost.vault", "devhost.fault");
    let neighbour = uri.replace("devhost.vault", "another.vault");
    let local = uri.replace("devhost.vault.localhost", "localhost");

    for (name, url, roots, is_trusted) in [
        ("itself", &uri, &own, true),
        ("another vault", &neighbour, &own, true),
        ("localhost", &local, &own, true),
        ("another name", &elsewhere, &own, false),
        ("another run's roots", &uri, &others, false),
    ] {
        let got = client::get_tls(url, roots, None).await;

        assert_eq!(got.is_ok(), is_trusted, "{name}: {got:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_roots_goes_away_with_devhost() {
    let mut devhost = Devhost::start(&[], &[]).await;
    let file = devhost.variable("SSL_CERT_FILE");
    assert!(std::path::Path::new(&file).is_file());

    devhost.stop().await;

    assert!(!std::path::Path::new(&file).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_changed_by_the_admin_api_and_requests_counted() {
    let devhost = Devhost::start(&[], &[]).await;
    let path = "vault/secrets/erp-key";
    let missing = read(&devhost, "erp-key").await;
    assert_eq!(missing.json()["error"]["code"], "SecretNotFound");

    let set = devhost.admin("PUT", path, r#""one""#).await;
    assert_eq!(set.status, 201);
    let first = set.json()["version"]
        .as_str()
        .expect("a version")
        .to_owned();
    assert_eq!(read(&devhost, "erp-key").await.json()["value"], "one");

    let rotated = devhost.admin("POST", &format!("{path}/rotate"), "").await;
    assert_eq!(rotated.status, 201);
    assert_ne!(read(&devhost, "erp-key").await.json()["value"], "one");
    assert_eq!(
        read(&devhost, &format!("erp-key/{first}")).await.json()["value"],
        "one"
    );

    devhost.change(&format!("{path}/disable"), "").await;
    let inner = |answer: &Answer| answer.json()["error"]["innererror"]["code"].clone();
    assert_eq!(inner(&read(&devhost, "erp-key").await), "SecretDisabled");
    devhost.change(&format!("{path}/enable"), "").await;
    devhost
        .change(
            &format!("{path}/expire"),
            &json!({"version": first}).to_string(),
        )
        .await;
    let expired = read(&devhost, &format!("erp-key/{first}")).await;
    assert!(expired.json()["attributes"]["exp"].is_i64());
    assert_eq!(
        read(&devhost, "erp-key").await.json()["attributes"].get("exp"),
        None
    );

    devhost.change(&format!("{path}/deny"), "").await;
    assert_eq!(inner(&read(&devhost, "erp-key").await), "ForbiddenByRbac");
    let listed = devhost.admin("GET", "vault/secrets", "").await.json();
    assert_eq!(listed[0]["denied"], true);
    assert_eq!(listed[0]["versions"].as_array().map(Vec::len), Some(2));
    assert!(!listed.to_string().contains("one"));
    devhost.change(&format!("{path}/allow"), "").await;

    assert_eq!(devhost.admin("DELETE", path, "").await.status, 204);
    assert_eq!(read(&devhost, "erp-key").await.status, 404);
    assert_eq!(devhost.admin("DELETE", path, "").await.status, 404);
    let report = devhost.admin("GET", "vault", "").await.json();
    assert_eq!(
        report["requests"],
        json!([{
            "operation": "get",
            "name": "erp-key",
            "requests": 9,
            "statuses": {"200": 5, "403": 2, "404": 2},
        }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_api_is_the_master_key_s_and_tells_what_is_wrong() {
    let devhost = Devhost::start(&[], &[]).await;

    let stranger = devhost
        .admin_with("wrong", "GET", "vault/secrets", "")
        .await;
    assert_eq!(stranger.status, 401);
    for (path, body, status) in [
        ("vault/secrets/erp-key", "no JSON", 400),
        ("vault/secrets/erp-key", "5", 400),
        ("vault/secrets/erp_key", r#""one""#, 400),
        ("vault/secrets/erp-key", r#""one""#, 201),
    ] {
        let answer = devhost.admin("PUT", path, body).await;
        assert_eq!(answer.status, status, "{path} {body}");
    }
    for (path, body, status) in [
        ("vault/fault", r#"{"kind": "slwo"}"#, 400),
        ("vault/fault", r#"{"kind": "slow"}"#, 200),
        ("identity/fault", r#"{"kind": "foreign-resource"}"#, 400),
        ("identity/fault", r#"{"kind": "other-resource"}"#, 200),
        ("vault/secrets/other/disable", "", 404),
        ("vault/secrets/other/rotate", "", 404),
        ("vault/keys/other/rotate", "", 404),
        ("vault/secrets/erp-key/disable", r#"{"version": "0"}"#, 404),
    ] {
        let answer = devhost.admin("POST", path, body).await;
        assert_eq!(answer.status, status, "{path} {body}");
    }
    assert_eq!(
        devhost.admin("GET", "vault", "").await.json()["fault"]["kind"],
        "slow"
    );
    let identity = devhost.admin("GET", "identity", "").await.json();
    assert_eq!(identity["fault"]["kind"], "other-resource");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_down_refuses_connections_until_it_is_up_again() {
    let devhost = Devhost::start(&[("local.secrets.json", SECRETS)], &[]).await;
    let token = devhost.token("https://vault.localhost").await;
    let fault = async |kind: &str| {
        let body = json!({"kind": kind}).to_string();
        let set = devhost.admin("POST", "vault/fault", &body).await;
        assert_eq!(set.status, 200);
    };
    let refused = async || match ask(&devhost, "erp-key", Some(&token)).await {
        Ok(answer) => {
            assert_eq!(answer.status, 200);
            false
        }
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
            true
        }
    };
    assert!(!refused().await);

    fault("down").await;
    client::until("it is down", &refused).await;
    fault("none").await;
    client::until("it is up", async || !refused().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn going_down_breaks_off_what_is_under_way() {
    let devhost = Devhost::start(&[("local.secrets.json", SECRETS)], &[]).await;
    let token = devhost.token("https://vault.localhost").await;
    devhost
        .change_fault("vault", json!({"kind": "slow", "seconds": 60}))
        .await;

    let (asked, ()) = tokio::join!(ask(&devhost, "erp-key", Some(&token)), async {
        let counted = async || {
            let report = devhost.admin("GET", "vault", "").await.json();
            report["requests"][0]["requests"] == 1
        };
        client::until("it is asked", counted).await;
        devhost.change_fault("vault", json!({"kind": "down"})).await;
    });

    assert!(asked.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_endpoint_that_is_down_refuses_connections() {
    let devhost = Devhost::start(&[], &[]).await;
    let endpoint = devhost.variable("IDENTITY_ENDPOINT");
    let refused = async || client::get(&endpoint, &[]).await.is_err();
    assert!(!refused().await);

    devhost
        .change_fault("identity", json!({"kind": "down"}))
        .await;
    client::until("it is down", &refused).await;
    devhost
        .change_fault("identity", json!({"kind": "none"}))
        .await;
    client::until("it is up", async || !refused().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_of_secrets_ends_devhost_with_2_and_is_not_told() {
    let text = r#"{"erp-key": {"value": "a value to keep", "enabld": false}}"#;

    let ended = Devhost::end(&[("local.secrets.json", text)]).await;

    assert_eq!(ended.status.code(), Some(2));
    let told = String::from_utf8_lossy(&ended.stderr).into_owned()
        + &String::from_utf8_lossy(&ended.stdout);
    assert!(told.contains("local.secrets.json: erp-key"), "{told}");
    assert!(!told.contains("value to keep"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_does_not_keep_others_waiting() {
    let devhost = Devhost::start(&[("local.secrets.json", SECRETS)], &[]).await;
    let uri = devhost.variable("STOCKADE__SECRETS__VAULT_URI");
    let silent = client::connect(&uri).await.expect("a connection");

    let read = tokio::time::timeout(Duration::from_secs(5), read(&devhost, "erp-key")).await;

    assert_eq!(read.expect("in time").status, 200);
    drop(silent);
    let _: Value = devhost.admin("GET", "vault", "").await.json();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_certificates_are_made_by_the_admin_api() {
    let devhost = Devhost::start(&[], &[]).await;
    for (path, body, status) in [
        ("vault/keys/signer", r#"{"kty": "EC"}"#, 201),
        ("vault/keys/signer", r#"{"kty": "oct"}"#, 400),
        ("vault/keys/under_score", "", 400),
        (
            "vault/certificates/client",
            r#"{"names": ["client.localhost"]}"#,
            201,
        ),
        ("vault/certificates/client", r#"{"names": ["\u00e4"]}"#, 400),
        ("vault/certificates/client", r#"{"name": "x"}"#, 400),
    ] {
        assert_eq!(
            devhost.admin("PUT", path, body).await.status,
            status,
            "{path} {body}"
        );
    }

    let token = devhost.token("https://vault.localhost").await;
    let roots = Roots::read(&devhost.variable("SSL_CERT_FILE"));
    let uri = devhost.variable("STOCKADE__SECRETS__VAULT_URI");
    let get = async |path: &str| {
        let url = format!("{uri}{path}?api-version=7.6");
        let got = client::get_tls(&url, &roots, Some(&token)).await;
        got.expect("an answer")
    };
    assert_eq!(get("keys/signer").await.json()["key"]["kty"], "EC");
    let certificate = get("certificates/client").await.json();
    let pem = get("secrets/client").await.json();
    assert_eq!(certificate["sid"], pem["id"]);
    assert_eq!(pem["contentType"], "application/x-pem-file");

    let gone = devhost
        .admin("DELETE", "vault/certificates/client", "")
        .await;
    assert_eq!(gone.status, 204);
    for path in ["certificates/client", "keys/client", "secrets/client"] {
        assert_eq!(get(path).await.status, 404, "{path}");
    }
}
