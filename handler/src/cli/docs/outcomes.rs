//! docs/triggers.md: what becomes of an invocation that does not succeed.
//!
//! The table is not written down but tried out: an app with one function for each trigger and each
//! way to fail is run in process, and what the host would be told is what the page says.

use std::fmt::Write as _;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use validator::Validate;

use crate::access;
use crate::app::App;
use crate::failure::Error;
use crate::function::Function;
use crate::input::{Json, Message};
use crate::on::{self, QueueTrigger, Retry, TimerTrigger, TriggerKind};
use crate::output::{Reply, Sink};

use crate::cli::failed::Failed;

use super::MADE;

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Invalid,
    Rejection,
    Retry,
    Fatal,
    Panic,
    Deadline,
    NotReady,
}

const WAYS: [(Way, &str); 7] = [
    (Way::Invalid, "invalid input"),
    (Way::Rejection, "rejection"),
    (Way::Retry, "retryable failure"),
    (Way::Fatal, "fatal error"),
    (Way::Panic, "panic"),
    (Way::Deadline, "deadline"),
    (Way::NotReady, "not ready yet"),
];

/// A trigger as the page lists it.
struct Row {
    name: &'static str,
    /// What the platform does when the host is told that the invocation failed.
    on_failure: &'static str,
    /// A function that fails in this way, if the trigger can.
    probe: fn(Way) -> Option<Function<()>>,
}

const ROWS: [Row; 5] = [
    Row {
        name: "HTTP",
        on_failure: "The caller gets a problem document (RFC 9457) with this status. Nothing is tried again.",
        probe: |way| {
            let trigger = on::post("probe", access::anonymous("the page is made from it"));
            let function = match way {
                Way::Invalid => Function::new(PROBE, trigger, answer_what_was_read),
                _ => Function::new(PROBE, trigger, move || async move {
                    fail(way).await.map(|()| Reply::ok(true))
                }),
            };
            Some(function)
        },
    },
    Row {
        name: "Storage queue",
        on_failure: "The host puts the message back and delivers it again, `maxDequeueCount` times in all; then it moves to the queue `<queue>-poison`.",
        probe: |way| Some(of_queue(way, on::queue("probe"))),
    },
    Row {
        name: "Storage queue with a quarantine",
        on_failure: "As above. What is quarantined counts as done and is not delivered again.",
        probe: |way| {
            let sink = Sink::queue("probe-broken");
            Some(of_queue(way, on::queue("probe").quarantine(sink)))
        },
    },
    Row {
        name: "Timer",
        on_failure: "Nothing is tried again before the next tick of the schedule.",
        probe: |way| of_timer(way, on::timer("0 0 3 * * *")),
    },
    Row {
        name: "Timer with a retry policy",
        on_failure: "The host runs it again as the policy says, under the same invocation id; then the next tick is due.",
        probe: |way| {
            let retry = Retry::fixed(2, Duration::from_secs(5));
            of_timer(way, on::timer("0 0 3 * * *").retry(retry))
        },
    },
];

fn of_queue(way: Way, trigger: QueueTrigger) -> Function<()> {
    match way {
        Way::Invalid => Function::new(PROBE, trigger, take_what_was_read),
        _ => Function::new(PROBE, trigger, move || fail(way)),
    }
}

/// A tick has no payload that could be invalid.
fn of_timer(way: Way, trigger: TimerTrigger) -> Option<Function<()>> {
    (way != Way::Invalid).then(|| Function::new(PROBE, trigger, move || fail(way)))
}

/// What probes read: the empty object, which they are sent, is not it.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Probe {
    #[validate(length(min = 1))]
    text: String,
}

async fn answer_what_was_read(Json(probe): Json<Probe>) -> Reply<String> {
    Reply::ok(probe.text)
}

async fn take_what_was_read(_: Message<Probe>) {}

/// The page.
///
/// # Errors
///
/// The probes cannot be run.
pub(super) fn page() -> Result<String, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failed::work(
                format!("The runtime cannot be started: {error}."),
                "cargo fn docs",
            )
        })?;
    // A probe that panics is one of the cases, not news.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let table = runtime.block_on(table());
    std::panic::set_hook(hook);
    let mut page = format!(
        "{MADE}\n# Triggers\n\n{INTRODUCTION}\n{table}\n## When the host is told that it failed\n\n"
    );
    for row in &ROWS {
        let _ = writeln!(page, "- **{}**: {}", row.name, row.on_failure);
    }
    Ok(page)
}

async fn table() -> String {
    let names = WAYS.map(|(_, name)| name).join(" | ");
    let rules = WAYS.map(|_| "---").join(" | ");
    let mut table = format!("| trigger | {names} |\n| --- | {rules} |\n");
    for row in &ROWS {
        let _ = write!(table, "| {} |", row.name);
        for (way, _) in WAYS {
            let outcome = match (row.probe)(way) {
                Some(function) => told_of(way, function).await,
                None => "no payload".to_owned(),
            };
            let _ = write!(table, " {outcome} |");
        }
        table.push('\n');
    }
    table
}

/// What becomes of the function's invocation, in a few words.
async fn told_of(way: Way, function: Function<()>) -> String {
    let function = match way {
        // Where somebody waits, the wait is short.
        Way::Deadline | Way::NotReady => function.deadline(Duration::from_millis(20)),
        _ => function,
    };
    let kind = function.entry().trigger.kind;
    let app = App::new("probe").function(function);
    let app = match way {
        Way::NotReady => app.without_state(),
        _ => app.with_state(()),
    };
    let outcome = app.call(PROBE).json(&json!({})).await;
    if kind == TriggerKind::Http {
        outcome.status().to_string()
    } else if !outcome.quarantined().is_empty() {
        "quarantined".to_owned()
    } else if outcome.is_done() {
        "done".to_owned()
    } else {
        "fails".to_owned()
    }
}

async fn fail(way: Way) -> Result<(), Error> {
    match way {
        Way::Rejection => Err(Error::reject("probe", "The input is wrong.")),
        Way::Retry => Err(Error::retry("it may work later")),
        Way::Fatal => Err(Error::fatal("it will never work")),
        Way::Panic => panic!("the page is made from it"),
        Way::Deadline => std::future::pending().await,
        Way::Invalid | Way::NotReady => Ok(()),
    }
}

const PROBE: &str = "probe";

const INTRODUCTION: &str = "\
What becomes of an invocation that does not succeed, by what happened to it. **Invalid input** does
not keep the rules of its type; a **rejection** is what the function itself refuses for good, with
`Error::reject`. **Retryable** is what `?` and `Error::retry` give, **fatal** is `Error::fatal`. An
event that comes before the app's state is built waits for it until its deadline.

- a number: the status that the HTTP caller gets;
- **quarantined**: the event is kept in the quarantine with the reason, and the host is told that it
  is done;
- **fails**: the host is told that the invocation failed; what the platform then does stands below.
";
