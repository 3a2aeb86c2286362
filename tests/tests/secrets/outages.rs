//! The vault is away: at the start, meanwhile, and for longer than anybody waits.

use serde_json::{Value, json};
use stockade_tests::process::poll;
use stockade_tests::{App, Setup};

use crate::world::{World, content, digest_of, is_told_to_come_back, setup};

#[test]
fn an_app_that_starts_without_its_vault_serves_what_needs_no_secret_and_recovers_by_itself() {
    let world = World::start();
    world.restart_with(&json!({"kind": "down"}));
    let pid = world.pid();

    for needy in ["required", "document", "pinned"] {
        is_told_to_come_back(&world.get(&format!("/api/{needy}")));
    }
    assert_eq!(world.get("/api/plain").status, 200);
    assert_eq!(world.get("/api/optional").text(), "none");
    let refused = world.host.wait_for_line("the line of the refusal", |line| {
        line.ends("required") && line.text("rule") == "no_secret"
    });
    assert_eq!(refused.outcome(), Some("unavailable"));
    world.vault_fault(&json!({}));

    world.wait_for("/api/required", &digest_of(&world.values.required));
    world.wait_for("/api/optional", &digest_of(&world.values.optional));
    world.wait_for("/api/pinned", &digest_of(&world.values.pinned));
    let document = [&world.values.user, &world.values.password].map(|value| digest_of(value));
    world.wait_for("/api/document", &document.join(" "));
    assert_eq!(world.pid(), pid, "nobody restarted");
}

#[test]
fn a_message_that_comes_while_the_vault_is_down_waits_and_is_worked_off_at_its_first_delivery() {
    let world = World::start();
    world.restart_with(&json!({"kind": "down"}));

    world.send_to_sign(1);
    poll("the message to be taken", || {
        (world.under_way("sign") == 1).then_some(())
    });
    is_told_to_come_back(&world.get("/api/required"));
    world.vault_fault(&json!({}));

    let signed = poll("the message to be signed", || world.queue("signed").pop());
    let expected = json!({"id": 1, "digest": digest_of(&world.values.required)});
    assert_eq!(content(&signed), expected);
    let worked = world
        .host
        .wait_for_line("the worker", |line| line.says("sign", "signing"));
    assert_eq!(worked.field("dequeue_count"), 1, "one delivery");
    assert_eq!(world.queue("sign-poison"), Vec::<Value>::new());
}

#[test]
fn an_outage_beyond_the_deadline_costs_a_message_a_delivery_and_not_more() {
    let world = World::of(&setup().setting("STOCKADE__LIMITS__DEADLINE_SECONDS", "2"));
    world.restart_with(&json!({"kind": "down"}));

    world.send_to_sign(1);
    let given_up = world
        .host
        .wait_for_line("the deadline", |line| line.ends("sign"));
    world.vault_fault(&json!({}));

    assert_eq!(given_up.text("rule"), "deadline");
    poll("the message to be signed", || world.queue("signed").pop());
    let worked = world
        .host
        .wait_for_line("the worker", |line| line.says("sign", "signing"));
    let deliveries = worked.field("dequeue_count").as_u64();
    assert!(matches!(deliveries, Some(2 | 3)), "{worked:?}");
    assert_eq!(world.queue("sign-poison"), Vec::<Value>::new());
}

#[test]
fn the_last_good_value_counts_while_the_vault_is_away_and_the_log_says_so() {
    let world = World::start();
    let expected = digest_of(&world.values.required);
    world.vault_fault(&json!({"kind": "down"}));

    world
        .host
        .wait_for_lines(3, "failed refreshes in the log", |line| {
            line.message() == "secret.failed"
                && line.text("secret") == "required"
                && line.text("level") == "WARN"
        });

    assert_eq!(world.get("/api/required").text(), expected);
}

#[test]
fn a_last_good_value_ends_after_the_time_that_is_set_and_comes_back_with_the_vault() {
    let world = World::of(&setup().setting("STOCKADE__SECRETS__LAST_GOOD_SECONDS", "3"));
    let expected = digest_of(&world.values.required);
    world.wait_for("/api/required", &expected);
    world.vault_fault(&json!({"kind": "down"}));

    let refused = world.wait_for_status("/api/required", 503);
    is_told_to_come_back(&refused);
    world.host.wait_for_line("the end in the log", |line| {
        line.message() == "secret.ended"
            && line.text("reason") == "too_old"
            && line.text("secret") == "required"
            && line.text("level") == "WARN"
    });
    assert_eq!(world.get("/api/plain").status, 200);
    world.vault_fault(&json!({}));

    world.wait_for("/api/required", &expected);
}

#[test]
fn a_state_that_needs_a_secret_is_built_as_soon_as_the_vault_is_back() {
    // The time between two tries of the state alone grows to half a minute.
    let setup =
        Setup::of(App::Gallery("vaulted-state")).setting("STOCKADE__SECRETS__REFRESH_SECONDS", "1");
    let world = World::of(&setup);
    let expected = digest_of(&world.values.required);
    world.wait_for("/api/kept", &expected);
    world.vault_fault(&json!({"kind": "down"}));
    world.host.restart();
    is_told_to_come_back(&world.wait_for_status("/api/kept", 503));
    world
        .host
        .wait_for_lines(4, "tries to build the state", |line| {
            line.message() == "the app's state cannot be built; trying again"
        });

    world.vault_fault(&json!({}));

    world.wait_for("/api/kept", &expected);
}
