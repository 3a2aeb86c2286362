//! Route parameters, asked of a clock.
//!
//! mistake: `Path<NewOrder>`
//! mended: `Context`
//! error: this `TimerTrigger` carries no HTTP request
//! arrow: `handler`

use desk::{Desk, NewOrder};
use stockade::input::{Path, Tick};
use stockade::{Context, Function, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::timer("0 0 3 * * *"), handler);
}

async fn handler(_: Path<NewOrder>, _: Tick) {
    todo!()
}
