//! An HTTP function that writes to a queue and answers nothing.
//!
//! mistake: `-> Enqueue<PlacedOrders>`
//! mended: `-> (Reply<Accepted>, Enqueue<PlacedOrders>)`
//! error: somebody waits for an answer to this `HttpTrigger<Caller>`, so the first output has to be a `Reply`
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder, PlacedOrders};
use stockade::input::Json;
use stockade::output::Enqueue;
use stockade::{Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: Json<NewOrder>) -> Enqueue<PlacedOrders> {
    todo!()
}
