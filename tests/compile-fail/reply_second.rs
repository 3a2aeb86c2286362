//! An answer that stands behind another output.
//!
//! mistake: `(Enqueue<PlacedOrders>, Reply<Accepted>)`
//! mended: `(Reply<Accepted>, Enqueue<PlacedOrders>)`
//! error: `Reply<Accepted>` cannot follow the first output of this `HttpTrigger<Caller>`
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder, PlacedOrders};
use stockade::input::Json;
use stockade::output::Enqueue;
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: Json<NewOrder>) -> Result<(Enqueue<PlacedOrders>, Reply<Accepted>), Error> {
    todo!()
}
