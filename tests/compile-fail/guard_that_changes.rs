//! A guard that changes what it sees: it may only refuse.
//!
//! mistake: `&mut stockade::Visit<'_>`
//! mended: `&stockade::Visit<'_>`
//! error: type mismatch in function arguments
//! arrow: `guard`

use desk::{Accepted, Desk};
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let trigger = on::get("orders", access::scope("Orders.Read"));
    let _: Function<Desk> = Function::new("it", trigger, handler).guard(guard);
}

fn guard(_: &mut stockade::Visit<'_>) -> Result<(), Error> {
    Ok(())
}

async fn handler() -> Reply<Accepted> {
    Reply::ok(Accepted)
}
