//! A value that is neither an answer nor an output.
//!
//! mistake: `Result<Accepted, Error>`
//! mended: `Result<Reply<Accepted>, Error>`
//! error: the handler of this `HttpTrigger<Caller>` cannot return `Accepted`
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::Json;
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: Json<NewOrder>) -> Result<Accepted, Error> {
    todo!()
}
