//! Takes an order in: validated, priced, handed to `order-worker`, answered with 202.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stockade::input::{Json, checks};
use stockade::output::{self, CloudEvent, Enqueue};
use stockade::{Context, Error, Function, Principal, Reply, access, on};
use validator::Validate;

use super::order_worker::PlacedOrder;
use crate::state::AppState;

pub fn function() -> Function<AppState> {
    Function::new(
        "create-order",
        on::post("orders", access::scope("Orders.Write")),
        create_order,
    )
}

async fn create_order(
    context: Context,
    caller: Principal,
    Json(order): Json<NewOrder>,
) -> Result<(Reply<Accepted>, Enqueue<PlacedOrders>), Error> {
    let total_cents = order
        .total_cents()
        .ok_or_else(|| Error::unprocessable("The order comes to more than can be paid."))?;
    let accepted = Accepted {
        order_id: order.order_id.clone(),
        total_cents,
    };
    let placed = PlacedOrder {
        order_id: order.order_id,
        total_cents,
        placed_by: caller.id().to_string(),
    };
    // The queue has no place for the trace, so the message carries it.
    let placed = CloudEvent::new(&context, super::order_worker::PLACED, placed);
    Ok((Reply::accepted(accepted), Enqueue::one(placed)))
}

/// An order as its caller sends it.
#[derive(Debug, Clone, Deserialize, Serialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewOrder {
    /// The caller's own number for the order; sending it twice places it once.
    #[validate(length(min = 1, max = 64))]
    order_id: String,
    /// Where the confirmation goes.
    #[validate(custom(function = "checks::email"))]
    #[schemars(email)]
    email: String,
    /// The ISO 4217 code.
    #[validate(length(equal = 3))]
    #[schemars(example = &"EUR")]
    currency: String,
    #[validate(length(min = 1, max = 100), nested)]
    items: Vec<Item>,
}

#[derive(Debug, Clone, Deserialize, Serialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[validate(length(min = 1, max = 64))]
    #[schemars(example = &"SKU-00001")]
    sku: String,
    #[validate(range(min = 1, max = 1000))]
    quantity: u32,
    /// The price that the caller was quoted for one piece.
    #[validate(range(max = 100_000_000))]
    unit_price_cents: u64,
}

impl NewOrder {
    fn total_cents(&self) -> Option<u64> {
        self.items.iter().try_fold(0_u64, |total, item| {
            let cents = item
                .unit_price_cents
                .checked_mul(u64::from(item.quantity))?;
            total.checked_add(cents)
        })
    }
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    order_id: String,
    total_cents: u64,
}

/// The queue behind `order-worker`.
struct PlacedOrders;

impl output::Queue for PlacedOrders {
    const NAME: &'static str = super::order_worker::QUEUE;
    type Message = CloudEvent<PlacedOrder>;
}
