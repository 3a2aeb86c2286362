//! The caller of a queue message, which nobody knows.
//!
//! mistake: `_: Principal`
//! mended: `_: Context`
//! error: no caller is known here, so the handler cannot take a `Principal`
//! arrow: `handler`

use desk::{Desk, NewOrder};
use stockade::input::Message;
use stockade::{Context, Function, Principal, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::queue("orders"), handler);
}

async fn handler(_: Principal, _: Message<NewOrder>) {
    todo!()
}
