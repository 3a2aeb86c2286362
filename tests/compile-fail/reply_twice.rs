//! Two answers to one call.
//!
//! mistake: `(Reply<Accepted>, Reply<Accepted>)`
//! mended: `Reply<Accepted>`
//! error: `Reply<Accepted>` cannot follow the first output of this `HttpTrigger<Caller>`
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

async fn handler(_: Json<NewOrder>) -> Result<(Reply<Accepted>, Reply<Accepted>), Error> {
    todo!()
}
