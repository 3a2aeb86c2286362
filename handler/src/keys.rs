//! Keys of the vault: what signs and decrypts without ever leaving it.
//!
//! A key is declared once, by [`key!`](crate::key!), as a secret is by `secret!`, and from then on it
//! is a type. Unlike a secret it is nothing to fetch and keep fresh: the private part stays where it is,
//! and each use is a question to the vault. So it is no argument of a handler but a part of the state,
//! made by [`Environment::key`] when the state is built. The app needs the settings of its vault; its
//! identity needs the role Key Vault Crypto User, or a role of its own with no more than the data actions
//! `Microsoft.KeyVault/vaults/keys/sign/action` and `…/decrypt/action`, granted on the one key.
//!
//! ```
//! use stockade::keys::{Key, SigningAlgorithm};
//! use stockade::settings::Environment;
//! use stockade::Error;
//!
//! stockade::key! {
//!     /// Signs what partners receive as an order.
//!     pub OrderSigning: "order-signing"
//! }
//!
//! #[derive(Clone)]
//! struct Orders {
//!     signing: Key<OrderSigning>,
//! }
//!
//! impl Orders {
//!     fn from_env(environment: &Environment) -> Result<Self, Error> {
//!         Ok(Self { signing: environment.key()? })
//!     }
//! }
//!
//! async fn sign(orders: &Orders, order: &[u8]) -> Result<(String, Vec<u8>), Error> {
//!     let signature = orders.signing.sign(SigningAlgorithm::Es256, order).await?;
//!     Ok((signature.version().to_string(), signature.as_bytes().to_vec()))
//! }
//! ```
//!
//! The rules, each with a test:
//!
//! 1. The digest is made here, and nothing else of a message goes to the vault.
//! 2. An answer counts only if it names the key that was asked for, in this vault, and its version.
//! 3. What is sent and what is read is bounded in size, and each use in time.
//! 4. Nothing that the vault says is in an error. While it is away, throttles or refuses, a request gets
//!    503 and an event is delivered again; what it cannot decrypt is a rejection.
//!
//! What this does not protect against: a function that signs whatever it is given, for whoever asks; use
//! of the key by others with the role; a caller who has the vault's limits used up (some 4,000 uses of an
//! RSA-2048 key in 10 s, fewer of larger ones; Microsoft Learn, "Azure Key Vault service limits"), so let
//! only known callers reach a function that uses a key.

mod algorithm;
mod outcome;
#[cfg(test)]
mod tests;
pub(crate) mod vault;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use aws_lc_rs::digest;

pub use algorithm::{DecryptionAlgorithm, SigningAlgorithm};
pub use outcome::{Decrypted, KeyVersion, NotAKeyVersion, Signature};

use vault::{KeyError, Keys};

use crate::failure::Error;
use crate::secrets::vault::{ObjectName, ObjectVersion};
use crate::settings::{Environment, Problems, Source};

/// A key of the vault, as a type. [`key!`](crate::key!) declares one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a declared key",
    label = "`{Self}` is not declared with `stockade::key!`",
    note = "declare it: `stockade::key! {{ pub OrderSigning: \"order-signing\" }}`, then hold a `Key<OrderSigning>`"
)]
pub trait Declared: Send + Sync + 'static {
    /// Its name in the vault.
    const NAME: &'static str;
    /// The one version that is meant; without it, the latest signs.
    const VERSION: Option<&'static str>;
}

/// Declares a key as a type.
///
/// ```
/// stockade::key! {
///     /// Signs orders: always the latest version.
///     pub OrderSigning: "order-signing"
/// }
///
/// stockade::key! {
///     /// The key before the last rotation: one version, for good.
///     OldOrderSigning: "order-signing" at "0123456789abcdef0123456789abcdef"
/// }
/// # let (_, _): (Option<stockade::keys::Key<OrderSigning>>, Option<stockade::keys::Key<OldOrderSigning>>) = (None, None);
/// ```
///
/// A name that no vault would take does not compile:
///
/// ```compile_fail
/// stockade::key! { pub OrderSigning: "order_signing" }
/// ```
#[macro_export]
macro_rules! key {
    (
        $(#[$attribute:meta])*
        $visibility:vis $key:ident : $name:literal
        $(at $version:literal)?
    ) => {
        $(#[$attribute])*
        $visibility enum $key {}

        const _: () = $crate::keys::check($name, <$key as $crate::keys::Declared>::VERSION);

        impl $crate::keys::Declared for $key {
            const NAME: &'static str = $name;
            const VERSION: ::core::option::Option<&'static str> =
                $crate::key!(@version $($version)?);
        }
    };
    (@version) => { ::core::option::Option::None };
    (@version $version:literal) => { ::core::option::Option::Some($version) };
}

/// Stops the compiler at a declaration that no vault could satisfy.
///
/// # Panics
///
/// When the name or the version is not one: in a constant, so before anything runs.
#[doc(hidden)]
pub const fn check(name: &'static str, version: Option<&'static str>) {
    assert!(
        ObjectName::new(name).is_some(),
        "the name of a key is 1 to 127 letters, digits and hyphens"
    );
    if let Some(version) = version {
        assert!(
            ObjectVersion::new(version).is_some(),
            "the version of a key is 32 lower-case hex digits"
        );
    }
}

/// The key `K`, to be used where it is; a cheap clone.
///
/// [`Environment::key`] makes one, and asks the vault nothing yet; `stockade::test::Keys` makes one
/// for a test.
pub struct Key<K: Declared> {
    keys: Arc<dyn Keys>,
    key: PhantomData<fn() -> K>,
}

impl<K: Declared> Key<K> {
    pub(crate) const NAME: ObjectName = match ObjectName::new(K::NAME) {
        Some(name) => name,
        None => panic!("the name of a key is 1 to 127 letters, digits and hyphens"),
    };
    pub(crate) const VERSION: Option<ObjectVersion> = match K::VERSION {
        None => None,
        Some(version) => match ObjectVersion::new(version) {
            Some(version) => Some(version),
            None => panic!("the version of a key is 32 lower-case hex digits"),
        },
    };

    /// Signs a message with the declared version, or with the latest.
    ///
    /// The digest is made here, so the message may have any length and stays here. The answer names the
    /// version that signed: hand it on with the signature, so that who verifies takes the right public
    /// key, also after a rotation.
    ///
    /// # Errors
    ///
    /// To be tried again, when the vault is away, throttles, does not have the key or does not let the
    /// app use it; fatal, when the key is of another kind than the algorithm needs. Either way the log
    /// says what has to be mended.
    pub async fn sign(
        &self,
        algorithm: SigningAlgorithm,
        message: &[u8],
    ) -> Result<Signature, Error> {
        let digest = digest::digest(algorithm.digest(), message);
        let signature = self
            .keys
            .sign(Self::NAME, Self::VERSION, algorithm, digest.as_ref())
            .await
            .and_then(|signature| {
                let is_one = algorithm.has_signatures_of(signature.as_bytes().len());
                is_one.then_some(signature).ok_or(KeyError::NO_SIGNATURE)
            });
        signature.map_err(|why| why.while_signing(K::NAME))
    }

    /// Decrypts what was encrypted for this version of the key.
    ///
    /// The version is kept beside a ciphertext by whoever made it: the latest is another one after a
    /// rotation. It stands in the `kid` of the public key, [`KeyVersion`] reads it.
    ///
    /// # Errors
    ///
    /// A rejection, when this is no ciphertext for the key: of no use now nor later. To be tried again,
    /// when the vault is away, throttles, does not have that version or does not let the app use it.
    pub async fn decrypt(
        &self,
        algorithm: DecryptionAlgorithm,
        version: KeyVersion,
        ciphertext: &[u8],
    ) -> Result<Decrypted, Error> {
        let other = Self::VERSION.is_some_and(|pinned| pinned != version.of_the_vault());
        if other || !algorithm.is_ciphertext(ciphertext) {
            return Err(vault::undecryptable());
        }
        self.keys
            .decrypt(Self::NAME, version.of_the_vault(), algorithm, ciphertext)
            .await
            .map_err(|why| why.while_decrypting(K::NAME))
    }

    /// The key in the vault that the settings name, used with the app's identity.
    fn open(source: &dyn Source) -> Result<Self, Error> {
        let mut problems = Problems::new();
        match crate::azure::open_keys(source, &mut problems) {
            Some(keys) => Ok(Self::of(keys)),
            None => Err(Error::fatal(problems)),
        }
    }

    /// The key, used by these.
    pub(crate) fn of(keys: Arc<dyn Keys>) -> Self {
        Self {
            keys,
            key: PhantomData,
        }
    }
}

impl Environment {
    /// A key of the vault, to be held in the app's state. The vault is not asked anything yet.
    ///
    /// # Errors
    ///
    /// The settings name no vault or no identity, or wrong ones; the log says which.
    pub fn key<K: Declared>(&self) -> Result<Key<K>, Error> {
        Key::open(self)
    }
}

impl<K: Declared> Clone for Key<K> {
    fn clone(&self) -> Self {
        Self::of(Arc::clone(&self.keys))
    }
}

impl<K: Declared> fmt::Debug for Key<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&K::NAME).finish()
    }
}
