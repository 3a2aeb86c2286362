//! The proof that a caller may call, named from outside.
//!
//! mistake: `stockade::auth::Authorized`
//! mended: `stockade::auth::TenantId`
//! error: struct `Authorized` is private
//! arrow: `Authorized`

fn main() {
    let _: Option<stockade::auth::Authorized> = None;
}
