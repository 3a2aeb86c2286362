//! Functions that ask for a caller, and the one that tells clients how to become one.

use schemars::JsonSchema;
use serde::Deserialize;
use stockade::input::Path;
use stockade::{Function, Principal, Reply, TextReply, access, auth, on};
use validator::Validate;

pub(crate) fn all() -> Vec<Function<()>> {
    vec![
        auth::protected_resource(),
        Function::new(
            "whoami",
            on::get("whoami", access::scope("Orders.Read")),
            whoami,
        ),
        Function::new(
            "delete-order",
            on::delete(
                "orders/{id}",
                access::any_of([
                    access::scope("Orders.Delete").with_authentication_context("c1"),
                    access::role("Orders.Delete.All"),
                ]),
            ),
            delete_order,
        ),
    ]
}

async fn whoami(caller: Principal) -> TextReply {
    TextReply::ok(caller.id())
}

async fn delete_order(Path(order): Path<Order>) -> Reply<u32> {
    Reply::ok(order.id)
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
struct Order {
    #[validate(range(min = 1))]
    id: u32,
}
