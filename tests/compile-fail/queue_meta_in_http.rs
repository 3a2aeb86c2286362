//! What a queue says of a message, asked of a request.
//!
//! mistake: `_: QueueMeta, `
//! mended: ``
//! error: the handler of this `HttpTrigger<Caller>` cannot take `QueueMeta`
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::{Json, QueueMeta};
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: QueueMeta, _: Json<NewOrder>) -> Result<Reply<Accepted>, Error> {
    todo!()
}
