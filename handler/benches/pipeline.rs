//! What an invocation costs from the request to the answer, without sockets, beside the least that
//! any handler does: serde_json reads the envelope and the order in it and writes an answer.
//!
//! The signature of a token is in `token.rs`; here it shows as the difference between an invocation
//! whose token is new and one whose token is remembered.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use divan::{AllocProfiler, Bencher, black_box};
use http::Request;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use stockade::auth::Tokens;
use stockade::auth::testing::{TestClock, TestTenant};
use stockade::input::Json;
use stockade::output::{self, CloudEvent, Enqueue};
use stockade::test::TestApp;
use stockade::{App, Context, Error, Function, Principal, Reply, access, on};
use tokio::runtime::Runtime;
use validator::Validate;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// What has to be done in any case.
#[divan::bench]
fn least(bencher: Bencher<'_, '_>) {
    let envelope = envelope(&token());

    bencher.bench_local(|| plain::answer(black_box(envelope.as_bytes())));
}

/// An invocation whose token was never seen.
#[divan::bench]
fn whole_with_a_new_token(bencher: Bencher<'_, '_>) {
    whole(bencher, &app("0"));
}

/// An invocation whose token is remembered.
#[divan::bench]
fn whole_with_a_known_token(bencher: Bencher<'_, '_>) {
    whole(bencher, &app("4096"));
}

/// An invocation of a function that asks for no token.
#[divan::bench]
fn whole_without_a_token(bencher: Bencher<'_, '_>) {
    whole(bencher, &open_app());
}

/// The envelope alone, read into a request for its function.
#[divan::bench]
fn reading(bencher: Bencher<'_, '_>) {
    let (app, runtime) = (app("0"), runtime());
    let envelope = envelope(&token());

    bencher
        .with_inputs(|| request(&envelope))
        .bench_local_values(|request| runtime.block_on(app.reads(request)));
}

/// The answer alone, written into an envelope.
#[divan::bench]
fn answering(bencher: Bencher<'_, '_>) {
    let (app, runtime) = (app("0"), runtime());

    bencher
        .with_inputs(returned)
        .bench_local_values(|returned| {
            runtime.block_on(app.packs::<on::HttpTrigger<access::Caller>>("create-order", returned))
        });
}

fn whole(bencher: Bencher<'_, '_>, app: &TestApp<()>) {
    let runtime = runtime();
    let envelope = envelope(&token());
    let once = runtime.block_on(app.serve(request(&envelope)));
    let body = runtime.block_on(axum::body::to_bytes(once.into_body(), usize::MAX));
    let body = String::from_utf8(body.expect("an answer").to_vec()).expect("text");
    assert!(body.contains("\"statusCode\":202"), "{body}");

    bencher
        .with_inputs(|| request(&envelope))
        .bench_local_values(|request| runtime.block_on(app.serve(request)));
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// An app that remembers so many tokens.
fn app(cache_entries: &str) -> TestApp<()> {
    let tenant = TestTenant::new();
    let settings = tenant.settings(&[("STOCKADE__AUTH__TOKEN_CACHE_ENTRIES", cache_entries)]);
    let tokens = Tokens::with_fetch(&settings, Arc::new(TestClock::new()), Arc::new(tenant));
    runtime().block_on(tokens.prepare(Duration::from_secs(5)));
    let trigger = on::post("orders", access::scope("Orders.Write"));
    App::new("orders")
        .function(Function::new("create-order", trigger, create_order))
        .with_tokens((), tokens)
        .without_log()
}

/// An app that asks for no token.
fn open_app() -> TestApp<()> {
    let trigger = on::post("orders", access::anonymous("a benchmark"));
    App::new("orders")
        .function(Function::new("create-order", trigger, create_draft))
        .with_state(())
        .without_log()
}

type Returned = (Reply<Accepted>, Enqueue<PlacedOrders>);

async fn create_order(
    context: Context,
    _: Principal,
    Json(order): Json<Order>,
) -> Result<Returned, Error> {
    Ok(place(&context, order))
}

async fn create_draft(context: Context, Json(order): Json<Order>) -> Result<Returned, Error> {
    Ok(place(&context, order))
}

fn returned() -> Returned {
    let context = Context::for_tests("create-order");
    place(&context, serde_json::from_value(order()).expect("an order"))
}

fn place(context: &Context, order: Order) -> Returned {
    let accepted = Accepted {
        total_cents: order.total_cents(),
        order_id: order.order_id.clone(),
    };
    let placed = Placed {
        total_cents: accepted.total_cents,
        order_id: order.order_id,
    };
    let placed = CloudEvent::new(context, "order.placed", placed);
    (Reply::accepted(accepted), Enqueue::one(placed))
}

#[derive(Deserialize, Validate, JsonSchema)]
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
    quantity: u64,
    unit_price_cents: u64,
}

impl Order {
    fn total_cents(&self) -> u64 {
        let items = self.items.iter();
        items
            .map(|item| item.quantity * item.unit_price_cents)
            .sum()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    order_id: String,
    total_cents: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Placed {
    order_id: String,
    total_cents: u64,
}

struct PlacedOrders;

impl output::Queue for PlacedOrders {
    const NAME: &'static str = "placed-orders";
    type Message = CloudEvent<Placed>;
}

fn token() -> String {
    TestTenant::new().token().sign()
}

fn order() -> serde_json::Value {
    let item = |number: u64| {
        json!({
            "sku": format!("SKU-{number:05}"),
            "quantity": number + 1,
            "unitPriceCents": 1999 + number,
        })
    };
    json!({
        "orderId": "ord-2026-000123",
        "email": "customer@example.com",
        "currency": "EUR",
        "items": (0..4).map(item).collect::<Vec<_>>(),
    })
}

/// An invocation as the host writes it, about 2.2 kB (host 4.1037, GetRequestAsJObject).
fn envelope(token: &str) -> String {
    let body = order().to_string();
    let envelope = json!({
        "Data": {"req": {
            "Url": "http://127.0.0.1:7071/api/orders",
            "Method": "POST",
            "Query": {},
            "Headers": {
                "Accept": ["*/*"],
                "Host": ["127.0.0.1:7071"],
                "User-Agent": ["bench/1"],
                "Content-Type": ["application/json"],
                "Content-Length": [body.len().to_string()],
                "traceparent": ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
                "Authorization": [format!("Bearer {token}")],
            },
            "Params": {},
            "Identities": [{
                "AuthenticationType": null, "IsAuthenticated": false, "Actor": null,
                "BootstrapContext": null, "Claims": [], "Label": null, "Name": null,
                "NameClaimType": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
                "RoleClaimType":
                    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
            }],
            "Body": body,
        }},
        "Metadata": {
            "Query": {},
            "Headers": {},
            "sys": {
                "MethodName": "create-order",
                "UtcNow": "2026-01-01T00:00:00Z",
                "RandGuid": "c0ffee00-0000-4000-8000-000000000000",
            },
        },
    });
    envelope.to_string()
}

fn request(envelope: &str) -> Request<Body> {
    Request::post("/create-order")
        .header("Host", "127.0.0.1:0")
        .header("Content-Type", "application/json; charset=utf-8")
        .header("Content-Length", envelope.len())
        .header("User-Agent", "Azure-Functions-Host/4.1037.0.0")
        .header("X-Azure-Functions-HostVersion", "4.1037.0.0")
        .header(
            "X-Azure-Functions-InvocationId",
            "00000000-0000-4000-8000-000000000000",
        )
        .body(Body::from(envelope.to_owned()))
        .expect("a request")
}

/// The same job done plainly: no token, no validation, no log.
mod plain {
    use serde::Deserialize;
    use serde_json::json;

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

    pub(super) fn answer(envelope: &[u8]) -> Vec<u8> {
        let envelope: Envelope = serde_json::from_slice(envelope).expect("an envelope");
        let order: Order = serde_json::from_str(&envelope.data.req.body).expect("an order");
        let items = order.items.iter();
        let total: u64 = items
            .map(|item| item.quantity * item.unit_price_cents)
            .sum();
        let body = json!({"orderId": order.order_id, "totalCents": total}).to_string();
        let answer = json!({
            "Outputs": {"res": {
                "statusCode": 202,
                "headers": {"content-type": "application/json"},
                "body": body,
            }},
            "Logs": [],
            "ReturnValue": null,
        });
        serde_json::to_vec(&answer).expect("JSON")
    }
}
