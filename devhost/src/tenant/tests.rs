use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::*;

const ORIGIN: &str = "http://127.0.0.1:7072";

/// Keys take their time, so tests that change nothing share a tenant.
static SHARED: LazyLock<Tenant> = LazyLock::new(|| Tenant::new(ORIGIN));

async fn send(
    tenant: &Tenant,
    method: Method,
    path: &str,
    body: &str,
) -> (u16, http::HeaderMap, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Full::<Bytes>::from(body.to_owned()));
    let (parts, body) = tenant.serve(request.unwrap()).await.into_parts();
    (
        parts.status.as_u16(),
        parts.headers,
        body.collect().await.unwrap().to_bytes().to_vec(),
    )
}

async fn get(tenant: &Tenant, path: &str) -> Value {
    let (status, _, body) = send(tenant, Method::GET, path, "").await;
    assert_eq!(status, 200, "{path}");
    serde_json::from_slice(&body).unwrap()
}

async fn post(tenant: &Tenant, path: &str, body: &str) -> (u16, Value) {
    let (status, _, body) = send(tenant, Method::POST, path, body).await;
    (status, serde_json::from_slice(&body).unwrap())
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Checks a token as a careful app does: by the key set, issuer and audience.
async fn verify(tenant: &Tenant, token: &str, keys: &str, issuer: &str) -> Result<Value, String> {
    let kid = decode_header(token).unwrap().kid.unwrap();
    let keys = get(tenant, keys).await;
    let key = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == *kid)
        .ok_or("no such key")?;
    let key =
        DecodingKey::from_rsa_components(key["n"].as_str().unwrap(), key["e"].as_str().unwrap())
            .unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[issuer]);
    validation.validate_nbf = true;
    decode::<Value>(token, &key, &validation)
        .map(|data| data.claims)
        .map_err(|e| e.to_string())
}

fn v2_keys() -> String {
    format!("/{TENANT}/discovery/v2.0/keys")
}

fn v2_issuer() -> String {
    format!("{ORIGIN}/{TENANT}/v2.0")
}

#[tokio::test]
async fn metadata_leads_to_keys_that_verify_a_token() {
    let metadata = get(
        &SHARED,
        &format!("/{TENANT}/v2.0/.well-known/openid-configuration"),
    )
    .await;
    let keys = metadata["jwks_uri"]
        .as_str()
        .unwrap()
        .strip_prefix(ORIGIN)
        .unwrap();
    let token = SHARED.mint(&TokenRequest {
        scopes: vec!["Orders.Read".into()],
        ..TokenRequest::default()
    });

    let claims = verify(&SHARED, &token, keys, metadata["issuer"].as_str().unwrap())
        .await
        .unwrap();

    assert_eq!(metadata["issuer"], v2_issuer());
    assert_eq!(claims["scp"], "Orders.Read");
}

#[tokio::test]
async fn v1_metadata_has_the_clouds_issuer_and_keys_without_one() {
    let metadata = get(
        &SHARED,
        &format!("/{TENANT}/.well-known/openid-configuration"),
    )
    .await;
    let keys = metadata["jwks_uri"]
        .as_str()
        .unwrap()
        .strip_prefix(ORIGIN)
        .unwrap();
    let token = SHARED.mint(&TokenRequest {
        version: Version::V1,
        ..TokenRequest::default()
    });

    let claims = verify(
        &SHARED,
        &token,
        keys,
        &format!("https://sts.windows.net/{TENANT}/"),
    )
    .await
    .unwrap();

    assert_eq!(claims["ver"], "1.0");
    assert_eq!(claims["appid"], CLIENT);
    assert!(get(&SHARED, keys).await["keys"][0].get("issuer").is_none());
    assert_eq!(
        get(&SHARED, &v2_keys()).await["keys"][0]["issuer"],
        v2_issuer()
    );
}

#[tokio::test]
async fn documents_for_all_tenants_have_a_template_for_the_issuer() {
    for shared in ["common", "organizations", "consumers"] {
        let metadata = get(
            &SHARED,
            &format!("/{shared}/v2.0/.well-known/openid-configuration"),
        )
        .await;
        assert_eq!(metadata["issuer"], format!("{ORIGIN}/{{tenantid}}/v2.0"));
    }
}

#[tokio::test]
async fn an_unknown_tenant_or_path_is_not_found() {
    for path in [
        "/example.com/v2.0/.well-known/openid-configuration",
        "/7C3B2F4E-0D5A-4E8C-9B61-2F90C1A7D384/discovery/keys",
        "/",
        "/stand-in/x",
        "/stand-in/token",
    ] {
        assert_eq!(send(&SHARED, Method::GET, path, "").await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn an_application_with_its_own_keys_finds_them_by_its_id() {
    let path = format!("/{TENANT}/v2.0/.well-known/openid-configuration?appid=a%26b&x=1");

    let metadata = get(&SHARED, &path).await;

    assert_eq!(
        metadata["jwks_uri"],
        format!("{ORIGIN}/{TENANT}/discovery/v2.0/keys?appid=a%26b")
    );
}

#[tokio::test]
async fn a_key_is_named_by_the_hash_of_a_certificate_that_holds_it() {
    let keys = get(&SHARED, &v2_keys()).await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);

    for key in keys["keys"].as_array().unwrap() {
        let certificate = STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap();
        let hash =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate);
        assert_eq!(key["kid"], URL_SAFE_NO_PAD.encode(hash));
        assert_eq!(key["kid"].as_str().unwrap().len(), 27);
        assert_eq!(key["x5t"], key["kid"]);
        assert!(key.get("alg").is_none());

        // Outer header of 4 bytes, then the signed part, whose own header has 4 bytes too.
        let length = usize::from(certificate[6]) << 8 | usize::from(certificate[7]);
        let (signed, signature) = (
            &certificate[4..8 + length],
            &certificate[certificate.len() - 256..],
        );
        let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
        assert_eq!(modulus.len(), 256);
        assert!(signed.windows(256).any(|window| window == modulus));
        let spki = signed
            .windows(4)
            .rposition(|w| w == [0x30, 0x82, 0x01, 0x22])
            .unwrap();
        let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &signed[spki..]).unwrap();
        public.verify_sig(signed, signature).unwrap();
    }
}

#[test]
fn a_users_token_has_scopes_and_an_applications_has_roles() {
    let both = TokenRequest {
        scopes: vec!["Orders.Read".into(), "Orders.Write".into()],
        roles: vec!["Orders.Admin".into()],
        ..TokenRequest::default()
    };

    let user = claims(&SHARED.mint(&both));
    let app = claims(&SHARED.mint(&TokenRequest {
        kind: Kind::App,
        ..both
    }));

    assert_eq!(user["scp"], "Orders.Read Orders.Write");
    assert_eq!(user["roles"], json!(["Orders.Admin"]));
    assert_eq!((&user["azpacr"], user.get("idtyp")), (&json!("0"), None));
    assert_ne!(user["sub"], user["oid"]);
    assert_eq!(app["roles"], json!(["Orders.Admin"]));
    assert_eq!(
        (&app["azpacr"], &app["idtyp"]),
        (&json!("1"), &json!("app"))
    );
    assert_eq!((app.get("scp"), &app["sub"]), (None, &app["oid"]));
    for claims in [user, app] {
        assert_eq!(
            claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
            3600
        );
        assert_eq!(
            (&claims["ver"], &claims["tid"], &claims["aud"]),
            (&json!("2.0"), &json!(TENANT), &json!(AUDIENCE))
        );
        assert_eq!(claims["uti"].as_str().unwrap().len(), 22);
    }
}

#[test]
fn claims_and_header_can_be_set_and_taken_out() {
    let request = TokenRequest {
        overrides: [
            ("ver".to_owned(), json!("1.0")),
            ("oid".to_owned(), Value::Null),
            ("x".to_owned(), json!([1])),
        ]
        .into(),
        header_overrides: [
            ("alg".to_owned(), json!("none")),
            ("kid".to_owned(), Value::Null),
        ]
        .into(),
        ..TokenRequest::default()
    };

    let token = SHARED.mint(&request);

    let claims = claims(&token);
    assert_eq!(
        (&claims["ver"], claims.get("oid"), &claims["x"]),
        (&json!("1.0"), None, &json!([1]))
    );
    let header = URL_SAFE_NO_PAD
        .decode(token.split('.').next().unwrap())
        .unwrap();
    assert_eq!(header, br#"{"typ":"JWT","alg":"none"}"#);
}

#[tokio::test]
async fn a_token_of_a_foreign_key_is_named_by_no_key() {
    let token = SHARED.mint(&TokenRequest {
        signed_by: SignedBy::Foreign,
        ..TokenRequest::default()
    });

    assert_eq!(
        verify(&SHARED, &token, &v2_keys(), &v2_issuer()).await,
        Err("no such key".to_owned())
    );
}

#[tokio::test]
async fn tokens_are_made_as_the_request_says() {
    let body = r#"{"kind":"app","roles":["Orders.Admin"],"audience":"a","lifetime_seconds":60,"overrides":{"acrs":["c1"]}}"#;

    let (status, answer) = post(&SHARED, "/stand-in/token", body).await;

    let claims = claims(answer["access_token"].as_str().unwrap());
    assert_eq!((status, &answer["expires_in"]), (200, &json!(60)));
    assert_eq!(
        (&claims["aud"], &claims["acrs"]),
        (&json!("a"), &json!(["c1"]))
    );
    assert_eq!(post(&SHARED, "/stand-in/token", "").await.0, 200);
    assert_eq!(
        post(&SHARED, "/stand-in/token", r#"{"scope":"x"}"#).await.0,
        400
    );
    assert_eq!(
        post(&SHARED, "/stand-in/token", &" ".repeat(64 * 1024 + 1))
            .await
            .0,
        413
    );
}

#[tokio::test]
async fn an_application_gets_a_token_for_its_credentials() {
    let path = format!("/{TENANT}/oauth2/v2.0/token");
    let form =
        |rest: &str| format!("grant_type=client_credentials&client_id=c1&client_secret=x&{rest}");

    let (status, answer) = post(
        &SHARED,
        &path,
        &form(&format!(
            "scope=api%3A%2F%2F{AUDIENCE}%2F.default&roles=A+B"
        )),
    )
    .await;

    let token = answer["access_token"].as_str().unwrap();
    let claims = verify(&SHARED, token, &v2_keys(), &v2_issuer())
        .await
        .unwrap();
    assert_eq!(
        (status, &claims["azp"], &claims["roles"]),
        (200, &json!("c1"), &json!(["A", "B"]))
    );
}

#[tokio::test]
async fn a_token_request_that_entra_would_refuse_is_refused() {
    for (tenant, form, error) in [
        ("common", "", "invalid_request"),
        (TENANT, "grant_type=password", "unsupported_grant_type"),
        (TENANT, "grant_type=client_credentials", "invalid_request"),
        (
            TENANT,
            "grant_type=client_credentials&client_id=c",
            "invalid_client",
        ),
        (
            TENANT,
            "grant_type=client_credentials&client_id=c&client_secret=x&scope=a",
            "invalid_scope",
        ),
    ] {
        let (status, answer) = post(&SHARED, &format!("/{tenant}/oauth2/v2.0/token"), form).await;
        assert_eq!((status, &answer["error"]), (400, &json!(error)), "{form}");
    }
}

#[tokio::test]
async fn rotation_signs_with_a_new_key_and_keeps_or_withdraws_the_old() {
    let tenant = Tenant::new(format!("{ORIGIN}/"));
    let first = tenant.mint(&TokenRequest::default());

    let (_, kept) = post(&tenant, "/stand-in/rotate", "").await;
    let second = tenant.mint(&TokenRequest::default());
    assert_eq!(kept["kid"], decode_header(&second).unwrap().kid.unwrap());
    for token in [&first, &second] {
        assert!(
            verify(&tenant, token, &v2_keys(), &v2_issuer())
                .await
                .is_ok()
        );
    }

    post(&tenant, "/stand-in/rotate", r#"{"withdraw_old":true}"#).await;
    let third = tenant.mint(&TokenRequest::default());
    for token in [&first, &second] {
        assert_eq!(
            verify(&tenant, token, &v2_keys(), &v2_issuer()).await,
            Err("no such key".to_owned())
        );
    }
    assert!(
        verify(&tenant, &third, &v2_keys(), &v2_issuer())
            .await
            .is_ok()
    );
}

fn discovery() -> String {
    format!("/{TENANT}/v2.0/.well-known/openid-configuration")
}

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

#[test]
fn debugging_a_tenant_shows_no_key() {
    let shown = format!("{:?}", *SHARED);

    assert!(shown.contains("kid") && !shown.contains("pair"));
}

#[tokio::test]
async fn it_is_served_over_http() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tenant = SHARED.clone();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper::service::service_fn(|request| {
            let tenant = tenant.clone();
            async move { Ok::<_, std::convert::Infallible>(tenant.serve(request).await) }
        });
        hyper::server::conn::http1::Builder::new()
            .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
            .await
    });

    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n",
        v2_keys()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(answer.contains(&v2_issuer()));
    server.await.unwrap().unwrap();
}
