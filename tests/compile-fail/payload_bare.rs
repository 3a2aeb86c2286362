//! A payload without the wrapper that names its source.
//!
//! mistake: `_: NewOrder`
//! mended: `_: Json<NewOrder>`
//! error: the handler of this `HttpTrigger<Caller>` cannot take `NewOrder`
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

async fn handler(_: NewOrder) -> Result<Reply<Accepted>, Error> {
    todo!()
}
