//! A sensitive value as a field of a log line.
//!
//! mistake: `tracing::info!(%code, "came")`
//! mended: `tracing::info!(?code, "came")`
//! error: `Sensitive<String>` doesn't implement `std::fmt::Display`
//! arrow: `$k`

use stockade::Sensitive;

fn main() {
    let _ = log;
}

fn log(code: &Sensitive<String>) {
    tracing::info!(%code, "came");
}
