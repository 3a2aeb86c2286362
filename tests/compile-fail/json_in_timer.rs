//! A request's body, asked of a clock.
//!
//! mistake: `Json<NewOrder>`
//! mended: `Tick`
//! error: this `TimerTrigger` carries no HTTP request
//! arrow: `handler`

use desk::{Desk, NewOrder};
use stockade::input::{Json, Tick};
use stockade::{Function, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::timer("0 0 3 * * *"), handler);
}

async fn handler(_: Json<NewOrder>) {
    todo!()
}
