//! A part that stands behind the payload.
//!
//! mistake: `_: Json<NewOrder>, _: Principal`
//! mended: `_: Principal, _: Json<NewOrder>`
//! error: `Json<NewOrder>` is the payload of this handler, so it has to be the last argument
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::Json;
use stockade::{Error, Function, Principal, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: Json<NewOrder>, _: Principal) -> Result<Reply<Accepted>, Error> {
    todo!()
}
