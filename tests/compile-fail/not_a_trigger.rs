//! A trigger that is only a text.
//!
//! mistake: `"orders", handler`
//! mended: `on::post("orders", access::scope("Orders.Write")), handler`
//! error: `&str` is not a trigger
//! arrow: `"orders"`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::Json;
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new("it", "orders", handler);
}

async fn handler(_: Json<NewOrder>) -> Result<Reply<Accepted>, Error> {
    todo!()
}
