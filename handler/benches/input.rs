//! What the strictness costs: an order of about 400 bytes, next to plain `serde_json`.

use divan::{Bencher, black_box};
use serde::Deserialize;
use serde_json::Value;
use stockade::input::strict;

fn main() {
    // One run is close to what the clock can tell.
    divan::Divan::from_args().sample_size(64).main();
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read, and then only dropped")]
struct Order {
    order_id: String,
    customer: Customer,
    items: Vec<Item>,
    note: Option<String>,
    express: bool,
    total: f64,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read, and then only dropped")]
struct Customer {
    id: String,
    name: String,
    email: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "read, and then only dropped")]
struct Item {
    sku: String,
    quantity: u32,
    unit_price: f64,
}

const ORDER: &[u8] = br#"{
  "orderId": "5f2b7c1e-8a34-4d7e-9a51-1f0c2d3e4b5a",
  "customer": {"id": "c-20481", "name": "Ada Lovelace", "email": "ada@example.com"},
  "items": [
    {"sku": "KB-104-DE", "quantity": 2, "unitPrice": 49.9},
    {"sku": "MS-2200", "quantity": 1, "unitPrice": 24.5},
    {"sku": "CB-USB-C-2M", "quantity": 10, "unitPrice": 3.25}
  ],
  "note": "Leave it at the \"back\" door",
  "express": false,
  "total": 156.8
}"#;

#[divan::bench]
fn order_strict(bencher: Bencher<'_, '_>) {
    bencher.bench(|| strict::<Order>(black_box(ORDER)).is_ok());
}

#[divan::bench]
fn order_serde_json(bencher: Bencher<'_, '_>) {
    bencher.bench(|| serde_json::from_slice::<Order>(black_box(ORDER)).is_ok());
}

#[divan::bench]
fn untyped_strict(bencher: Bencher<'_, '_>) {
    bencher.bench(|| strict::<Value>(black_box(ORDER)).is_ok());
}

#[divan::bench]
fn untyped_serde_json(bencher: Bencher<'_, '_>) {
    bencher.bench(|| serde_json::from_slice::<Value>(black_box(ORDER)).is_ok());
}

/// The last member makes it invalid, so that all of it is read.
#[divan::bench]
fn refused_strict(bencher: Bencher<'_, '_>) {
    let order = String::from_utf8_lossy(ORDER).replace("156.8", "\"x\"");
    bencher.bench(|| strict::<Order>(black_box(order.as_bytes())).is_err());
}

#[divan::bench]
fn refused_serde_json(bencher: Bencher<'_, '_>) {
    let order = String::from_utf8_lossy(ORDER).replace("156.8", "\"x\"");
    bencher.bench(|| serde_json::from_slice::<Order>(black_box(order.as_bytes())).is_err());
}
