//! Functions with the names of the recorded ones.

use std::time::UNIX_EPOCH;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stockade::input::{Json, Message, Path, QueueMeta, Tick};
use stockade::{Context, Function, Principal, Reply, TextReply, access, on};
use validator::Validate;

pub(crate) fn all() -> Vec<Function<()>> {
    let retry = || on::Retry::fixed(2, std::time::Duration::from_secs(2));
    vec![
        Function::new(
            "orders",
            on::http(
                [Method::GET, Method::POST, Method::PUT],
                "orders/{id?}",
                access::scope("Orders.Write"),
            ),
            orders,
        ),
        Function::new(
            "upload",
            on::post("upload", access::scope("Orders.Write")),
            upload,
        ),
        Function::new(
            "health",
            on::get("health", access::anonymous("nothing is told")),
            || async { TextReply::ok("up") },
        ),
        Function::new(
            "profile",
            on::get("profile", access::scope("Profile.Read")),
            profile,
        ),
        Function::new("queue-orders", on::queue("orders"), message),
        Function::new("QBinary", on::queue("q-binary"), message),
        Function::new("nightly", on::timer("0 0 3 * * *").retry(retry()), timer),
        Function::new("fast", on::timer("*/10 * * * * *"), timer),
        Function::new("tick", on::timer("*/10 * * * * *"), timer),
        Function::new(
            "retrytick",
            on::timer("*/20 * * * * *").retry(retry()),
            timer,
        ),
    ]
}

/// Gives back the parsed request.
async fn orders(Path(path): Path<Id>, caller: Principal) -> Reply<Seen> {
    Reply::ok(Seen {
        id: path.id,
        caller: caller.id().to_string(),
    })
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Id {
    id: Option<String>,
}

#[derive(Debug, Serialize)]
struct Seen {
    id: Option<String>,
    caller: String,
}

/// Gives back the parsed body.
async fn upload(Json(any): Json<Any>) -> Reply<Value> {
    Reply::ok(any.value)
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(transparent)]
struct Any {
    value: Value,
}

async fn profile(caller: Principal) -> TextReply {
    TextReply::ok(caller.id().to_string())
}

/// Says what is known of a message.
async fn message(meta: QueueMeta, Message(_): Message<Any>) {
    tracing::info!(
        message.id = meta.id,
        dequeue_count = meta.dequeue_count,
        inserted = meta.inserted.is_some(),
        "message"
    );
}

/// Says what is known of a tick.
async fn timer(context: Context, tick: Tick) {
    let next = tick
        .next()
        .and_then(|next| next.duration_since(UNIX_EPOCH).ok());
    tracing::info!(
        attempt = context.attempt(),
        past_due = tick.is_past_due(),
        last = tick.last().is_some(),
        next_unix = next.map(|next| next.as_secs()),
        "tick"
    );
}
