//! Functions that ask for a token, whatever the caller may do with it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use stockade::input::Query;
use stockade::{Function, Principal, Reply, access, on};
use validator::Validate;

pub(crate) fn all() -> Vec<Function<()>> {
    let member = |route| on::get(route, access::scope("Stay"));
    vec![
        Function::new("stay", member("stay"), stay),
        Function::new("who", member("who"), who),
    ]
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Stay {
    #[validate(range(min = 0, max = 10_000))]
    milliseconds: u32,
}

/// Takes as long as the caller wants, and says when it has begun.
async fn stay(_: Principal, Query(wanted): Query<Stay>) -> Reply<()> {
    tracing::info!("staying");
    tokio::time::sleep(Duration::from_millis(wanted.milliseconds.into())).await;
    Reply::ok(())
}

/// Tells the caller who it is.
async fn who(caller: Principal) -> Reply<String> {
    Reply::ok(caller.id().to_owned())
}
