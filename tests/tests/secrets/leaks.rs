//! Whatever goes wrong, no part of a value comes out.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stockade_tests::process::poll;
use stockade_tests::running::free_port;
use stockade_tests::search::Search;
use stockade_tests::{Answer, Ended, Mode, Request, binaries};

use crate::world::{PINNED, Values, World, digest_of, random, setup};

/// Values with everything in them that has to be escaped somewhere.
fn hostile() -> Values {
    let value = || {
        format!(
            "{}\"'\\\n\r\t{}äß☃\u{1f512}%&={}",
            random(),
            random(),
            random()
        )
    };
    Values {
        pinned: value(),
        required: value(),
        optional: value(),
        user: value(),
        password: value(),
    }
}

impl Values {
    fn all(&self) -> [&str; 5] {
        [
            &self.pinned,
            &self.required,
            &self.optional,
            &self.user,
            &self.password,
        ]
    }
}

/// A host with hostile values, and everything that ever came out of it.
struct Leaks {
    world: World,
    answers: Vec<Answer>,
}

impl Leaks {
    fn start(mode: Mode) -> Self {
        let values = hostile();
        // What `local.secrets.json` holds would be found in the app folder, so there is none.
        let host = setup().mode(mode).setting("RUST_BACKTRACE", "1").start();
        let world = World { host, values };
        world.put(
            "required",
            &json!({"value": world.values.pinned, "version": PINNED}),
        );
        world.put("required", &json!(world.values.required));
        world.put("optional", &json!(world.values.optional));
        world.put("document", &json!(world.values.document()));
        world.wait_for("/api/required", &digest_of(&world.values.required));
        world.wait_for("/api/optional", &digest_of(&world.values.optional));
        world.wait_for("/api/pinned", &digest_of(&world.values.pinned));
        world.wait_for_status("/api/document", 200);
        Self {
            world,
            answers: Vec::new(),
        }
    }

    fn send(&mut self, request: &Request) -> u16 {
        let answer = request.send(self.world.host.port);
        let status = answer.status;
        self.answers.push(answer);
        status
    }

    /// Calls everything in every way.
    fn call_all(&mut self) {
        for target in [
            "plain",
            "required",
            "optional",
            "document",
            "pinned",
            "rotations",
            "fail/retry",
            "fail/fatal",
            "fail/other",
            "panic",
            "nowhere",
            "fail/a-word-that-is-too-long",
        ] {
            let target = format!("/api/{target}");
            self.send(&Request::get(&target));
            self.send(&Request::post(&target).bearer("not.a.token"));
        }
        for body in ["{\"text\": \"far too long\"}", "{\"txet\": 1}", "[", ""] {
            self.send(&Request::post("/api/take").body("application/json", body));
            self.send(&Request::post("/api/take").body("text/plain", body));
        }
    }

    /// Lets the vault do this until it shows in the log.
    fn while_the_vault(&mut self, fault: &Value) {
        let told = |line: &stockade_tests::Line| {
            line.message() == "secret.failed" && line.text("secret") == "required"
        };
        let log = self.world.host.log();
        let before = log.iter().filter(|line| told(line)).count();
        self.world.vault_fault(fault);
        self.world
            .host
            .wait_for_lines(before + 1, "a refusal", told);
        self.send(&Request::get("/api/required"));
        self.world.vault_fault(&json!({}));
    }

    /// Where parts of the values are, and in which form.
    fn found(self) -> BTreeSet<(String, &'static str)> {
        let values = self.world.values.clone();
        let search = Search::of(values.all());
        let mut found = BTreeSet::new();
        let mut look = |place: &str, text: &str| {
            for form in search.find(text) {
                found.insert((place.to_owned(), form));
            }
        };
        for answer in &self.answers {
            look("answer", &answer.text());
            for (name, value) in answer.all_headers() {
                look("header", &format!("{name}: {value}"));
            }
        }
        let queues = self.world.admin("GET", "queues", &json!({})).json();
        for queue in queues.as_array().into_iter().flatten() {
            let name = queue["name"].as_str().expect("a queue has a name");
            for message in self.world.queue(name) {
                let text = message["text"].as_str().unwrap_or_default();
                look("queue", text);
                let plain = STANDARD.decode(text).unwrap_or_default();
                look("queue", &String::from_utf8_lossy(&plain));
            }
        }
        for text in files(self.world.host.folder()) {
            look("file", &text);
        }
        for line in self.world.host.stop() {
            look("log", &line);
        }
        found
    }
}

/// All that stands below a folder, names included.
fn files(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("readable");
        texts.push(entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().expect("it has one");
        if kind.is_dir() {
            texts.extend(files(&entry.path()));
        } else if kind.is_file() {
            let bytes = std::fs::read(entry.path()).expect("readable");
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    texts
}

#[test]
fn no_part_of_a_value_comes_out_whatever_goes_wrong() {
    for mode in [Mode::Proxying, Mode::Envelope] {
        let mut leaks = Leaks::start(mode);
        let values = leaks.world.values.clone();

        leaks.call_all();
        leaks.world.send_to_sign(1);
        poll("a signature", || leaks.world.queue("signed").pop());
        for message in [
            json!({"id": -1}),
            json!({"id": values.required.len(), "x": 1}),
        ] {
            leaks.world.admin("POST", "queues/sign", &message);
        }
        poll("what cannot be signed to be given up", || {
            (leaks.world.queue("sign-poison").len() == 2).then_some(())
        });
        for fault in [
            json!({"kind": "down"}),
            json!({"kind": "status", "status": 500}),
            json!({"kind": "throttled", "seconds": 1}),
            json!({"kind": "garbage"}),
            json!({"kind": "truncated"}),
            json!({"kind": "huge"}),
            json!({"kind": "foreign-resource"}),
            json!({"kind": "redirect"}),
        ] {
            leaks.while_the_vault(&fault);
        }
        // Documents that are none, made of what may not be told.
        for broken in [
            format!("{{\"user\": {}", json!(values.user)),
            json!({"user": values.user, (values.password.as_str()): 1}).to_string(),
            json!({"user": [values.user], "password": values.password}).to_string(),
            json!({"user": "", "password": values.password}).to_string(),
            values.password.clone(),
        ] {
            let told = |line: &stockade_tests::Line| line.text("secret") == "document";
            let before = leaks.world.host.log();
            let before = before.iter().filter(|line| told(line)).count();
            leaks.world.put("document", &json!(broken));
            leaks
                .world
                .host
                .wait_for_lines(before + 1, "a refusal", told);
        }
        leaks.world.put("document", &json!(values.document()));
        for verb in ["disable", "enable", "expire"] {
            leaks.world.admin(
                "POST",
                &format!("vault/secrets/optional/{verb}"),
                &json!({}),
            );
        }
        leaks.world.wait_for("/api/optional", "none");
        leaks.world.identity_fault(&json!({"kind": "garbage"}));
        leaks.world.restart_with(&json!({}));
        leaks.call_all();
        leaks.world.identity_fault(&json!({}));
        leaks
            .world
            .wait_for("/api/required", &digest_of(&values.required));
        leaks.call_all();

        let log = leaks.world.host.log();
        for message in ["about to fail", "a panic was caught", "the hook was called"] {
            assert!(
                log.iter().any(|line| line.message() == message),
                "{message}"
            );
        }
        let statuses: BTreeSet<_> = leaks.answers.iter().map(|answer| answer.status).collect();
        for status in [200, 400, 404, 415, 500, 503] {
            assert!(
                statuses.contains(&status),
                "{status} is not in {statuses:?}"
            );
        }
        assert_eq!(leaks.found(), BTreeSet::new(), "{mode:?}");
    }
}

#[test]
fn a_value_in_the_wrong_setting_is_not_told() {
    let value = random();
    let search = Search::of([value.as_str()]);
    let names = [
        "STOCKADE__SECRETS__VAULT_URI",
        "STOCKADE__SECRETS__INSECURE_VAULT",
        "STOCKADE__SECRETS__REFRESH_SECONDS",
        "STOCKADE__SECRETS__LAST_GOOD_SECONDS",
        "STOCKADE__SECRETS__REQUIRED",
        "STOCKADE__IDENTITY__CLIENT_ID",
        "STOCKADE__AUTH__CLOUD",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
    ];
    let setup = names
        .iter()
        .fold(setup(), |setup, name| setup.setting(name, &value));

    let Ended { status, lines } = setup.run_to_its_end(free_port());
    let listed = Command::new(binaries::path("gallery"))
        .arg("manifest")
        .env_clear()
        .envs(names.map(|name| (name, value.as_str())))
        .envs([("GALLERY", "vaulted"), ("RUST_BACKTRACE", "1")])
        .output()
        .expect("it can be run");

    assert_eq!(status.code(), Some(2), "{lines:?}");
    assert_eq!(search.find(lines.join("\n")), BTreeSet::new());
    for output in [listed.stdout, listed.stderr] {
        assert_eq!(search.find(&output), BTreeSet::new());
    }
}

#[test]
fn a_part_that_a_function_tells_is_found_wherever_it_tells_it() {
    let mut leaks = Leaks::start(Mode::Proxying);
    for how in [
        "log", "debug", "print", "error", "answer", "header", "queue", "file",
    ] {
        assert_eq!(leaks.send(&Request::get(&format!("/api/tell/{how}"))), 200);
    }
    poll("the message", || leaks.world.queue("told").pop());

    let found = leaks.found();

    for (place, form) in [
        ("log", "JSON"),
        ("log", "plain"),
        ("log", "base64"),
        ("log", "base64url"),
        ("answer", "HEX"),
        ("header", "hex"),
        ("queue", "plain"),
        ("queue", "base64"),
        ("file", "percent"),
    ] {
        assert!(
            found.contains(&(place.to_owned(), form)),
            "{place} {form}: {found:?}"
        );
    }
}
