//! A request's body, asked of a queue.
//!
//! mistake: `Json<NewOrder>`
//! mended: `Message<NewOrder>`
//! error: this `QueueTrigger` carries no HTTP request
//! arrow: `handler`

use desk::{Desk, NewOrder};
use stockade::input::{Json, Message};
use stockade::{Function, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::queue("orders"), handler);
}

async fn handler(_: Json<NewOrder>) {
    todo!()
}
