//! A function that is open to anyone for no reason.
//!
//! mistake: `access::anonymous()`
//! mended: `access::anonymous("a test")`
//! error: this function takes 1 argument but 0 arguments were supplied
//! arrow: `access::anonymous`

use desk::{Accepted, Desk};
use stockade::{Error, Function, Reply, access, on};

fn main() {
    let _: Function<Desk> = Function::new("it", on::get("orders", access::anonymous()), handler);
}

async fn handler() -> Result<Reply<Accepted>, Error> {
    todo!()
}
