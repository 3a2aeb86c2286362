//! A message, asked of a request.
//!
//! mistake: `Message<NewOrder>`
//! mended: `Json<NewOrder>`
//! error: this `HttpTrigger<Caller>` delivers no message
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::{Json, Message};
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: Message<NewOrder>) -> Result<Reply<Accepted>, Error> {
    todo!()
}
