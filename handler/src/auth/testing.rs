//! A tenant for tests: it publishes keys made at run time, and signs tokens with them.
//!
//! Its tokens are good until a test changes something, so a test shows only what it changes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::Url;
use serde_json::{Map, Value, json};

pub use super::keys::reading::{ReadKeySet, read_key_set, read_metadata};
use super::{AuthSettings, Clock, Fetch, FetchError, TenantId};
use crate::settings::Problems;

/// The id of the test tenant.
pub fn tenant_id() -> TenantId {
    TenantId::parse(TENANT).expect("a GUID")
}

/// A tenant in this process, which answers for the login host.
#[derive(Debug, Clone, Default)]
pub struct TestTenant {
    state: Arc<Mutex<Published>>,
}

/// A key that signs tokens. Each process makes its own.
#[derive(Debug, Clone)]
pub struct SigningKey {
    id: &'static str,
    pair: Arc<RsaKeyPair>,
}

/// A token to be signed, good as it is.
#[derive(Debug, Clone)]
pub struct TestToken {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    key: SigningKey,
}

/// A clock that only tests turn, with the time of day and the uptime in step.
#[derive(Debug, Default)]
pub struct TestClock {
    millis: AtomicU64,
}

/// What a login host answers: a status, and a body for 200.
#[derive(Debug, Default)]
struct Published {
    documents: BTreeMap<String, String>,
    outage: Option<u16>,
    requests: Vec<String>,
}

impl TestTenant {
    /// A tenant that publishes [`SigningKey::first`].
    pub fn new() -> Self {
        let tenant = Self::default();
        tenant.publish(&[SigningKey::first().jwk()]);
        tenant
    }

    /// The settings of an app of this tenant, with `changes` laid over them.
    ///
    /// # Panics
    ///
    /// If there is a problem with them.
    pub fn settings(&self, changes: &[(&str, &str)]) -> AuthSettings {
        let complete = [
            ("STOCKADE__AUTH__TENANTS", TENANT),
            ("STOCKADE__AUTH__AUDIENCES", AUDIENCE),
        ];
        let source: BTreeMap<String, String> = complete
            .iter()
            .chain(changes)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut problems = Problems::new();
        let settings = AuthSettings::read(&source, &mut problems, true);
        assert!(problems.is_empty(), "{problems}");
        settings
    }

    /// A v2 token of this tenant for a user.
    pub fn token(&self) -> TestToken {
        TestToken::new()
    }

    /// Publishes these keys in place of all others, for tokens of both forms.
    pub fn publish(&self, keys: &[Value]) {
        self.publish_under("", keys);
    }

    /// Publishes these keys to those who ask for the keys of one app.
    pub fn publish_for_app(&self, app: &str, keys: &[Value]) {
        self.publish_under(&format!("?appid={app}"), keys);
    }

    fn publish_under(&self, query: &str, keys: &[Value]) {
        let keys = json!({ "keys": keys }).to_string();
        for (version, issuer) in [
            ("/v2.0", format!("{LOGIN}/{TENANT}/v2.0")),
            ("", format!("https://sts.windows.net/{TENANT}/")),
        ] {
            let keys_path = format!("/{TENANT}/discovery{version}/keys{query}");
            let metadata = json!({
                "issuer": issuer,
                "jwks_uri": format!("{LOGIN}{keys_path}"),
                "cloud_instance_name": CLOUD_INSTANCE,
            });
            let path = format!("/{TENANT}{version}/.well-known/openid-configuration{query}");
            self.serve(&path, metadata.to_string());
            self.serve(&keys_path, keys.clone());
        }
    }

    /// Answers requests for `path`, which may have a query, with this document.
    pub fn serve(&self, path: &str, document: String) {
        self.published().documents.insert(path.to_owned(), document);
    }

    /// Answers every request with this status, until [`Self::recover`].
    pub fn fail(&self, status: u16) {
        self.published().outage = Some(status);
    }

    /// Answers as before [`Self::fail`].
    pub fn recover(&self) {
        self.published().outage = None;
    }

    /// The paths that were asked for so far, with their queries.
    pub fn requests(&self) -> Vec<String> {
        self.published().requests.clone()
    }

    fn published(&self) -> std::sync::MutexGuard<'_, Published> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetch for TestTenant {
    fn get(&self, url: Url) -> BoxFuture<'_, Result<Bytes, FetchError>> {
        let tenant = self.clone();
        async move {
            // As a network would, let others run before the answer is there.
            tokio::task::yield_now().await;
            let mut published = tenant.published();
            let path = match url.query() {
                Some(query) => format!("{}?{query}", url.path()),
                None => url.path().to_owned(),
            };
            published.requests.push(path.clone());
            if let Some(status) = published.outage {
                return Err(FetchError::Status(status));
            }
            match published.documents.get(&path) {
                Some(document) => Ok(Bytes::from(document.clone())),
                None => Err(FetchError::Status(404)),
            }
        }
        .boxed()
    }
}

impl SigningKey {
    /// A key of this process.
    pub fn first() -> Self {
        FIRST.clone()
    }

    /// Another key of this process.
    pub fn second() -> Self {
        SECOND.clone()
    }

    /// The entry that publishes this key, as Entra writes it.
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "kid": self.id,
            "x5t": self.id,
            "n": URL_SAFE_NO_PAD.encode(self.modulus()),
            "e": "AQAB",
            "issuer": format!("{LOGIN}/{TENANT}/v2.0"),
            "cloud_instance_name": CLOUD_INSTANCE,
        })
    }

    /// The public modulus, big-endian.
    pub fn modulus(&self) -> &[u8] {
        // RFC 8017 §A.1.1, DER: 9 bytes up to the modulus of 2048 bits, then 5 of the exponent.
        let der = self.pair.public_key().as_ref();
        &der[9..der.len() - 5]
    }

    /// The RS256 signature of a text.
    pub fn sign(&self, text: &str) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .expect("the key signs");
        signature
    }

    fn generate(id: &'static str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        Self {
            id,
            pair: Arc::new(pair),
        }
    }
}

impl TestToken {
    fn new() -> Self {
        let key = SigningKey::first();
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5t": key.id, "kid": key.id });
        let claims = json!({
            "aud": AUDIENCE,
            "iss": format!("{LOGIN}/{TENANT}/v2.0"),
            "iat": START, "nbf": START, "exp": START + LIFETIME,
            "aio": "AXQAi/8TAAAAW5rB1cGlj3JdEu7sZ0m2Qk6yC4oTn8fHqLxVbKp",
            "azp": CLIENT, "azpacr": "0",
            "name": "Ada", "preferred_username": "ada@example.com",
            "oid": "aaaaaaaa-0000-4000-8000-000000000001",
            "rh": "1.AXQA8k3Zc7yQ1k2xW0p5n6d7fQ.",
            "scp": "Orders.Read Orders.Write",
            "sid": "00000000-0000-4000-8000-00000000beef",
            "sub": "hKq3bXc0Yd9v2LmZ8sTn5RwPq1JgUe7FaVxB6oCyDzE",
            "tid": TENANT, "uti": "Qk6yC4oTn8fHqLxVbKpAAA", "ver": "2.0", "xms_ftd": "x",
        });
        Self {
            header: object(header),
            claims: object(claims),
            key,
        }
    }

    /// The same token with this claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// The same token without this claim.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// The same token with this member in its header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// The same token as another tenant would make it.
    #[must_use]
    pub fn tenant(self, tenant: &str) -> Self {
        self.claim("tid", tenant)
            .claim("iss", format!("{LOGIN}/{tenant}/v2.0"))
    }

    /// The same token in the v1 form.
    #[must_use]
    pub fn v1(self) -> Self {
        self.without("azp")
            .without("azpacr")
            .claim("ver", "1.0")
            .claim("iss", format!("https://sts.windows.net/{TENANT}/"))
            .claim("appid", CLIENT)
    }

    /// The same token for an application with this role, in place of a user.
    #[must_use]
    pub fn application(self, role: &str) -> Self {
        let oid = self.claims["oid"].clone();
        self.without("scp")
            .claim("sub", oid)
            .claim("idtyp", "app")
            .claim("roles", json!([role]))
    }

    /// The same token, to be signed with another key and naming it.
    #[must_use]
    pub fn key(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self.header("kid", key.id).header("x5t", key.id)
    }

    /// The signed token.
    pub fn sign(&self) -> String {
        let signed = self.signing_input();
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(&signed));
        format!("{signed}.{signature}")
    }

    /// What is signed: header and payload.
    pub fn signing_input(&self) -> String {
        let segment = |part: &Map<String, Value>| {
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).expect("maps of JSON are JSON"))
        };
        format!("{}.{}", segment(&self.header), segment(&self.claims))
    }
}

impl TestClock {
    /// A clock at the time at which test tokens are issued.
    pub fn new() -> Self {
        Self::default()
    }

    /// Turns it on.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).expect("less than an age");
        self.millis.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(START) + self.uptime()
    }

    fn uptime(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => unreachable!("only objects are given"),
    }
}

static FIRST: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate("first-key"));
static SECOND: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate("second-key"));

/// The audience of test tokens.
pub const AUDIENCE: &str = "bbbbbbbb-0000-4000-8000-000000000002";

/// The application that test tokens are given to.
pub const CLIENT: &str = "cccccccc-0000-4000-8000-000000000003";

/// When test tokens are issued: 2026-01-01T00:00:00Z.
pub const START: u64 = 1_767_225_600;

/// How long test tokens are valid, in seconds.
pub const LIFETIME: u64 = 3600;

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const LOGIN: &str = "https://login.microsoftonline.com";
const CLOUD_INSTANCE: &str = "microsoftonline.com";
