//! A part that the state does not have.
//!
//! mistake: `State<Stock>`
//! mended: `State<Prices>`
//! error: the app's state has no `Stock`
//! arrow: `handler`

use desk::{Accepted, Desk, Prices};
use stockade::{Error, Function, Reply, State, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: State<Stock>) -> Result<Reply<Accepted>, Error> {
    todo!()
}

struct Stock;
