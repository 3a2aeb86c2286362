//! The caller of a tick, which nobody knows.
//!
//! mistake: `_: Principal`
//! mended: `_: Context`
//! error: no caller is known here, so the handler cannot take a `Principal`
//! arrow: `handler`

use desk::Desk;
use stockade::input::Tick;
use stockade::{Context, Function, Principal, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::timer("0 0 3 * * *"), handler);
}

async fn handler(_: Principal, _: Tick) {
    todo!()
}
