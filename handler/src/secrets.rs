//! Secrets: declared as types, read from the vault by the app's identity, kept fresh.
//!
//! A secret is declared once, by [`secret!`](crate::secret!), and from then on it is a type. A handler
//! takes its value as an argument, [`Secret<ErpKey>`](Secret); a state that needs it at the start names
//! it with [`App::secret`](crate::App::secret) and asks the
//! [`Environment`](crate::settings::Environment). Nothing about a secret is ever written into a setting.
//!
//! ```
//! use stockade::{App, Error, Function, Secret, on};
//!
//! stockade::secret! {
//!     /// Signs what is sent to the ERP system.
//!     pub ErpKey: "erp-key"
//! }
//!
//! async fn nightly(key: Secret<ErpKey>) -> Result<(), Error> {
//!     let sign_with: &str = key.expose_secret();
//! #   let _ = sign_with;
//!     Ok(())
//! }
//!
//! let app = App::<()>::new("orders").function(Function::new("nightly", on::timer("0 0 3 * * *"), nightly));
//! assert_eq!(app.manifest().secrets()[0].name(), "erp-key");
//! ```
//!
//! Tests need no vault: `TestApp::with_secret` fills in a value, and rotates it when it is called again.
//!
//! The rules, each with a test:
//!
//! 1. A secret is fetched before the port is bound, all of them at once, and then again before it is
//!    stale. A version that was not seen before takes the place of the old one; nobody restarts.
//! 2. Only a version that is enabled and within `nbf` and `exp` counts, also while it is held. Until
//!    the newest begins to count, the one before it does, if the vault still vouches for that one.
//! 3. While the vault is away, slow or throttling, the last good value counts, up to a limit.
//! 4. When the vault says that the secret is gone, disabled or expired, the value ends at once.
//! 5. A function without a secret that it requires does not run: a request gets 503, an event waits.
//!    All other functions go on.
//!
//! What this does not protect against: a function that logs what it exposes; copies that other code
//! makes of an exposed value, which nobody wipes; whoever can read this process's memory.

mod client_certificate;
mod declared;
#[cfg(feature = "cli")]
mod examination;
mod form;
mod settings;
mod slot;
mod store;
mod value;
#[allow(dead_code, reason = "the errors are the client's to make")]
pub(crate) mod vault;
mod watch;

#[cfg(test)]
pub(crate) mod tests;

pub use client_certificate::ClientCertificate;
pub use declared::{Declared, check};
pub use form::Form;
pub use value::Secret;
pub use watch::SecretWatch;

pub(crate) use declared::{Declaration, Need};
#[cfg(feature = "cli")]
pub(crate) use examination::{Attributes, Examination, examine};
pub(crate) use settings::SecretSettings;
#[cfg(feature = "cli")]
pub(crate) use slot::Trouble;
pub(crate) use store::Secrets;
