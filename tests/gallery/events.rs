//! Functions that events start.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stockade::input::{Lenient, Message, QueueMeta, Tick};
use stockade::output::Sink;
use stockade::{Context, Error, Function, on};
use validator::Validate;

pub(crate) const WORK: &str = "%WORK_QUEUE%";
pub(crate) const STRICT: &str = "%STRICT_QUEUE%";
const REJECTED: &str = "%REJECTED_QUEUE%";
/// Where the host puts what `work` failed with to the end.
const POISON: &str = "%WORK_QUEUE%-poison";

pub(crate) fn all() -> Vec<Function<()>> {
    vec![
        Function::new("work", on::queue(WORK), work),
        Function::new("poisoned", on::queue(POISON), poisoned),
        Function::new(
            "strict",
            on::queue(STRICT).quarantine(Sink::queue(REJECTED)),
            work,
        ),
        Function::new("rejected", on::queue(REJECTED), rejected),
        Function::new(
            "tick",
            on::timer("0 0 3 * * *").retry(on::Retry::fixed(2, Duration::from_secs(1))),
            tick,
        ),
        Function::new("nightly", on::timer("0 0 3 * * *"), nightly),
    ]
}

/// What these functions log.
pub(crate) const LOGGED: &[&str] = &[
    "job",
    "dequeue_count",
    "known",
    "from",
    "rule",
    "payload_base64",
    "attempt",
    "past_due",
];

/// A job that ends as its message says.
#[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
struct Job {
    id: u32,
    #[serde(rename = "do")]
    what: What,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum What {
    Succeed,
    Reject,
    Retry,
    Fail,
    Panic,
}

async fn work(meta: QueueMeta, Message(job): Message<Job>) -> Result<(), Error> {
    tracing::info!(job = job.id, dequeue_count = meta.dequeue_count, "at work");
    match job.what {
        What::Succeed => Ok(()),
        What::Reject => Err(Error::reject("no_such_job", "There is no such job.")),
        What::Retry => Err(Error::retry("the store is away")),
        What::Fail => Err(Error::fatal("the job is broken")),
        What::Panic => panic!("job {}", job.id),
    }
}

/// Finds what was given up; its payload may be anything.
async fn poisoned(meta: QueueMeta) {
    tracing::info!(message = "poison arrived", known = meta.id.is_some());
}

/// Finds what was quarantined.
async fn rejected(Message(kept): Message<Kept>) {
    tracing::info!(
        from = kept.function,
        rule = kept.rule,
        payload_base64 = kept.payload_base64,
        "quarantine arrived"
    );
}

type Kept = Lenient<Quarantined>;

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Quarantined {
    function: String,
    rule: String,
    payload_base64: String,
}

/// Works at the second attempt.
async fn tick(context: Context) -> Result<(), Error> {
    tracing::info!(attempt = context.attempt(), "tick");
    match context.attempt() {
        0 => Err(Error::retry("not yet")),
        _ => Ok(()),
    }
}

async fn nightly(tick: Tick) {
    tracing::info!(past_due = tick.is_past_due(), "nightly");
}
