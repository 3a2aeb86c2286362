//! The whole state, which is a part only where the app says so.
//!
//! mistake: `State<Desk>`
//! mended: `State<Prices>`
//! error: the app's state has no `Desk`
//! arrow: `handler`

use desk::{Desk, NewOrder, Prices};
use stockade::input::Message;
use stockade::{Function, State, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::queue("orders"), handler);
}

async fn handler(_: State<Desk>, _: Message<NewOrder>) {
    todo!()
}
