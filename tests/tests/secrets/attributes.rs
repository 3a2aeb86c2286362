//! What the vault says of a version counts: also for one that is held.

use std::time::UNIX_EPOCH;

use serde_json::json;
use stockade_tests::Line;
use stockade_tests::process::poll;

use crate::world::{World, digest_of, is_told_to_come_back};

/// Seconds since 1970.
fn now() -> u64 {
    let since = UNIX_EPOCH.elapsed().expect("1970 is over");
    since.as_secs()
}

fn has_ended(line: &Line) -> bool {
    line.message() == "secret.ended"
        && line.text("secret") == "optional"
        && line.text("level") == "WARN"
}

#[test]
fn a_secret_that_is_disabled_or_deleted_ends_and_comes_back_without_a_restart() {
    let world = World::start();
    let pid = world.pid();
    let value = digest_of(&world.values.optional);
    world.wait_for("/api/optional", &value);

    world.admin("POST", "vault/secrets/optional/disable", &json!({}));
    world.wait_for("/api/optional", "none");
    world
        .host
        .wait_for_lines(1, "the end in the log", has_ended);
    world.admin("POST", "vault/secrets/optional/enable", &json!({}));
    world.wait_for("/api/optional", &value);

    world.admin("DELETE", "vault/secrets/optional", &json!({}));
    world.wait_for("/api/optional", "none");
    world
        .host
        .wait_for_lines(2, "the end in the log", has_ended);
    world.put("optional", &json!("again"));
    world.wait_for("/api/optional", &digest_of("again"));

    assert_eq!(world.pid(), pid);
}

#[test]
fn a_required_secret_that_ends_takes_its_functions_with_it_and_no_others() {
    let world = World::start();
    let document = world.get("/api/document").text();

    world.admin("POST", "vault/secrets/required/disable", &json!({}));

    is_told_to_come_back(&world.wait_for_status("/api/required", 503));
    assert_eq!(world.get("/api/plain").status, 200);
    assert_eq!(world.get("/api/document").text(), document);
}

#[test]
fn a_version_that_expires_while_it_is_held_ends_though_the_vault_still_gives_it() {
    let world = World::start();
    let version = json!({"value": "brief", "exp": now() + 5});
    world.put("required", &version);
    world.wait_for("/api/required", &digest_of("brief"));

    is_told_to_come_back(&world.wait_for_status("/api/required", 503));

    // The vault reports the date and enforces nothing.
    let history = world.history();
    let last = history
        .iter()
        .rev()
        .find(|entry| entry["name"] == "required");
    assert_eq!(last.unwrap()["status"], 200);
    world.put("required", &json!("the next"));
    world.wait_for("/api/required", &digest_of("the next"));
}

#[test]
fn a_version_for_later_takes_the_place_of_the_one_before_it_when_its_time_comes() {
    let world = World::start();
    let (old, new) = (digest_of(&world.values.required), digest_of("later"));
    let begins = now() + 4;
    let asked = world.asked_for("required");
    world.put("required", &json!({"value": "later", "nbf": begins}));
    poll("the version to be seen", || {
        (world.asked_for("required") >= asked + 4).then_some(())
    });

    poll("its time to come", || {
        let answer = world.get("/api/required");
        assert_eq!(answer.status, 200, "{answer:?}");
        match answer.text() {
            text if text == old => None,
            text => {
                assert_eq!(text, new);
                let after = now();
                assert!(after >= begins, "{after} is before {begins}");
                Some(())
            }
        }
    });
}

#[test]
fn a_secret_that_is_forbidden_at_the_start_is_had_as_soon_as_it_is_granted() {
    let world = World::start();
    world.admin("POST", "vault/secrets/required/deny", &json!({}));
    world.restart_with(&json!({}));
    let pid = world.pid();

    is_told_to_come_back(&world.get("/api/required"));
    assert_eq!(
        world.get("/api/document").status,
        200,
        "it is another secret"
    );
    world.host.wait_for_line("the reason in the log", |line| {
        line.text("secret") == "required" && line.text("error").contains("may not read the secret")
    });
    world.admin("POST", "vault/secrets/required/allow", &json!({}));

    world.wait_for("/api/required", &digest_of(&world.values.required));
    assert_eq!(world.pid(), pid);
}

#[test]
fn a_secret_that_is_forbidden_later_counts_on_and_the_log_says_so() {
    let world = World::start();
    let value = digest_of(&world.values.required);
    world.admin("POST", "vault/secrets/required/deny", &json!({}));

    world.host.wait_for_lines(4, "refusals in the log", |line| {
        line.text("secret") == "required"
            && line.text("level") == "WARN"
            && line.text("error").contains("may not read the secret")
    });

    assert_eq!(world.get("/api/required").text(), value);
}
