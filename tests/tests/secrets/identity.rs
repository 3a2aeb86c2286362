//! The endpoint that hands out the app's tokens is slow or wrong.

use serde_json::json;
use stockade_tests::process::poll;

use crate::world::{World, digest_of, is_told_to_come_back};

#[test]
fn an_endpoint_slower_than_any_caller_is_asked_once_and_then_all_go_on() {
    let world = World::start();
    let asked_before = world.tokens_asked_for();
    // The start waits for five seconds, and a caller for nothing.
    world.identity_fault(&json!({"kind": "slow", "seconds": 7}));
    world.restart_with(&json!({}));

    for needy in ["required", "document", "pinned"] {
        is_told_to_come_back(&world.get(&format!("/api/{needy}")));
    }
    world.send_to_sign(1);
    world.wait_for("/api/required", &digest_of(&world.values.required));
    world.wait_for("/api/optional", &digest_of(&world.values.optional));
    world.wait_for("/api/pinned", &digest_of(&world.values.pinned));

    poll("the message to be signed", || world.queue("signed").pop());
    assert_eq!(world.tokens_asked_for() - asked_before, 1);
}

#[test]
fn an_endpoint_that_gives_no_token_is_survived_and_told() {
    let world = World::start();
    for (fault, told) in [
        (
            json!({"kind": "status", "status": 500}),
            "answers with an error",
        ),
        (
            json!({"kind": "throttled", "seconds": 3600}),
            "answers with an error",
        ),
        (json!({"kind": "garbage"}), "is no token"),
        (json!({"kind": "integer-expiry"}), "is no token"),
        (json!({"kind": "other-resource"}), "the vault refuses it"),
        (json!({"kind": "down"}), "no connection"),
    ] {
        let failures = |line: &stockade_tests::Line| {
            line.message() == "secret.failed" && line.text("error").contains(told)
        };
        let log = world.host.log();
        let before = log.iter().filter(|line| failures(line)).count();
        world.identity_fault(&fault);
        world.restart_with(&json!({}));

        is_told_to_come_back(&world.get("/api/required"));
        world.host.wait_for_lines(before + 1, told, failures);
        world.identity_fault(&json!({}));

        world.wait_for("/api/required", &digest_of(&world.values.required));
    }
}

#[test]
fn a_token_that_cannot_be_renewed_is_used_to_its_end() {
    let world = World::start();
    // From its first moment on it is so near to its end that a new one is wanted.
    world.identity_fault(&json!({"kind": "short-lived", "seconds": 90}));
    world.restart_with(&json!({}));
    world.wait_for("/api/required", &digest_of(&world.values.required));
    world.identity_fault(&json!({"kind": "status", "status": 500}));

    // Half a minute after the last one.
    let asked = world.asked_for("optional");
    poll("refreshes with the old token", || {
        (world.asked_for("optional") >= asked + 15).then_some(())
    });
    world.host.wait_for_line("a failed renewal", |line| {
        line.message() == "the app's identity gets no new token yet"
    });
    world.put("required", &json!("the next"));

    world.wait_for("/api/required", &digest_of("the next"));
}
