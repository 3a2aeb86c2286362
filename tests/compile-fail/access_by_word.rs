//! An access rule that is only a text.
//!
//! mistake: `"Orders.Write")`
//! mended: `access::scope("Orders.Write"))`
//! error: mismatched types
//! arrow: `"Orders.Write"`

use desk::{Accepted, Desk, NewOrder};
use stockade::input::Json;
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::post("orders", "Orders.Write"), handler);
}

async fn handler(_: Json<NewOrder>) -> Result<Reply<Accepted>, Error> {
    todo!()
}
