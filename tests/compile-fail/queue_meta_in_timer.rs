//! What a queue says of a message, asked of a clock.
//!
//! mistake: `_: QueueMeta`
//! mended: `_: Tick`
//! error: the handler of this `TimerTrigger` cannot take `QueueMeta`
//! arrow: `handler`

use desk::Desk;
use stockade::input::{QueueMeta, Tick};
use stockade::{Function, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::timer("0 0 3 * * *"), handler);
}

async fn handler(_: QueueMeta) {
    todo!()
}
