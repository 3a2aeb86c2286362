//! The reference app: an order desk of six functions.

#![allow(
    unreachable_pub,
    reason = "a function's file reads the same in a library and here"
)]

use std::process::ExitCode;

use stockade::App;

use crate::state::AppState;

mod functions;
mod state;

fn main() -> ExitCode {
    stockade::main(app, AppState::from_env)
}

/// What this app answers to: pure, no environment, no network.
fn app() -> App<AppState> {
    App::new("orders")
        .functions(functions::all())
        .log_fields(&["dequeue_count", "past_due"])
}
