//! The order desk that every program of this folder is written for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stockade::{FromRef, output};
use validator::Validate;

/// The state of the app.
pub struct Desk {
    prices: Prices,
}

/// The one part of the state.
#[derive(Clone)]
pub struct Prices;

impl FromRef<Desk> for Prices {
    fn from_ref(desk: &Desk) -> Self {
        desk.prices.clone()
    }
}

#[derive(Deserialize, Serialize, Validate, JsonSchema)]
pub struct NewOrder {
    #[validate(length(min = 1))]
    pub number: String,
}

#[derive(Serialize)]
pub struct Accepted;

/// A queue to write to.
pub struct PlacedOrders;

impl output::Queue for PlacedOrders {
    const NAME: &'static str = "placed-orders";
    type Message = NewOrder;
}
