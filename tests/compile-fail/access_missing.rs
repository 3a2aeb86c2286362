//! A function that does not say who may call it.
//!
//! mistake: `on::post("orders")`
//! mended: `on::post("orders", access::scope("Orders.Write"))`
//! error: this function takes 2 arguments but 1 argument was supplied
//! arrow: `on::post`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::Json;
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::post("orders"), handler);
}

async fn handler(_: Json<NewOrder>) -> Result<Reply<Accepted>, Error> {
    todo!()
}
