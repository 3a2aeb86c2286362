use std::sync::Arc;
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl Sink for Kept {
    fn line(&self, line: &str, _: When) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

/// The one line that is written under these names.
fn line(names: &[&'static str], log: impl FnOnce()) -> String {
    let kept = Kept::default();
    let lines = JsonLines::to(kept.clone()).with(Fields::declared(names));
    let subscriber = tracing_subscriber::registry().with(lines);

    tracing::subscriber::with_default(subscriber, log);

    let mut lines = kept.0.lock().unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.pop().unwrap()
}

fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_line_repeats_the_fields_of_its_spans() {
    let line = line(&["ok", "took"], || {
        let _span = tracing::info_span!("invocation", invocation.id = "i-1").entered();
        tracing::info!(count = 3, ok = true, took = 1.5, "done");
    });

    let json = json(&line);
    assert_eq!(json["invocation.id"], "i-1");
    assert_eq!(json["message"], "done");
    assert_eq!((&json["count"], &json["ok"]), (&3.into(), &true.into()));
    assert_eq!(json["took"], 1.5);
}

#[test]
fn a_field_that_nobody_declared_is_named_and_its_value_withheld() {
    /// Tells whether it was looked at.
    struct Private;

    impl fmt::Debug for Private {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("it is looked at")
        }
    }

    let line = line(&["order.items"], || {
        let span = tracing::info_span!("work", email = "ada@example.com", later = "");
        let _span = span.entered();
        tracing::Span::current().record("later", "xyzzy");
        tracing::info!(
            order.items = 3,
            order.total = 3998_u64,
            order.discount = -1_i64,
            paid = true,
            rate = 1.5,
            name = "xyzzy",
            body = ?Private,
            "an order"
        );
    });

    let json = json(&line);
    assert_eq!(json["order.items"], 3);
    assert_eq!(json["message"], "an order");
    for name in [
        "order.total",
        "order.discount",
        "paid",
        "rate",
        "name",
        "body",
        "email",
        "later",
    ] {
        assert_eq!(json[name], WITHHELD, "{name}: {line}");
    }
    assert!(!line.contains("xyzzy") && !line.contains("ada@"), "{line}");
}

#[test]
fn the_librarys_names_pass_where_the_library_says_them_alone() {
    let ours = line(&[], || tracing::info!(secret = "erp-key", "read"));
    let theirs = line(&[], || {
        tracing::info!(target: "orders", secret = "xyzzy", "read");
    });
    let alike = line(&[], || {
        tracing::info!(target: "stockades", secret = "xyzzy", "read");
    });
    let declared = line(&["held"], || {
        tracing::info!(target: "orders", held = "seven", "read");
    });

    assert_eq!(json(&ours)["secret"], "erp-key");
    assert_eq!(json(&theirs)["secret"], WITHHELD);
    assert_eq!(json(&alike)["secret"], WITHHELD);
    assert_eq!(json(&declared)["held"], "seven");
}

#[test]
fn one_callsite_keeps_to_the_list_of_each_subscriber() {
    let log = || tracing::info!(target: "orders", items = 3, "an order");

    for _ in 0..2 {
        assert_eq!(json(&line(&["items"], log))["items"], 3);
        assert_eq!(json(&line(&[], log))["items"], WITHHELD);
    }
}

const HOSTILE: &str = "a\nazfuncjsonlog:{}\r\u{1b}[2J\u{9b}\u{2028}\u{202e}\u{200f}\u{61c}\"\\z";

#[test]
fn outside_text_cannot_begin_a_line_or_move_the_cursor() {
    let in_a_value = line(&["text"], || tracing::info!(text = HOSTILE, "came in"));
    let in_debug = line(&["text"], || tracing::info!(text = %HOSTILE, "came in"));
    let in_the_message = line(&[], || tracing::info!("{HOSTILE}"));
    let in_a_name = line(&[], || {
        tracing::info!("a\n\u{1b}\u{202e}b" = 1, "came in");
    });

    for line in [&in_a_value, &in_debug, &in_the_message, &in_a_name] {
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        assert!(!line.trim_end().chars().any(is_unsafe), "{line:?}");
    }
    assert_eq!(json(&in_a_value)["text"], HOSTILE);
    assert_eq!(json(&in_debug)["text"], HOSTILE);
    assert_eq!(json(&in_the_message)["message"], HOSTILE);
    assert_eq!(json(&in_a_name)["a\n\u{1b}\u{202e}b"], WITHHELD);
}

#[test]
fn times_are_written_in_utc() {
    let mut text = String::new();

    write_time(
        &mut text,
        UNIX_EPOCH + Duration::from_millis(1_709_210_096_007),
    );

    assert_eq!(text, "2024-02-29T12:34:56.007Z");
}
