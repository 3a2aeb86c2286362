//! A secret that is an ordinary type.
//!
//! mistake: `Secret<Plain>`
//! mended: `Secret<ErpKey>`
//! error: `Plain` is not a declared secret
//! arrow: `Secret<Plain>`

use desk::Desk;
use stockade::{Error, Function, Secret, on};

stockade::secret! {
    /// A key.
    pub ErpKey: "erp-key"
}

pub struct Plain;

fn main() {
    let _: Function<Desk> = Function::new("it", on::timer("0 0 3 * * *"), handler);
}

async fn handler(_: Secret<Plain>) -> Result<(), Error> {
    todo!()
}
