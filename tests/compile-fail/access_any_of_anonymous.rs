//! A rule that everyone satisfies, hidden among others.
//!
//! mistake: `access::anonymous("a test")`
//! mended: `access::role("Orders.Write.All")`
//! error: mismatched types
//! arrow: `access::anonymous("a test")`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::Json;
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post(
            "orders",
            access::any_of([access::scope("Orders.Write"), access::anonymous("a test")]),
        ),
        handler,
    );
}

async fn handler(_: Json<NewOrder>) -> Result<Reply<Accepted>, Error> {
    todo!()
}
