//! A message, asked of a clock.
//!
//! mistake: `Message<NewOrder>`
//! mended: `Tick`
//! error: this `TimerTrigger` delivers no message
//! arrow: `handler`

use desk::{Desk, NewOrder};
use stockade::input::{Message, Tick};
use stockade::{Function, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::timer("0 0 3 * * *"), handler);
}

async fn handler(_: Message<NewOrder>) {
    todo!()
}
