//! A version that is none.
//!
//! mistake: `at "latest"`
//! mended: `at "0123456789abcdef0123456789abcdef"`
//! error: evaluation panicked: the version of a secret is 32 lower-case hex digits
//! arrow: `$crate::secrets::check(            $name,            <$secret as $crate::secrets::Declared>::VERSION,        )`

stockade::secret! {
    /// A key.
    pub ErpKey: "erp-key" at "latest"
}

fn main() {}
