//! Works off the orders that `create-order` took in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stockade::input::{Message, QueueMeta};
use stockade::{Error, Function, on};
use validator::Validate;

use crate::state::AppState;

/// The queue between the two.
pub const QUEUE: &str = "%ORDERS_QUEUE%";

pub fn function() -> Function<AppState> {
    Function::new("order-worker", on::queue(QUEUE), order_worker)
}

async fn order_worker(meta: QueueMeta, Message(order): Message<PlacedOrder>) -> Result<(), Error> {
    if order.total_cents == 0 {
        return Err(Error::reject(
            "nothing_to_pay",
            "The order comes to nothing.",
        ));
    }
    // Deliveries repeat, so whatever is done here has to be safe to do again for the same order.
    tracing::info!(dequeue_count = meta.dequeue_count, "order worked off");
    Ok(())
}

/// An order on its way from `create-order`.
#[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacedOrder {
    #[validate(length(min = 1, max = 64))]
    pub order_id: String,
    pub total_cents: u64,
    /// The id of the caller who placed it.
    #[validate(length(min = 1, max = 128))]
    pub placed_by: String,
}
