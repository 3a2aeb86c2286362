//! A tick, asked of a queue.
//!
//! mistake: `_: Tick`
//! mended: `_: Context`
//! error: the handler of this `QueueTrigger` cannot take `Tick`
//! arrow: `handler`

use desk::{Desk, NewOrder};
use stockade::input::{Message, Tick};
use stockade::{Context, Function, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::queue("orders"), handler);
}

async fn handler(_: Tick, _: Message<NewOrder>) {
    todo!()
}
