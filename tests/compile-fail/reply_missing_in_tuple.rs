//! An HTTP function that writes to two queues and answers nothing.
//!
//! mistake: `(Enqueue<PlacedOrders>, `
//! mended: `(Reply<Accepted>, `
//! error: somebody waits for an answer to this `HttpTrigger<Caller>`, so the first output has to be a `Reply`
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

async fn handler(
    _: Json<NewOrder>,
) -> Result<(Enqueue<PlacedOrders>, Enqueue<PlacedOrders>), Error> {
    todo!()
}
