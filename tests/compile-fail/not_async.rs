//! A function that is not `async`.
//!
//! mistake: `fn handler(`
//! mended: `async fn handler(`
//! error: `fn(Json<NewOrder>) -> Result<Reply<Accepted>, stockade::Error> {handler}` is not a handler
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::Json;
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

fn handler(_: Json<NewOrder>) -> Result<Reply<Accepted>, Error> {
    todo!()
}
