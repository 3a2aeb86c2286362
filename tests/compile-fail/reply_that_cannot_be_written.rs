//! An answer that does not derive `Serialize`.
//!
//! mistake: `struct Opaque;`
//! mended: `#[derive(Serialize)] struct Opaque;`
//! error: the trait bound `Opaque: serde::Serialize` is not satisfied
//! arrow: `handler`

use desk::{Desk, NewOrder};
use serde::Serialize;
use stockade::input::Json;
use stockade::{Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(_: Json<NewOrder>) -> Reply<Opaque> {
    todo!()
}

struct Opaque;
