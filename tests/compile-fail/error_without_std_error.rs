//! An error type that is none.
//!
//! mistake: `Oops>`
//! mended: `std::io::Error>`
//! error: the trait bound `Oops: std::error::Error` is not satisfied
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::Json;
use stockade::{Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: Json<NewOrder>) -> Result<Reply<Accepted>, Oops> {
    todo!()
}

struct Oops;
