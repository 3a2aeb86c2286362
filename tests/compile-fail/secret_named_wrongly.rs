//! A secret under a name that no vault takes.
//!
//! mistake: `"erp/key"`
//! mended: `"erp-key"`
//! error: evaluation panicked: the name of a secret is 1 to 127 letters, digits and hyphens
//! arrow: `$crate::secrets::check(            $name,            <$secret as $crate::secrets::Declared>::VERSION,        )`

stockade::secret! {
    /// A key.
    pub ErpKey: "erp/key"
}

fn main() {}
