//! What the text of a secret is read into.

use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::input;

/// What a secret can be: `str`, a [`ClientCertificate`](super::ClientCertificate), or a type that
/// derives `Deserialize` and `Validate` and is read as strict JSON.
///
/// The text is wiped from memory when its last user drops it. What JSON was read into is the type's
/// own to wipe: let it derive `ZeroizeOnDrop`, or keep its fields as `SecretString`.
#[diagnostic::on_unimplemented(
    message = "a secret cannot be read into `{Self}`",
    label = "`{Self}` has to derive `Deserialize` and `Validate`"
)]
pub trait Form: Send + Sync + 'static {
    /// How it is kept.
    #[doc(hidden)]
    type Kept: Send + Sync + 'static;

    /// Reads the text of a version.
    ///
    /// # Errors
    ///
    /// Why it is no such value, in words that hold nothing of it.
    #[doc(hidden)]
    fn read(text: SecretString) -> Result<Self::Kept, &'static str>;

    /// What is shown of what is kept.
    #[doc(hidden)]
    fn expose(kept: &Self::Kept) -> &Self;
}

impl Form for str {
    type Kept = SecretString;

    fn read(text: SecretString) -> Result<SecretString, &'static str> {
        // An empty key signs and opens whatever anybody wants.
        if text.expose_secret().is_empty() {
            return Err("it is empty");
        }
        Ok(text)
    }

    fn expose(kept: &SecretString) -> &str {
        kept.expose_secret()
    }
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Validate + Send + Sync + 'static> Form for T {
    type Kept = T;

    fn read(text: SecretString) -> Result<T, &'static str> {
        let value: T = input::document(text.expose_secret().as_bytes())?;
        match value.validate() {
            Ok(()) => Ok(value),
            Err(_) => Err("it breaks a rule of its type"),
        }
    }

    fn expose(kept: &T) -> &T {
        kept
    }
}
