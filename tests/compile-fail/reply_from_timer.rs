//! An answer to a clock.
//!
//! mistake: `Reply<Accepted>`
//! mended: `()`
//! error: nobody waits for an answer to this `TimerTrigger`, so its handler cannot return a `Reply`
//! arrow: `handler`

use desk::{Accepted, Desk};
use stockade::input::Tick;
use stockade::{Error, Function, Reply, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::timer("0 0 3 * * *"), handler);
}

async fn handler(_: Tick) -> Result<Reply<Accepted>, Error> {
    todo!()
}
