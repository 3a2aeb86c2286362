//! An argument that is lent.
//!
//! mistake: `_: &Context`
//! mended: `_: Context`
//! error: the handler of this `HttpTrigger<Caller>` cannot take `&stockade::Context`
//! arrow: `handler`

use desk::{Accepted, Desk};
use stockade::{Context, Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: &Context) -> Result<Reply<Accepted>, Error> {
    todo!()
}
