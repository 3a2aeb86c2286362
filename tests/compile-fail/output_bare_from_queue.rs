//! A value that a queue function gives back to nobody.
//!
//! mistake: `Result<Accepted, Error>`
//! mended: `Result<Enqueue<PlacedOrders>, Error>`
//! error: the handler of this `QueueTrigger` cannot return `Accepted`
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder, PlacedOrders};
use stockade::input::Message;
use stockade::output::Enqueue;
use stockade::{Error, Function, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::queue("orders"), handler);
}

async fn handler(_: Message<NewOrder>) -> Result<Accepted, Error> {
    todo!()
}
