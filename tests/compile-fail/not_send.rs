//! A future that cannot move between threads.
//!
//! mistake: `std::rc::Rc`
//! mended: `std::sync::Arc`
//! error: future cannot be sent between threads safely
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

async fn handler(_: Json<NewOrder>) -> Result<Reply<Accepted>, Error> {
    let shared = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(shared);
    Ok(Reply::accepted(Accepted))
}
