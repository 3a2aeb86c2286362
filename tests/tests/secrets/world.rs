//! The app of the suite, with a vault full of values that nobody has seen before.

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stockade_tests::process::poll;
use stockade_tests::{Answer, App, Host, Request, Setup};

/// The version that the app pins.
pub(crate) const PINNED: &str = "0123456789abcdef0123456789abcdef";
/// What the app's tokens are for.
const RESOURCE: &str = "https://vault.localhost";

/// A running host whose vault holds known values.
pub(crate) struct World {
    pub(crate) host: Host,
    pub(crate) values: Values,
}

/// The values, made for one test.
#[derive(Clone)]
pub(crate) struct Values {
    pub(crate) pinned: String,
    pub(crate) required: String,
    pub(crate) optional: String,
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Values {
    pub(crate) fn random() -> Self {
        Self {
            pinned: random(),
            required: random(),
            optional: random(),
            user: random(),
            password: random(),
        }
    }

    /// The secret that is a JSON document.
    pub(crate) fn document(&self) -> String {
        json!({"user": self.user, "password": self.password}).to_string()
    }

    /// `local.secrets.json`, with the pinned version of `required`, which is its latest.
    fn local_secrets(&self) -> String {
        json!({
            "required": {"value": self.pinned, "version": PINNED},
            "optional": self.optional,
            "document": self.document(),
        })
        .to_string()
    }
}

/// The app, which looks for new versions each second.
pub(crate) fn setup() -> Setup {
    Setup::of(App::Gallery("vaulted"))
        .setting("SIGN_QUEUE", "sign")
        .setting("STOCKADE__SECRETS__REFRESH_SECONDS", "1")
}

impl World {
    /// Starts the app, and waits until it has all of its secrets.
    pub(crate) fn start() -> Self {
        let world = Self::of(&setup());
        world.wait_for("/api/required", &digest_of(&world.values.required));
        world
    }

    /// Starts the app in this setup with values in its vault.
    pub(crate) fn of(setup: &Setup) -> Self {
        let mut values = Values::random();
        values.required = values.pinned.clone();
        let host = setup
            .clone()
            .file("local.secrets.json", &values.local_secrets())
            .start();
        Self { host, values }
    }

    /// Starts the app anew while this is wrong with its vault.
    pub(crate) fn restart_with(&self, fault: &Value) {
        self.vault_fault(fault);
        self.host.restart();
        // The host takes a moment to find its new handler.
        poll("the handler to answer", || {
            (self.get("/api/plain").status == 200).then_some(())
        });
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        Request::get(target).send(self.host.port)
    }

    /// Waits until a function answers so.
    pub(crate) fn wait_for(&self, target: &str, text: &str) {
        poll(&format!("{target} to answer {text}"), || {
            let answer = self.get(target);
            (answer.status == 200 && answer.text() == text).then_some(())
        });
    }

    /// Waits until a function answers with this status.
    pub(crate) fn wait_for_status(&self, target: &str, status: u16) -> Answer {
        poll(&format!("{target} to answer {status}"), || {
            let answer = self.get(target);
            (answer.status == status).then_some(answer)
        })
    }

    /// A request to devhost's admin API.
    pub(crate) fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        let answer = Request::new(method, &format!("/admin/devhost/{path}"))
            .header("x-functions-key", self.host.master_key())
            .json(body)
            .send(self.host.port);
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
        answer
    }

    pub(crate) fn vault_fault(&self, fault: &Value) {
        self.admin("POST", "vault/fault", fault);
    }

    pub(crate) fn identity_fault(&self, fault: &Value) {
        self.admin("POST", "identity/fault", fault);
    }

    /// Adds a version of a secret.
    pub(crate) fn put(&self, name: &str, secret: &Value) {
        self.admin("PUT", &format!("vault/secrets/{name}"), secret);
    }

    /// The latest requests to the vault, one by one.
    pub(crate) fn history(&self) -> Vec<Value> {
        let report = self.admin("GET", "vault", &json!({})).json();
        report["history"].as_array().cloned().unwrap_or_default()
    }

    /// How often the vault was asked for a secret.
    pub(crate) fn asked_for(&self, name: &str) -> usize {
        let history = self.history();
        let about = history.iter().filter(|entry| entry["name"] == name);
        about.count()
    }

    /// How often the identity endpoint was asked for a token for the vault.
    pub(crate) fn tokens_asked_for(&self) -> u64 {
        let report = self.admin("GET", "identity", &json!({})).json();
        report["requests"][RESOURCE].as_u64().unwrap_or_default()
    }

    /// Sends a message that the worker signs.
    pub(crate) fn send_to_sign(&self, id: u32) {
        let message = json!({ "id": id });
        self.admin("POST", "queues/sign", &message);
    }

    /// The first messages of a queue.
    pub(crate) fn queue(&self, name: &str) -> Vec<Value> {
        let answer = self.admin("GET", &format!("queues/{name}"), &json!({}));
        answer.json().as_array().cloned().unwrap_or_default()
    }

    /// How many messages of a queue somebody has taken and not yet worked off.
    pub(crate) fn under_way(&self, name: &str) -> u64 {
        let queues = self.admin("GET", "queues", &json!({})).json();
        let queue = queues
            .as_array()
            .into_iter()
            .flatten()
            .find(|queue| queue["name"] == name)
            .map(|queue| queue["hidden"].as_u64());
        queue.flatten().unwrap_or_default()
    }

    /// The pid of the handler, which is another after each start.
    pub(crate) fn pid(&self) -> u32 {
        self.host.handler_pid()
    }
}

/// Checks that a caller is told to come back.
pub(crate) fn is_told_to_come_back(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.problem(), "unavailable", "{answer:?}");
    let seconds = answer.header("retry-after").map(str::parse::<u32>);
    assert!(matches!(seconds, Some(Ok(1..))), "{answer:?}");
}

/// The document in a message of a queue.
pub(crate) fn content(message: &Value) -> Value {
    let text = message["text"].as_str().unwrap_or_default();
    let bytes = STANDARD
        .decode(text)
        .expect("base64, as host.json wants it");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// SHA-256 in hex, as the app tells it.
pub(crate) fn digest_of(value: &str) -> String {
    let digest = digest::digest(&digest::SHA256, value.as_bytes());
    let bytes = digest.as_ref().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// 40 characters that nobody has seen before.
pub(crate) fn random() -> String {
    let mut bytes = [0; 30];
    rand::fill(&mut bytes).expect("the system has randomness");
    STANDARD.encode(bytes)
}
