//! An answer that nobody waits for, among outputs.
//!
//! mistake: `Reply<Accepted>`
//! mended: `Enqueue<PlacedOrders>`
//! error: nobody waits for an answer to this `QueueTrigger`, so its handler cannot return a `Reply`
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder, PlacedOrders};
use stockade::input::Message;
use stockade::output::Enqueue;
use stockade::{Error, Function, Reply, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::queue("orders"), handler);
}

async fn handler(_: Message<NewOrder>) -> Result<(Reply<Accepted>, Enqueue<PlacedOrders>), Error> {
    todo!()
}
