//! A message that nobody validates.
//!
//! mistake: `#[derive(Deserialize, JsonSchema)]`
//! mended: `#[derive(Deserialize, Validate, JsonSchema)]`
//! error: `Unfinished` would reach its handler unchecked: it does not implement `Validate`
//! arrow: `handler`

use desk::Desk;
use schemars::JsonSchema;
use serde::Deserialize;
use stockade::input::Message;
use stockade::{Error, Function, on};
use validator::Validate;

fn main() {
    let _: Function<Desk> = Function::new("it", on::queue("orders"), handler);
}

async fn handler(Message(_): Message<Unfinished>) -> Result<(), Error> {
    todo!()
}

#[derive(Deserialize, JsonSchema)]
struct Unfinished {
    _number: String,
}
