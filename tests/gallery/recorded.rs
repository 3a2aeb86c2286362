//! Functions with the names of the recorded ones.

use std::time::UNIX_EPOCH;

use axum::Router;
use axum::extract::Request;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use stockade::input::{Json, Message, QueueMeta, Tick};
use stockade::{Context, Function, Principal, Reply, TextReply, access, on};
use validator::Validate;

/// `orders` gives back what arrives, whatever it is.
pub(crate) fn all() -> Vec<Function<()>> {
    let orders = on::router(
        "orders",
        "orders/{id?}",
        access::scope("Orders.Write"),
        Router::new().fallback(give_back),
        on::validates_itself("it gives back what it is sent"),
    );
    others().into_iter().chain([orders]).collect()
}

/// `orders` reads JSON.
pub(crate) fn all_with_json() -> Vec<Function<()>> {
    let orders = Function::new(
        "orders",
        on::post("orders/{id?}", access::scope("Orders.Write")),
        read_json,
    );
    others().into_iter().chain([orders]).collect()
}

fn others() -> Vec<Function<()>> {
    let retry = || on::Retry::fixed(2, std::time::Duration::from_secs(2));
    vec![
        Function::new(
            "upload",
            on::post("upload", access::scope("Orders.Write")),
            read_json,
        ),
        Function::new(
            "health",
            on::get("ping", access::anonymous("nothing is told")),
            || async { TextReply::ok("up") },
        ),
        Function::new(
            "profile",
            on::get("profile", access::scope("Orders.Write")),
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

async fn give_back(request: Request) -> axum::Json<Value> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await;
    axum::Json(json!({
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "body": body.map(|bytes| bytes.to_vec()).unwrap_or_default(),
        "claimed": CLAIMS.iter().any(|name| parts.headers.contains_key(*name)),
    }))
}

/// What the stage before has to take out.
const CLAIMS: [&str; 2] = ["x-ms-client-principal", "x-arr-clientcert"];

async fn read_json(Json(any): Json<Any>) -> Reply<Value> {
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

/// What these functions log.
pub(crate) const LOGGED: &[&str] = &[
    "message.id",
    "dequeue_count",
    "inserted",
    "attempt",
    "past_due",
    "last",
    "next_unix",
];

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
