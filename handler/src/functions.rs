//! The functions of the reference app, one file each.

use stockade::Function;

use crate::state::AppState;

mod create_order;
mod health;
mod nightly;
mod order_worker;
mod quote;

/// Every function. The manifest and the tests see what stands here and nothing else.
pub fn all() -> [Function<AppState>; 5] {
    [
        create_order::function(),
        quote::function(),
        order_worker::function(),
        nightly::function(),
        health::function(),
    ]
}
