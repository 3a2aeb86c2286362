//! Says that the app is up.

use serde::Serialize;
use stockade::{Function, Reply, access, on};

use crate::state::AppState;

pub fn function() -> Function<AppState> {
    Function::new(
        "health",
        on::get(
            "health",
            access::anonymous("load balancers carry no token, and nothing is told"),
        ),
        health,
    )
}

async fn health() -> Reply<Health> {
    Reply::ok(Health { status: "up" })
}

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
}
