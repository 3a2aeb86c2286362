//! What answers at the vault's address wants the token for somebody else, or is no vault.

use serde_json::{Value, json};
use stockade_tests::Line;

use crate::world::{World, digest_of, is_told_to_come_back, setup};

/// The app, which looks for new versions so seldom that the process before a restart asks for nothing.
fn start() -> World {
    World::of(&setup().setting("STOCKADE__SECRETS__REFRESH_SECONDS", "600"))
}

/// The requests since the vault has this fault.
fn seen(world: &World, kind: &str, skip: usize) -> Vec<Value> {
    let history = world.history();
    let seen = history.iter().filter(|entry| entry["fault"] == kind);
    seen.skip(skip).cloned().collect()
}

/// Starts the app with a fault and gives the requests that the vault then saw.
fn start_with(world: &World, fault: &Value, told: &str) -> Vec<Value> {
    let kind = fault["kind"].as_str().expect("a fault has a kind");
    let skip = seen(world, kind, 0).len();
    let is_told =
        |line: &Line| line.message() == "secret.failed" && line.text("error").contains(told);
    let log = world.host.log();
    let before = log.iter().filter(|line| is_told(line)).count();

    world.restart_with(fault);

    is_told_to_come_back(&world.get("/api/required"));
    world.host.wait_for_lines(before + 1, told, is_told);
    let seen = seen(world, kind, skip);
    assert!(!seen.is_empty(), "{fault}");
    world.vault_fault(&json!({}));
    // All of them, since what is not there goes on asking.
    for (target, value) in [
        ("/api/required", &world.values.required),
        ("/api/pinned", &world.values.pinned),
        ("/api/optional", &world.values.optional),
    ] {
        world.wait_for(target, &digest_of(value));
    }
    world.wait_for_status("/api/document", 200);
    seen
}

const FOREIGN: &str = "asks for a token that is not a vault's";

#[test]
fn no_token_is_even_asked_for_where_a_challenge_is_for_somebody_else() {
    let world = start();
    for (kind, to) in [
        ("foreign-resource", "https://vault.foreign.example"),
        ("foreign-resource", "https://localhost"),
        ("foreign-resource", "http://vault.localhost"),
        ("foreign-resource", "https://devhost.vault.localhost"),
        (
            "foreign-resource",
            "https://vault.localhost.foreign.example",
        ),
        (
            "foreign-resource",
            "https://vault.localhost@foreign.example",
        ),
        ("foreign-authority", "https://login.foreign.example/common"),
        (
            "foreign-authority",
            "http://127.0.0.1.foreign.example/common",
        ),
        (
            "foreign-authority",
            "http://127.0.0.1@foreign.example/common",
        ),
        (
            "foreign-authority",
            "https://login.microsoftonline.com/common",
        ),
    ] {
        // A new process asks for a token at its first proper challenge, and not before.
        let asked = world.tokens_asked_for();
        let seen = start_with(&world, &json!({"kind": kind, "to": to}), FOREIGN);

        let with_token = seen.iter().filter(|entry| entry["authorization"] == true);
        assert_eq!(with_token.count(), 0, "{to}: {seen:?}");
        assert_eq!(
            world.tokens_asked_for(),
            asked + 1,
            "{to}: for the recovery"
        );
    }
}

#[test]
fn a_foreign_challenge_after_a_good_one_costs_no_value_and_no_token() {
    let world = World::start();
    let asked = world.tokens_asked_for();
    world.vault_fault(&json!({"kind": "foreign-resource"}));

    world.host.wait_for_lines(3, "refusals in the log", |line| {
        line.text("secret") == "required" && line.text("error").contains(FOREIGN)
    });

    assert_eq!(
        world.get("/api/required").text(),
        digest_of(&world.values.required)
    );
    assert_eq!(world.tokens_asked_for(), asked);
}

#[test]
fn a_redirect_is_not_followed_and_gets_no_token() {
    let world = start();
    let report = world.admin("GET", "vault", &json!({})).json();
    let own = report["uri"].as_str().expect("the vault has an address");
    // Another name of this vault, under the same certificate: whoever follows arrives.
    let foreign = own.replace("devhost.", "foreign.");
    let fault = json!({"kind": "redirect", "to": foreign.trim_end_matches('/')});

    let seen = start_with(&world, &fault, "it redirects");

    for entry in world.history() {
        let host = entry["host"].as_str().unwrap_or_default();
        assert!(host.starts_with("devhost."), "{entry}");
    }
    let with_token = seen.iter().filter(|entry| entry["authorization"] == true);
    assert_eq!(with_token.count(), 0, "{seen:?}");
}

#[test]
fn an_answer_that_is_no_secret_is_told_and_survived() {
    let world = World::start();
    for (fault, told) in [
        (json!({"kind": "garbage"}), "no JSON of a secret"),
        (json!({"kind": "truncated"}), "malformed"),
        (json!({"kind": "huge"}), "malformed: too large"),
        (json!({"kind": "status", "status": 500}), "out of order"),
        (json!({"kind": "status", "status": 204}), ""),
    ] {
        start_with(&world, &fault, told);
    }
}

#[test]
fn a_vault_slower_than_anybody_waits_holds_nothing_up_and_is_told() {
    let world = World::start();

    start_with(
        &world,
        &json!({"kind": "slow", "seconds": 60}),
        "takes too long",
    );
}
