//! A caller that was put together by hand, as a middleware might for the handlers behind it.
//!
//! mistake: `Principal { facts: todo!() }`
//! mended: `caller.clone()`
//! error: field `facts` of struct `Principal` is private
//! arrow: `facts`

use stockade::Principal;

fn main() {}

pub fn forge(caller: &Principal) -> Principal {
    let _ = caller.id();
    Principal { facts: todo!() }
}
