//! A secret in an answer.
//!
//! mistake: `key: Secret<ErpKey>`
//! mended: `key: String`
//! error: the trait bound `Secret<ErpKey>: serde::Serialize` is not satisfied
//! arrow: `Serialize`

use serde::Serialize;
use stockade::Secret;

stockade::secret! {
    /// A key.
    pub ErpKey: "erp-key"
}

#[derive(Serialize)]
pub struct Answer {
    pub key: Secret<ErpKey>,
}

fn main() {
    let _: Option<Secret<ErpKey>> = None;
}
