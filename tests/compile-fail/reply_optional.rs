//! An answer that may be missing.
//!
//! mistake: `Option<Reply<Accepted>>`
//! mended: `Reply<Accepted>`
//! error: the handler of this `HttpTrigger<Caller>` cannot return `Option<Reply<Accepted>>`
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::Json;
use stockade::{Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: Json<NewOrder>) -> Option<Reply<Accepted>> {
    todo!()
}
