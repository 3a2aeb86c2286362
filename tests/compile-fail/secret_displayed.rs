//! A secret that is printed.
//!
//! mistake: `"{key}"`
//! mended: `"{key:?}"`
//! error: `Secret<ErpKey>` doesn't implement `std::fmt::Display`
//! arrow: `{key}`

use stockade::Secret;

stockade::secret! {
    /// A key.
    pub ErpKey: "erp-key"
}

fn main() {
    let _ = shown;
}

fn shown(key: &Secret<ErpKey>) -> String {
    format!("{key}")
}
