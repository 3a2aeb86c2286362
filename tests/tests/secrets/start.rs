//! The start asks for all secrets at once.

use serde_json::{Value, json};
use stockade_tests::{App, Setup};

use crate::world::{World, random};

/// The vault's requests, each by when it began and ended.
fn spans(history: &[Value], authorization: bool) -> Vec<(u64, u64)> {
    let slow = history.iter().filter(|entry| entry["fault"] == "slow");
    slow.filter(|entry| entry["authorization"] == authorization)
        .map(|entry| {
            let number = |name: &str| entry[name].as_u64().expect("it ended");
            (number("began"), number("ended"))
        })
        .collect()
}

/// Whether each began before any had ended.
fn are_at_once(spans: &[(u64, u64)]) -> bool {
    let last = spans.iter().map(|(began, _)| began).max();
    let first = spans.iter().map(|(_, ended)| ended).min();
    last < first
}

#[test]
fn all_secrets_are_asked_for_at_once_after_all_were_challenged_at_once() {
    for (app, count) in [("vaulted-1", 1), ("vaulted-8", 8), ("vaulted-32", 32)] {
        let secrets = (0..32).map(|number| (format!("many-{number}"), Value::from(random())));
        let secrets = Value::Object(secrets.collect());
        let world = World {
            host: Setup::of(App::Gallery(app))
                .file("local.secrets.json", &secrets.to_string())
                .start(),
            values: crate::world::Values::random(),
        };

        world.restart_with(&json!({"kind": "slow", "seconds": 1}));

        let history = world.history();
        let challenged = spans(&history, false);
        let answered = spans(&history, true);
        assert_eq!(answered.len(), count, "{app}");
        assert!(are_at_once(&answered), "{app}: {answered:?}");
        // Whoever comes after the first challenge was read brings a token at once.
        assert!((1..=count).contains(&challenged.len()), "{app}");
        assert!(are_at_once(&challenged), "{app}: {challenged:?}");
        let read = world.host.wait_for_lines(2, "the secrets", |line| {
            line.message() == "secrets were read"
        });
        assert_eq!(read.field("read"), count, "{app}: all before the port");
    }
}
