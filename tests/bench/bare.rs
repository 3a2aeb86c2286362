//! The yardstick's other end: the least that a custom handler can do with an order, in axum and
//! serde_json. It asks for no token, validates nothing and logs nothing.

use std::net::Ipv4Addr;

use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::var("FUNCTIONS_CUSTOMHANDLER_PORT")?.parse()?;
    let app = Router::new()
        .route("/", get(|| async {}))
        .route("/create-order", post(enveloped))
        .route("/api/orders", post(forwarded));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    Ok(axum::serve(listener, app).await?)
}

/// An invocation through the host's envelope.
async fn enveloped(Json(envelope): Json<Envelope>) -> Result<Json<Answer>, Json<Value>> {
    let order: Order = serde_json::from_str(&envelope.data.req.body)
        .map_err(|error| Json(error.to_string().into()))?;
    let body = serde_json::to_string(&Accepted::from(order))
        .map_err(|error| Json(error.to_string().into()))?;
    Ok(Json(Answer {
        outputs: Outputs {
            res: Res {
                status_code: 202,
                headers: Headers {
                    content_type: "application/json",
                },
                body,
            },
        },
        logs: [],
        return_value: None,
    }))
}

/// A request that the host hands over as it came.
async fn forwarded(Json(order): Json<Order>) -> Json<Accepted> {
    Json(order.into())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    req: Req,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Req {
    body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    quantity: u64,
    unit_price_cents: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    order_id: String,
    total_cents: u64,
}

impl From<Order> for Accepted {
    fn from(order: Order) -> Self {
        let items = order.items.iter();
        Self {
            total_cents: items
                .map(|item| item.quantity * item.unit_price_cents)
                .sum(),
            order_id: order.order_id,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    outputs: Outputs,
    logs: [&'static str; 0],
    return_value: Option<()>,
}

#[derive(Serialize)]
struct Outputs {
    res: Res,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Res {
    status_code: u16,
    headers: Headers,
    body: String,
}

#[derive(Serialize)]
struct Headers {
    #[serde(rename = "content-type")]
    content_type: &'static str,
}
