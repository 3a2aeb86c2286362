//! Query parameters, asked of a queue.
//!
//! mistake: `Query<NewOrder>`
//! mended: `QueueMeta`
//! error: this `QueueTrigger` carries no HTTP request
//! arrow: `handler`

use desk::{Desk, NewOrder};
use stockade::input::{Message, Query, QueueMeta};
use stockade::{Function, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::queue("orders"), handler);
}

async fn handler(_: Query<NewOrder>, _: Message<NewOrder>) {
    todo!()
}
