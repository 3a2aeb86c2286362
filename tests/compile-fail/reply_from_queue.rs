//! An answer that nobody waits for.
//!
//! mistake: `Reply<Accepted>`
//! mended: `()`
//! error: nobody waits for an answer to this `QueueTrigger`, so its handler cannot return a `Reply`
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::Message;
use stockade::{Error, Function, Reply, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::queue("orders"), handler);
}

async fn handler(_: Message<NewOrder>) -> Result<Reply<Accepted>, Error> {
    todo!()
}
