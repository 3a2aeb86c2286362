//! A layer that lets anyone in.
//!
//! mistake: `access::anonymous("a test")`
//! mended: `access::scope("Orders.Write")`
//! error: mismatched types
//! arrow: `access::anonymous("a test")`

use stockade::access;
use stockade::auth::Entra;

fn main() {}

pub fn protect(entra: &Entra) {
    let _ = entra.layer(access::anonymous("a test"));
}
