//! A tick, asked of a request.
//!
//! mistake: `_: Tick, `
//! mended: ``
//! error: the handler of this `HttpTrigger<Caller>` cannot take `Tick`
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::{Json, Tick};
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: Tick, _: Json<NewOrder>) -> Result<Reply<Accepted>, Error> {
    todo!()
}
