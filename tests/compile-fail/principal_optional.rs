//! A route for which the caller may be missing, so that nobody would notice a lost layer.
//!
//! mistake: `Option<Principal>`
//! mended: `Principal`
//! error: the trait bound `fn(Option<Principal>) -> ... {create_order}: Handler<_, _>` is not satisfied
//! arrow: `create_order`

use axum::Router;
use axum::routing::post;
use stockade::Principal;

fn main() {
    let _: Router = Router::new().route("/orders", post(create_order));
}

async fn create_order(_: Option<Principal>) {}
