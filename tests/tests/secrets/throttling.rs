//! The vault asks to be left alone.

use serde_json::{Value, json};
use stockade_tests::process::poll;

use crate::world::{World, digest_of, is_told_to_come_back, setup};

/// How many requests about a secret were throttled.
fn throttled(history: &[Value], name: &str) -> usize {
    let about = history.iter().filter(|entry| entry["name"] == name);
    about.filter(|entry| entry["status"] == 429).count()
}

#[test]
fn a_vault_that_throttles_at_the_start_gets_one_request_for_each_try() {
    let world = World::start();
    for fault in [
        json!({"kind": "throttled", "seconds": 1}),
        json!({"kind": "status", "status": 429}),
    ] {
        let failed = || {
            let log = world.host.log();
            let failed = log.iter().filter(|line| {
                line.message() == "secret.failed" && line.text("secret") == "optional"
            });
            failed.count()
        };
        let (requests_before, failed_before) = (throttled(&world.history(), "optional"), failed());
        world.restart_with(&fault);

        is_told_to_come_back(&world.get("/api/required"));
        let tries = poll("three tries", || {
            let tries = failed() - failed_before;
            (tries >= 3).then_some(tries)
        });
        let requests = throttled(&world.history(), "optional") - requests_before;
        world.vault_fault(&json!({}));

        // One more may be under way.
        assert!(
            requests == tries || requests == tries + 1,
            "{fault}: {requests} requests, {tries} tries"
        );
        world.wait_for("/api/required", &digest_of(&world.values.required));
    }
}

#[test]
fn a_wish_to_be_left_alone_for_an_hour_is_kept_for_a_while_and_costs_no_value() {
    let world = World::start();
    let answers = || {
        let targets = ["required", "optional", "document", "pinned"];
        targets.map(|name| {
            let answer = world.get(&format!("/api/{name}"));
            (answer.status, answer.text())
        })
    };
    let before = answers();
    // Of the app's four secrets one remains, and goes on asking each second: the clock of this test.
    world.vault_fault(&json!({"kind": "throttled", "seconds": 3600, "times": 3}));

    let since = |history: &[Value]| -> Vec<Value> {
        let last = history.iter().rposition(|entry| entry["status"] == 429);
        history[last.map_or(0, |last| last + 1)..].to_vec()
    };
    let later = poll("the one that remains to ask again and again", || {
        let history = world.history();
        let all = history.iter().filter(|entry| entry["status"] == 429);
        let later = since(&history);
        (all.count() == 3 && later.len() >= 8).then_some(later)
    });

    let names: std::collections::BTreeSet<_> = later
        .iter()
        .map(|entry| entry["name"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(names.len(), 1, "the others leave it alone: {later:?}");
    assert_eq!(answers(), before);

    // No wish keeps a new version away for longer than half a minute.
    world.put("optional", &json!("another"));
    world.put("required", &json!("another"));
    poll("20 more", || {
        (since(&world.history()).len() >= 20).then_some(())
    });
    world.wait_for("/api/optional", &digest_of("another"));
    world.wait_for("/api/required", &digest_of("another"));
}

#[test]
fn values_stay_while_the_vault_throttles_and_a_rotation_is_seen_after_it() {
    let world = World::start();
    world.vault_fault(&json!({"kind": "throttled", "seconds": 1}));
    world.put("required", &json!("the next"));

    poll("some refused refreshes", || {
        (throttled(&world.history(), "document") >= 2).then_some(())
    });
    let meanwhile = world.get("/api/required");
    world.vault_fault(&json!({}));

    assert_eq!(meanwhile.text(), digest_of(&world.values.required));
    world.wait_for("/api/required", &digest_of("the next"));
}

#[test]
fn a_message_waits_for_a_vault_that_throttles() {
    let world = World::of(&setup());
    world.restart_with(&json!({"kind": "throttled", "seconds": 1}));

    world.send_to_sign(1);
    poll("the message to be taken", || {
        (world.under_way("sign") == 1).then_some(())
    });
    world.vault_fault(&json!({}));

    poll("the message to be signed", || world.queue("signed").pop());
    let worked = world
        .host
        .wait_for_line("the worker", |line| line.says("sign", "signing"));
    assert_eq!(worked.field("dequeue_count"), 1);
}
