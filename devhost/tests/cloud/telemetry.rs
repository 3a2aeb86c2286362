//! The receivers of telemetry as the handler and a developer find them.

use crate::client::{self, Answer, Roots};
use crate::devhost::Devhost;
use serde_json::{Value, json};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

const INTRODUCED: [&str; 4] = [
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "STOCKADE__TELEMETRY__INSECURE_INGESTION",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// What Application Insights is told of an invocation.
fn invocation() -> Value {
    json!({
        "name": "Microsoft.ApplicationInsights.Request",
        "time": "2026-03-14T09:26:51.123Z",
        "iKey": "00000000-0000-0000-0000-000000000000",
        "tags": {"ai.operation.id": TRACE, "ai.cloud.role": "orders"},
        "data": {"baseType": "RequestData", "baseData": {
            "ver": 2,
            "id": "b7ad6b7169203331",
            "name": "nightly",
            "duration": "0.00:00:00.002500",
            "responseCode": "0",
            "success": true,
        }},
    })
}

/// What a handler does to tell Application Insights something: it has its identity and an address.
async fn track(devhost: &Devhost, token: Option<&str>) -> std::io::Result<Answer> {
    let string = devhost.variable("APPLICATIONINSIGHTS_CONNECTION_STRING");
    let (_, endpoint) = string
        .split_once("IngestionEndpoint=")
        .expect("an endpoint");
    let roots = Roots::read(&devhost.variable("SSL_CERT_FILE"));
    let url = format!("{endpoint}v2/track");
    let items = json!([invocation()]).to_string();
    client::send_tls("POST", &url, &roots, token, &items).await
}

fn page(devhost: &Devhost) -> String {
    let page = devhost.report()["telemetry"].as_str();
    page.expect("an address").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_app_s_identity_sends_by_tls_is_seen_on_the_page_and_by_tests() {
    let devhost = Devhost::start(&[], &[]).await;
    let token = devhost.token("https://monitor.azure.com").await;
    let page = page(&devhost);

    let refused = track(&devhost, None).await.expect("an answer");
    let taken = track(&devhost, Some(&token)).await.expect("an answer");

    assert_eq!((refused.status, taken.status), (401, 200));
    let index = client::get(&page, &[]).await.expect("an answer");
    assert!(index.header("content-type").starts_with("text/html"));
    let list = format!("{page}telemetry/invocations");
    let list = client::get(&list, &[]).await.expect("an answer").json();
    assert_eq!(list["items"][0]["traceId"], TRACE);
    let raw = devhost
        .admin("GET", &format!("telemetry/traces/{TRACE}"), "")
        .await
        .json();
    assert_eq!(raw["spans"][0]["said"][0]["said"], invocation());
    assert_eq!(devhost.admin("DELETE", "telemetry", "").await.status, 204);
    let path = format!("telemetry/traces/{TRACE}");
    assert_eq!(devhost.admin("GET", &path, "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn otlp_is_taken_at_the_tenant_s_port_beside_the_tenant_s_own_documents() {
    let devhost = Devhost::start(&[], &[]).await;
    let tenant = devhost.report()["tenant"].as_str().expect("an origin");
    let url = devhost.variable("OTEL_EXPORTER_OTLP_ENDPOINT") + "/v1/traces";
    let fields = [("content-type", "application/x-protobuf")];
    let export = async || {
        let stream = client::connect(&url).await?;
        client::send(stream, "POST", &url, &fields, "").await
    };

    assert_eq!(export().await.expect("an answer").status, 200);
    devhost
        .change_fault("telemetry", json!({"kind": "down"}))
        .await;
    assert!(export().await.is_err());
    assert!(track(&devhost, None).await.is_err());

    let own = format!("{tenant}/stand-in");
    assert_eq!(client::get(&own, &[]).await.expect("an answer").status, 200);
    devhost
        .change_fault("telemetry", json!({"kind": "none"}))
        .await;
    assert_eq!(export().await.expect("an answer").status, 200);
    client::until("the ingestion is up again", async || {
        track(&devhost, None).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_can_be_one_source_s_alone_and_a_wrong_one_is_refused() {
    let devhost = Devhost::start(&[], &[]).await;
    let fault = r#"{"kind": "throttled"}"#;

    let set = devhost.admin("POST", "telemetry/fault/otlp", fault).await;

    let faults = &set.json()["faults"];
    assert_eq!(faults["otlp"]["kind"], "throttled");
    assert_eq!(faults["applicationInsights"], Value::Null);
    for (path, body, status) in [
        ("telemetry/fault", r#"{"kind": "slwo"}"#, 400),
        ("telemetry/fault/nobody", fault, 404),
        ("telemetry/traces/unknown", "", 404),
    ] {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let answer = devhost.admin(method, path, body).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_telemetry_there_is_neither_page_nor_receiver() {
    let devhost = Devhost::start(&[], &["--no-telemetry"]).await;

    assert_eq!(devhost.report().get("telemetry"), None);
    assert_eq!(devhost.admin("GET", "telemetry", "").await.status, 404);
    for absent in INTRODUCED {
        assert_eq!(devhost.variable_if_any(absent), None, "{absent}");
    }
    let tenant = devhost.report()["tenant"].as_str().expect("an origin");
    for path in ["/", "/telemetry/summary"] {
        let got = client::get(&format!("{tenant}{path}"), &[]).await;
        assert_eq!(got.expect("an answer").status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handler_is_told_where_telemetry_goes_unless_the_app_says_so_itself() {
    let string = "InstrumentationKey=00000000-0000-0000-0000-000000000000";
    let settings = json!({"Values": {INTRODUCED[0]: string, INTRODUCED[3]: "http://127.0.0.1:9"}});
    let settings = settings.to_string();

    let told = Devhost::start(&[], &[]).await;
    let own = Devhost::start(&[("local.settings.json", &settings)], &[]).await;

    assert_eq!(told.variable(INTRODUCED[1]), "Authorization=AAD");
    assert_eq!(told.variable(INTRODUCED[2]), "true");
    assert_eq!(own.variable(INTRODUCED[0]), string);
    assert_eq!(own.variable(INTRODUCED[3]), "http://127.0.0.1:9");
    for absent in &INTRODUCED[1..3] {
        assert_eq!(own.variable_if_any(absent), None, "{absent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_where_the_handler_is_told_to_bring_one() {
    for (value, status) in [
        ("Authorization=AAD;ClientId=1", 401),
        ("authorization = aad", 401),
        ("", 200),
    ] {
        let settings = json!({"Values": {INTRODUCED[1]: value}}).to_string();
        let devhost = Devhost::start(&[("local.settings.json", &settings)], &[]).await;

        let got = track(&devhost, None).await.expect("an answer");

        assert_eq!(got.status, status, "{value:?}");
    }
}
