//! A payload that derives nothing: each missing derive is named.
//!
//! mistake: `struct Unfinished {`
//! mended: `#[derive(Deserialize, Validate, JsonSchema)] struct Unfinished {`
//! error: `Unfinished` would reach its handler unchecked: it does not implement `Validate`
//! arrow: `handler`
//! error: `Unfinished` cannot be described to its callers: it does not implement `JsonSchema`
//! arrow: `handler`
//! error: `Unfinished` cannot be read from what a caller sends: it does not implement `Deserialize`
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

struct Unfinished {
    _number: String,
}
