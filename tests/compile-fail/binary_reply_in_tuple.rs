//! Bytes beside another output: only the envelope has room for both, and it carries no bytes.
//!
//! mistake: `(BinaryReply, Enqueue<PlacedOrders>)`
//! mended: `BinaryReply`
//! error: `BinaryReply` cannot stand first among several outputs of this `HttpTrigger<Caller>`
//! arrow: `handler`

use desk::{Desk, NewOrder, PlacedOrders};
use stockade::input::Json;
use stockade::output::Enqueue;
use stockade::{BinaryReply, Function, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: Json<NewOrder>) -> (BinaryReply, Enqueue<PlacedOrders>) {
    todo!()
}
