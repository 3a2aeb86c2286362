//! Azurite in a process of its own, with TLS by a certificate of this run, and an identity that it
//! believes.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::http::{ClientOptions, Transport};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::json;
use stockade::settings::Problems;
use stockade::storage::{StorageAccount, StorageSettings};
use stockade_tests::process::Process;
use stockade_tests::running::free_port;
use tempfile::TempDir;

/// What Azurite takes the time to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// The machine's.
    Right,
    /// Some minutes later.
    Ahead(i32),
    /// Some minutes sooner.
    Behind(i32),
}

/// A running Azurite with one account, which is empty at first. It ends when this is dropped.
pub(crate) struct Emulator {
    uri: Url,
    http: Client,
    key: String,
    _process: Process,
    folder: TempDir,
}

/// What was answered: the status, and the code of the error if it is one.
pub(crate) type Answer = (u16, String);

impl Emulator {
    pub(crate) fn start(clock: Clock) -> Self {
        let mut key = [0; 64];
        aws_lc_rs::rand::fill(&mut key).expect("there is randomness");
        Self::start_with("https", STANDARD.encode(key), clock)
    }

    /// Another with the same account and key, which speaks no TLS.
    pub(crate) fn beside_without_tls(&self) -> Self {
        Self::start_with("http", self.key.clone(), Clock::Right)
    }

    fn start_with(scheme: &str, key: String, clock: Clock) -> Self {
        let azurite = std::env::var_os("AZURITE").expect(".ci/azurite sets AZURITE");
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let host = format!("{ACCOUNT}.blob.localhost");
        let shim = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/azurite/shim.cjs");
        let minutes = match clock {
            Clock::Right => 0,
            Clock::Ahead(minutes) => minutes,
            Clock::Behind(minutes) => -minutes,
        };
        let mut command = Command::new("node");
        command
            .arg("--require")
            .arg(shim)
            .arg(azurite)
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .args(["--inMemoryPersistence", "--silent", "--disableTelemetry"])
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{key}"))
            .env("CLOCK_MINUTES", minutes.to_string())
            .current_dir(&folder)
            .stdin(Stdio::piped());
        let mut http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            // Azurite closes a connection after 5 s without a request, and a test may take longer.
            .pool_max_idle_per_host(0)
            .resolve(&host, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        if scheme == "https" {
            let signing = KeyPair::generate().expect("a key");
            let params = CertificateParams::new([host.clone()]).expect("a name");
            let certificate = params.self_signed(&signing).expect("a certificate");
            let (cert, key) = (
                folder.path().join(CERTIFICATE),
                folder.path().join("key.pem"),
            );
            std::fs::write(&cert, certificate.pem()).expect("it can be written");
            std::fs::write(&key, signing.serialize_pem()).expect("it can be written");
            command.arg("--cert").arg(cert).arg("--key").arg(key);
            command.args(["--oauth", "basic"]);
            let trusted = reqwest::Certificate::from_der(certificate.der());
            http = http.tls_certs_only(trusted);
        }
        let process = Process::start(&mut command);
        process.wait_for("Azurite to listen", |lines| {
            let listens = |line: &String| line.contains("successfully listens");
            lines.iter().any(listens).then_some(())
        });
        let uri = format!("{scheme}://{host}:{port}/");
        Self {
            uri: uri.parse().expect("an address"),
            http: http.build().expect("a client"),
            key,
            _process: process,
            folder,
        }
    }

    /// What an app has to be told of the account.
    pub(crate) fn settings(&self) -> [(&'static str, &str); 3] {
        [
            ("STOCKADE__STORAGE__ACCOUNT_URI", self.uri.as_str()),
            ("STOCKADE__STORAGE__INSECURE_ACCOUNT", "true"),
            ("AZURE_FUNCTIONS_ENVIRONMENT", "Development"),
        ]
    }

    /// The file with the certificate by which the account is known.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join(CERTIFICATE)
    }

    /// The account as the app opens it.
    pub(crate) fn account(&self) -> StorageAccount {
        let settings = self.settings();
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut problems = Problems::new();
        let settings = StorageSettings::read(&BTreeMap::from(settings), &mut problems);
        assert!(problems.is_empty(), "{problems}");
        let options = ClientOptions {
            transport: Some(Transport::new(Arc::new(self.http.clone()))),
            ..ClientOptions::default()
        };
        let settings = settings.expect("an account");
        StorageAccount::open(settings, Arc::new(Identity), options).expect("an account")
    }

    /// Writes a blob as the account's owner, in a container that is made for it if need be.
    pub(crate) async fn put(&self, path: &str, content: &'static [u8]) {
        let at = |path: &str| self.uri.join(path).expect("a path");
        let (container, _) = path.split_once('/').expect("a container and a blob");
        let container = at(&format!("{container}?restype=container"));
        let made = self.as_owner(self.http.put(container)).await;
        assert!(matches!(made.0, 201 | 409), "{made:?}");
        let blob = self.http.put(at(path)).body(content);
        let written = self.as_owner(blob.header(TYPE, "BlockBlob")).await;
        assert_eq!(written.0, 201, "{written:?}");
    }

    async fn as_owner(&self, request: RequestBuilder) -> Answer {
        let request = request
            .bearer_auth(token())
            .header("x-ms-version", "2022-11-02");
        answer(request).await
    }

    /// Reads by a URL.
    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send(Method::GET, url).await
    }

    /// What is read by a URL.
    pub(crate) async fn content(&self, url: &str) -> Bytes {
        let answer = self.http.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("a whole answer")
    }

    /// Writes by a URL.
    pub(crate) async fn upload(&self, url: &str) -> Answer {
        let request = self.http.put(url).header(TYPE, "BlockBlob");
        answer(request.body("uploaded")).await
    }

    pub(crate) async fn send(&self, method: Method, url: &str) -> Answer {
        answer(self.http.request(method, url)).await
    }

    /// The URL with this emulator in place of another.
    pub(crate) fn at_this(&self, url: &str) -> String {
        let url: Url = url.parse().expect("an address");
        let query = url.query().expect("a query");
        format!("{}{}?{query}", self.uri, url.path().trim_start_matches('/'))
    }
}

async fn answer(request: RequestBuilder) -> Answer {
    let answer = request.send().await.expect("an answer");
    let code = answer.headers().get("x-ms-error-code");
    let code = code.and_then(|code| code.to_str().ok()).unwrap_or_default();
    (answer.status().as_u16(), code.to_owned())
}

const ACCOUNT: &str = "stockade";
const CERTIFICATE: &str = "cert.pem";
const TYPE: &str = "x-ms-blob-type";

/// An identity whose tokens say what Azurite looks at. It checks no signature of them.
#[derive(Debug)]
struct Identity;

#[async_trait::async_trait]
impl TokenCredential for Identity {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://storage.azure.com/.default"]);
        let expires = SystemTime::now() + Duration::from_secs(3600);
        Ok(AccessToken::new(token(), expires.into()))
    }
}

/// A token that counts from an hour ago to an hour from now, since Azurite's clock may be another.
fn token() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is later").as_secs();
    let claims = json!({
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/66666666-7777-8888-9999-aaaaaaaaaaaa/",
        "iat": now - 3600,
        "nbf": now - 3600,
        "exp": now + 3600,
        "oid": "11111111-2222-3333-4444-555555555555",
        "tid": "66666666-7777-8888-9999-aaaaaaaaaaaa",
    });
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let header = json!({"alg": "RS256", "typ": "JWT"}).to_string();
    [
        part(header),
        part(claims.to_string()),
        part("unchecked".to_owned()),
    ]
    .join(".")
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Emulator({})", self.uri)
    }
}
