//! A text answer that nobody waits for.
//!
//! mistake: `-> TextReply`
//! mended: `-> ()`
//! error: nobody waits for an answer to this `QueueTrigger`, so its handler cannot return a `Reply`
//! arrow: `handler`

use desk::{Desk, NewOrder};
use stockade::input::Message;
use stockade::{Function, TextReply, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::queue("orders"), handler);
}

async fn handler(_: Message<NewOrder>) -> TextReply {
    todo!()
}
