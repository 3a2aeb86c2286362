//! A payload that borrows from the body; payloads own what they hold.
//!
//! mistake: `Borrowed<'_>`
//! mended: `NewOrder`
//! error: implementation of `_serde::Deserialize` is not general enough
//! arrow: `Function::new`

use desk::{Accepted, Desk, NewOrder};
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

async fn handler(Json(_): Json<Borrowed<'_>>) -> Result<Reply<Accepted>, Error> {
    todo!()
}

#[derive(Deserialize, Validate, JsonSchema)]
struct Borrowed<'a> {
    _number: &'a str,
}
