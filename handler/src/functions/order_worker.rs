//! Works off the orders that `create-order` took in: hands them to the ERP system, signed.

use aws_lc_rs::hmac;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stockade::input::{CloudEvent, QueueMeta};
use stockade::output::{self, Enqueue};
use stockade::{Error, Function, Secret, on};
use validator::Validate;

use crate::state::AppState;

/// The queue between the two.
pub const QUEUE: &str = "%ORDERS_QUEUE%";

/// What its messages tell of.
pub const PLACED: &str = "order.placed";

stockade::secret! {
    /// Signs what goes to the ERP system, which knows the key, too.
    pub ErpKey: "erp-key"
}

pub fn function() -> Function<AppState> {
    Function::new("order-worker", on::queue(QUEUE), order_worker)
}

async fn order_worker(
    meta: QueueMeta,
    key: Secret<ErpKey>,
    event: CloudEvent<PlacedOrder>,
) -> Result<Enqueue<ErpOrders>, Error> {
    if event.kind != PLACED {
        return Err(Error::reject(
            "unknown_event",
            "This event is not for here.",
        ));
    }
    let order = event.data;
    if order.total_cents == 0 {
        return Err(Error::reject(
            "nothing_to_pay",
            "The order comes to nothing.",
        ));
    }
    // Deliveries repeat, so whatever is done here has to be safe to do again for the same order.
    let signed = Signed::new(serde_json::to_string(&order)?, &key);
    tracing::info!(dequeue_count = meta.dequeue_count, "order worked off");
    Ok(Enqueue::one(signed))
}

/// The queue that the ERP system reads.
struct ErpOrders;

impl output::Queue for ErpOrders {
    const NAME: &'static str = "%ERP_QUEUE%";
    type Message = Signed;
}

/// An order as the ERP system takes it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    /// The order as JSON. A text, so that the signature is over the bytes that arrive.
    order: String,
    /// HMAC-SHA256 of it (RFC 2104), in hex.
    signature: String,
    /// The version of the key, since the receiver may know two while one replaces the other.
    key_version: String,
}

impl Signed {
    fn new(order: String, key: &Secret<ErpKey>) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes());
        let tag = hmac::sign(&secret, order.as_bytes());
        let digits = tag.as_ref().iter().map(|byte| format!("{byte:02x}"));
        Self {
            signature: digits.collect(),
            key_version: key.version().to_owned(),
            order,
        }
    }
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

#[cfg(all(test, feature = "testing"))]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(kind: &str) -> Value {
        json!({
            "specversion": "1.0",
            "id": "1",
            "source": "/functions/create-order",
            "type": kind,
            "data": {"orderId": "o-1", "totalCents": 3998, "placedBy": "ada"},
        })
    }

    #[test]
    fn the_signature_is_hmac_sha256_of_the_order_under_the_key() {
        // RFC 4231 §4.3, whose key is a text.
        let key = Secret::for_tests("Jefe");

        let signed = Signed::new("what do ya want for nothing?".to_owned(), &key);

        assert_eq!(
            signed.signature,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(signed.key_version, key.version());
        let other = Signed::new(signed.order.clone(), &Secret::for_tests("jefe"));
        assert_ne!(other.signature, signed.signature);
    }

    #[tokio::test]
    async fn an_order_goes_to_the_erp_system_with_a_signature() {
        let app = crate::app()
            .with_state(AppState::default())
            .with_secret::<ErpKey>("a key of the test");

        let outcome = app.call("order-worker").message(&event(PLACED)).await;

        assert!(outcome.is_done());
        let sent = outcome.queued::<ErpOrders>();
        let sent: Signed = serde_json::from_str(&sent[0]).unwrap();
        let key = Secret::for_tests("a key of the test");
        assert_eq!(
            sent.signature,
            Signed::new(sent.order.clone(), &key).signature
        );
        let order: PlacedOrder = serde_json::from_str(&sent.order).unwrap();
        assert_eq!(order.order_id, "o-1");
    }

    #[tokio::test]
    async fn an_event_of_another_kind_is_rejected() {
        let app = crate::app()
            .with_state(AppState::default())
            .with_secret::<ErpKey>("a key of the test");

        let outcome = app.call("order-worker").message(&event("order.paid")).await;

        assert!(!outcome.is_done());
        assert_eq!(app.log()[0]["rule"], "unknown_event");
    }
}
