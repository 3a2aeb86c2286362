//! Tells what something costs: a pure computation, so the host hands requests over as they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stockade::input::Query;
use stockade::{Error, Function, Reply, State, access, on};
use validator::Validate;

use crate::state::{AppState, Catalogue};

pub fn function() -> Function<AppState> {
    let readers = access::any_of([
        access::scope("Orders.Read"),
        access::role("Orders.Read.All"),
    ]);
    Function::new("quote", on::get("quote", readers), quote)
}

async fn quote(
    State(catalogue): State<Catalogue>,
    Query(wanted): Query<Wanted>,
) -> Result<Reply<Quote>, Error> {
    let unit_price_cents = catalogue
        .unit_price_cents(&wanted.sku)
        .ok_or_else(|| Error::not_found("This is not sold here."))?;
    Ok(Reply::ok(Quote {
        total_cents: unit_price_cents * u64::from(wanted.quantity),
        unit_price_cents,
    }))
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Wanted {
    #[validate(length(min = 1, max = 64))]
    #[schemars(example = &"SKU-00001")]
    sku: String,
    #[validate(range(min = 1, max = 1000))]
    quantity: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Quote {
    unit_price_cents: u64,
    total_cents: u64,
}
