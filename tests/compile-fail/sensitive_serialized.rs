//! A sensitive value in an answer.
//!
//! mistake: `code: Sensitive<String>`
//! mended: `code: String`
//! error: the trait bound `Sensitive<String>: serde::Serialize` is not satisfied
//! arrow: `Serialize`

use serde::Serialize;
use stockade::Sensitive;

#[derive(Serialize)]
pub struct Answer {
    pub code: Sensitive<String>,
}

fn main() {
    let _: Option<Sensitive<String>> = None;
}
