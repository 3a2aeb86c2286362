//! `cargo fn doctor` beside a running devhost: it tells each trouble of the vault from the others, and
//! nothing of a secret.

use std::path::PathBuf;
use std::process::Command;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stockade_tests::running::free_port;
use stockade_tests::{App, Host, Request, Setup, binaries};
use tempfile::TempDir;

/// A project whose app folder a devhost may serve.
struct Project {
    folder: TempDir,
}

/// How the command ended, and what it printed.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    output: String,
    remarks: String,
}

impl Project {
    /// With a host.json and nothing else.
    fn new() -> Self {
        let project = Self {
            folder: tempfile::tempdir().expect("a folder can be made"),
        };
        let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        std::fs::copy(repository.join("host.json"), project.path("host.json"))
            .expect("the repository has a host.json");
        project
    }

    /// The project whose app this host runs.
    fn of(host: &Host) -> Self {
        let project = Self::new();
        std::fs::create_dir(project.path("target")).expect("the folder is empty");
        std::os::unix::fs::symlink(host.folder(), project.path("target/app"))
            .expect("the folder is empty");
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the command as cargo does, with these settings in its environment.
    fn doctor(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
        let output = Command::new(binaries::commands())
            .arg("doctor")
            .args(arguments)
            .env_clear()
            .env("CARGO", "cargo")
            .env("CARGO_MANIFEST_DIR", self.path("handler"))
            .env("CARGO_TARGET_DIR", self.path("target"))
            .envs(settings.iter().copied())
            .output()
            .expect("it can be run");
        Ran {
            code: output.status.code(),
            output: String::from_utf8(output.stdout).expect("it is text"),
            remarks: String::from_utf8(output.stderr).expect("it is text"),
        }
    }
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A check of the document; a secret's by its name.
    fn check(&self, title: &str) -> Value {
        let document = self.json();
        let checks = document["checks"].as_array().cloned().unwrap_or_default();
        let mut checks = checks.into_iter();
        let found = checks.find(|check| check["check"] == title || check["name"] == title);
        found.unwrap_or_else(|| panic!("no {title} in {self:?}"))
    }

    fn state(&self, title: &str) -> String {
        self.check(title)["state"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Neither in text nor in a usual encoding is a piece of the secret there.
    fn holds_nothing_of(&self, secret: &str) {
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let all = format!("{}{}", self.output, self.remarks);
        for piece in secret.as_bytes().windows(6) {
            let plain = String::from_utf8_lossy(piece).into_owned();
            for form in [plain, hex(piece), STANDARD.encode(piece)] {
                assert!(!all.contains(&form), "a piece of the secret is in {all}");
            }
        }
    }
}

/// A value that nothing else looks like.
fn secret() -> String {
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).expect("the system has randomness");
    STANDARD.encode(bytes)
}

/// devhost with the reference app, whose secret is this.
fn host(secret: &str) -> Host {
    // Before the host, since it stands where the host's handler belongs while it is built.
    binaries::commands();
    let secrets = json!({"erp-key": secret}).to_string();
    Setup::of(App::Reference)
        .file("local.secrets.json", &secrets)
        .start()
}

#[test]
fn beside_devhost_all_is_well() {
    let secret = secret();
    let host = host(&secret);
    let project = Project::of(&host);

    let table = project.doctor(&[], &[]);
    let json = project.doctor(&["--json"], &[]);

    assert_eq!(table.code, Some(0), "{table:?}");
    for text in [
        "orders: nothing stands in the way of its start",
        "devhost's managed identity gets a token for the vault",
        "answers as a vault",
        ", enabled, without",
    ] {
        assert!(table.output.contains(text), "{text} in {table:?}");
    }
    assert_eq!(table.remarks, "");
    assert_eq!(json.code, Some(0), "{json:?}");
    let document = json.json();
    assert_eq!(document["app"], "orders");
    assert_eq!(document["ok"], true);
    assert_eq!(document["exitCode"], 0);
    let names: Vec<_> = document["checks"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let names: Vec<_> = names.iter().map(|check| &check["check"]).collect();
    assert_eq!(names, ["settings", "app", "identity", "vault", "secret"]);
    assert_eq!(json.check("identity")["source"], "devhost");
    let address = json.check("vault")["address"].clone();
    assert!(
        address
            .as_str()
            .is_some_and(|text| text.starts_with("https://devhost.vault.localhost:")),
        "{address}"
    );
    let key = json.check("erp-key");
    assert_eq!(key["required"], true);
    assert_eq!(key["enabled"], true);
    assert_eq!(key["version"].as_str().map(str::len), Some(32), "{key}");
    assert!(
        key["expires"].is_null() && key["daysLeft"].is_null(),
        "{key}"
    );
    for ran in [&table, &json] {
        ran.holds_nothing_of(&secret);
    }
}

/// One trouble: how it is made, how it is told, and how it is ended.
struct Trouble {
    name: &'static str,
    made: Request,
    ended: Request,
    /// The check that tells it, and its state.
    told: (&'static str, &'static str),
    /// What becomes of the secret's own check.
    secret: &'static str,
    code: i32,
    next: &'static str,
}

fn vault(method: &str, path: &str) -> Request {
    Request::new(method, &format!("/admin/devhost/vault/{path}"))
}

fn fault(place: &str, fault: &Value) -> Request {
    Request::post(&format!("/admin/devhost/{place}/fault")).json(fault)
}

#[test]
fn each_trouble_is_told_from_the_others_and_nothing_of_the_secret_is() {
    let secret = secret();
    let host = host(&secret);
    let project = Project::of(&host);
    let put = || vault("PUT", "secrets/erp-key").json(&json!(secret));
    let of_secret = |name, made, ended, state, next| Trouble {
        name,
        made,
        ended,
        told: ("erp-key", state),
        secret: state,
        code: 1,
        next,
    };
    let of_vault = |name, kind, state, secret, code| Trouble {
        name,
        made: fault("vault", &json!({ "kind": kind })),
        ended: fault("vault", &json!({"kind": "none"})),
        told: ("vault", state),
        secret,
        code,
        next: "",
    };
    let post = |verb: &str| vault("POST", &format!("secrets/erp-key/{verb}"));
    let troubles = [
        of_secret(
            "deleted",
            vault("DELETE", "secrets/erp-key"),
            put(),
            "missing",
            "local.secrets",
        ),
        of_secret(
            "denied",
            post("deny"),
            post("allow"),
            "role-missing",
            "cargo fn dev",
        ),
        of_secret(
            "disabled",
            post("disable"),
            post("enable"),
            "disabled",
            "local.secrets",
        ),
        of_secret("expired", post("expire"), put(), "expired", "local.secrets"),
        of_secret(
            "empty",
            vault("PUT", "secrets/erp-key").json(&json!("")),
            put(),
            "unusable",
            "local.secrets",
        ),
        of_vault("throttled", "throttled", "throttled", "throttled", 1),
        of_vault("down", "down", "unreachable", "skipped", 3),
        of_vault("out of order", "status", "unreachable", "skipped", 3),
        of_vault("garbage", "garbage", "malformed", "skipped", 1),
        of_vault(
            "foreign",
            "foreign-resource",
            "foreign-challenge",
            "skipped",
            1,
        ),
        Trouble {
            name: "no identity",
            made: fault("identity", &json!({"kind": "down"})),
            ended: fault("identity", &json!({"kind": "none"})),
            told: ("identity", "away"),
            secret: "skipped",
            code: 3,
            next: "cargo fn dev",
        },
    ];
    for trouble in troubles {
        let name = trouble.name;
        host.admin(trouble.made);

        let json = project.doctor(&["--json"], &[]);
        let table = project.doctor(&[], &[]);

        host.admin(trouble.ended);
        assert_eq!(json.code, Some(trouble.code), "{name}: {json:?}");
        assert_eq!(table.code, Some(trouble.code), "{name}: {table:?}");
        assert_eq!(json.json()["exitCode"], trouble.code, "{name}");
        let (title, state) = trouble.told;
        assert_eq!(json.state(title), state, "{name}: {json:?}");
        assert_eq!(json.state("erp-key"), trouble.secret, "{name}: {json:?}");
        let next = json.check(title)["next"].clone();
        assert!(
            next.as_str()
                .is_some_and(|text| text.contains(trouble.next)),
            "{name}: {json:?}"
        );
        let error = format!("something is the matter with: {title}");
        assert!(table.remarks.contains(&error), "{name}: {table:?}");
        for ran in [&json, &table] {
            ran.holds_nothing_of(&secret);
        }
    }
    let mended = project.doctor(&["--json"], &[]);
    assert_eq!(mended.code, Some(0), "{mended:?}");
}

#[test]
fn a_secret_that_ends_soon_is_worth_a_warning() {
    let secret = secret();
    let host = host(&secret);
    let project = Project::of(&host);
    let now = std::time::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_secs();
    let ends_in = |days: u64| {
        let expires = now + days * 24 * 60 * 60 + 3600;
        let version = json!({"value": secret, "exp": expires});
        host.admin(vault("PUT", "secrets/erp-key").json(&version));
        project.doctor(&["--json"], &[])
    };

    let soon = ends_in(12);
    let later = ends_in(60);

    assert_eq!(soon.code, Some(1), "{soon:?}");
    assert_eq!(soon.check("erp-key")["result"], "warning");
    assert_eq!(soon.state("erp-key"), "expiring");
    assert_eq!(soon.check("erp-key")["daysLeft"], 12);
    assert_eq!(later.code, Some(0), "{later:?}");
    assert_eq!(later.check("erp-key")["daysLeft"], 60);
}

#[test]
fn wrong_settings_are_listed_whole_without_their_values_and_the_rest_is_still_checked() {
    let host = host(&secret());
    let project = Project::of(&host);
    let settings = [
        ("STOCKADE__LIMITS__DEADLINE_SECONDS", "value-one"),
        ("STOCKADE__AUTH__TENANT", "value-two"),
    ];

    let ran = project.doctor(&["--json"], &settings);
    let table = project.doctor(&[], &settings);

    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(ran.state("settings"), "wrong");
    let problems = ran.check("settings")["problems"].clone();
    let names: Vec<_> = problems.as_array().into_iter().flatten().collect();
    let names: Vec<_> = names.iter().map(|problem| &problem["name"]).collect();
    assert_eq!(
        names,
        [
            "STOCKADE__AUTH__TENANT",
            "STOCKADE__LIMITS__DEADLINE_SECONDS"
        ]
    );
    assert_eq!(ran.state("vault"), "ok");
    assert_eq!(ran.state("erp-key"), "ok");
    for ran in [ran, table] {
        let all = format!("{}{}", ran.output, ran.remarks);
        assert!(!all.contains("value-"), "{all}");
    }
}

#[test]
fn a_vault_of_ones_own_is_asked_in_place_of_devhosts() {
    let host = host(&secret());
    let project = Project::of(&host);
    let address = format!("https://own.vault.localhost:{}", free_port());

    let ran = project.doctor(
        &["--json"],
        &[
            ("STOCKADE__SECRETS__VAULT_URI", &address),
            ("STOCKADE__SECRETS__INSECURE_VAULT", "true"),
        ],
    );

    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(ran.check("vault")["address"], address.as_str());
    assert_eq!(ran.state("vault"), "unreachable");
    let next = ran.check("vault")["next"].clone();
    assert!(
        next.as_str()
            .is_some_and(|text| text.contains("STOCKADE__SECRETS__VAULT_URI")),
        "{next}"
    );
    assert_eq!(ran.state("identity"), "ok");
}

#[test]
fn what_is_unset_comes_from_local_settings_json() {
    let host = host(&secret());
    let project = Project::of(&host);
    let file = json!({"Values": {"STOCKADE__LIMITS__DEADLINE_SECONDS": "soon"}});
    std::fs::write(project.path("local.settings.json"), file.to_string()).expect("it is ours");

    let from_file = project.doctor(&["--json"], &[]);
    let set = project.doctor(&["--json"], &[("STOCKADE__LIMITS__DEADLINE_SECONDS", "20")]);
    std::fs::write(project.path("local.settings.json"), "{").expect("it is ours");
    let broken = project.doctor(&["--json"], &[]);

    assert_eq!(from_file.code, Some(2), "{from_file:?}");
    assert_eq!(from_file.check("settings")["sources"]["localSettings"], 1);
    assert_eq!(set.code, Some(0), "{set:?}");
    assert_eq!(broken.code, Some(2), "{broken:?}");
    assert_eq!(
        broken.check("settings")["problems"][0]["name"],
        "local.settings.json"
    );
}

#[test]
fn without_settings_and_devhost_the_first_step_is_named() {
    let project = Project::new();

    let never = project.doctor(&["--json"], &[]);
    let host = host(&secret());
    let stopped = Project::of(&host);
    let notes = std::fs::read(host.folder().join(".devhost.json")).expect("devhost runs");
    host.stop();
    // As one that was killed leaves them.
    std::fs::remove_file(stopped.path("target/app")).expect("it is a link");
    std::fs::create_dir(stopped.path("target/app")).expect("nothing is there");
    std::fs::write(stopped.path("target/app/.devhost.json"), notes).expect("it is ours");
    let left_behind = stopped.doctor(&["--json"], &[]);

    for ran in [never, left_behind] {
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert_eq!(ran.state("settings"), "nothing-configured");
        let next = ran.check("settings")["next"].clone();
        assert!(
            next.as_str()
                .is_some_and(|text| text.starts_with("cargo fn dev")),
            "{next}"
        );
        assert_eq!(ran.check("erp-key")["result"], "skipped");
    }
}

#[test]
fn colours_come_when_they_are_asked_for_and_the_table_keeps_to_eighty_columns() {
    let host = host(&secret());
    let project = Project::of(&host);
    host.admin(vault("DELETE", "secrets/erp-key"));

    let plain = project.doctor(&[], &[("NO_COLOR", "1")]);
    let coloured = project.doctor(&["--color", "always"], &[("NO_COLOR", "1")]);

    assert!(!plain.output.contains('\u{1b}'), "{plain:?}");
    assert!(!plain.remarks.contains('\u{1b}'), "{plain:?}");
    for line in plain.output.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(coloured.output.contains("\u{1b}[32mok"), "{coloured:?}");
    assert!(
        coloured.output.contains("\u{1b}[31mproblem"),
        "{coloured:?}"
    );
}
