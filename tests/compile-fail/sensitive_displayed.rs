//! A sensitive value that is printed.
//!
//! mistake: `"{code}"`
//! mended: `"{code:?}"`
//! error: `Sensitive<String>` doesn't implement `std::fmt::Display`
//! arrow: `{code}`

use stockade::Sensitive;

fn main() {
    let _ = shown;
}

fn shown(code: &Sensitive<String>) -> String {
    format!("{code}")
}
