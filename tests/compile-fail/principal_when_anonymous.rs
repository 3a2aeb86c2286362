//! The caller of a function that lets anyone in.
//!
//! mistake: `access::anonymous("a test")`
//! mended: `access::scope("Orders.Write")`
//! error: no caller is known here, so the handler cannot take a `Principal`
//! arrow: `handler`

use desk::{Accepted, Desk};
use stockade::{Error, Function, Principal, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::anonymous("a test")),
        handler,
    );
}

async fn handler(_: Principal) -> Result<Reply<Accepted>, Error> {
    todo!()
}
