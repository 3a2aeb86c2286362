//! Nine arguments, where eight are the most.
//!
//! mistake: `_: Principal,`
//! mended: ``
//! error: `fn(Principal, ..., ..., ..., ..., ..., ..., ..., ...) -> ... {handler}` is not a handler
//! arrow: `handler`

use desk::{Accepted, Desk, NewOrder, Prices};
use stockade::input::{Json, Query};
use stockade::{Context, Error, Function, Principal, Reply, State, access, on};

fn main() {
    let _: Function<Desk> = Function::new(
        "it",
        on::post("orders", access::scope("Orders.Write")),
        handler,
    );
}

async fn handler(
    _: Principal,
    _: Context,
    _: Context,
    _: Context,
    _: Context,
    _: State<Prices>,
    _: State<Prices>,
    _: Query<NewOrder>,
    _: Json<NewOrder>,
) -> Result<Reply<Accepted>, Error> {
    todo!()
}
