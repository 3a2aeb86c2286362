//! A payload that does not derive `JsonSchema`.
//!
//! mistake: `#[derive(Deserialize, Validate)]`
//! mended: `#[derive(Deserialize, Validate, JsonSchema)]`
//! error: `Unfinished` cannot be described to its callers: it does not implement `JsonSchema`
//! arrow: `handler`

use desk::{Accepted, Desk};
use schemars::JsonSchema;
use serde::Deserialize;
use stockade::input::Json;
use stockade::{Error, Function, Reply, access, on};
use validator::Validate;

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(Json(_): Json<Unfinished>) -> Result<Reply<Accepted>, Error> {
    todo!()
}

#[derive(Deserialize, Validate)]
struct Unfinished {
    _number: String,
}
