//! Query parameters that nobody validates.
//!
//! mistake: `#[derive(Deserialize, JsonSchema)]`
//! mended: `#[derive(Deserialize, Validate, JsonSchema)]`
//! error: `Unfinished` would reach its handler unchecked: it does not implement `Validate`
//! arrow: `handler`

use desk::{Accepted, Desk};
use schemars::JsonSchema;
use serde::Deserialize;
use stockade::input::Query;
use stockade::{Error, Function, Reply, access, on};
use validator::Validate;

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(Query(_): Query<Unfinished>) -> Result<Reply<Accepted>, Error> {
    todo!()
}

#[derive(Deserialize, JsonSchema)]
struct Unfinished {
    _number: String,
}
