//! A function without a second output: the host hands its requests over as they came, and answers
//! them several times as fast as through the envelope.
//!
//! `create-order` of the reference app also writes to a queue, which only the envelope carries.

use std::process::ExitCode;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stockade::input::Json;
use stockade::{App, Error, Function, Principal, Reply, access, on};
use validator::Validate;

fn main() -> ExitCode {
    stockade::main(app, async |_| Ok(()))
}

fn app() -> App<()> {
    App::new("forwarded").function(Function::new(
        "price-order",
        on::post("orders", access::scope("Orders.Write")),
        price_order,
    ))
}

async fn price_order(_: Principal, Json(order): Json<Order>) -> Result<Reply<Priced>, Error> {
    let total_cents = order
        .total_cents()
        .ok_or_else(|| Error::unprocessable("The order comes to more than can be paid."))?;
    Ok(Reply::ok(Priced {
        order_id: order.order_id,
        total_cents,
    }))
}

#[derive(Deserialize, Serialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[validate(length(min = 1, max = 64))]
    order_id: String,
    #[validate(email, length(max = 254))]
    email: String,
    #[validate(length(equal = 3))]
    currency: String,
    #[validate(length(min = 1, max = 100), nested)]
    items: Vec<Item>,
}

#[derive(Deserialize, Serialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[validate(length(min = 1, max = 64))]
    sku: String,
    #[validate(range(min = 1, max = 1000))]
    quantity: u32,
    #[validate(range(max = 100_000_000))]
    unit_price_cents: u64,
}

impl Order {
    fn total_cents(&self) -> Option<u64> {
        self.items.iter().try_fold(0_u64, |total, item| {
            let cents = item
                .unit_price_cents
                .checked_mul(u64::from(item.quantity))?;
            total.checked_add(cents)
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Priced {
    order_id: String,
    total_cents: u64,
}
