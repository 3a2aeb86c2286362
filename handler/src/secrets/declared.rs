//! What a secret is before anything was fetched: a type with a name.

use std::any::TypeId;

use secrecy::SecretString;

use super::form::Form;
use super::value::{AnyValue, Kept};
use super::vault::{ObjectName, ObjectVersion, OpenVault};

/// A secret of the vault, as a type. [`secret!`](crate::secret!) declares one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a declared secret",
    label = "`{Self}` is not declared with `stockade::secret!`",
    note = "declare it: `stockade::secret! {{ pub ErpKey: \"erp-key\" }}`, then take `Secret<ErpKey>`"
)]
pub trait Declared: Send + Sync + 'static {
    /// Its name in the vault.
    const NAME: &'static str;
    /// The one version that is meant; without it, the latest.
    const VERSION: Option<&'static str>;
    /// What [`Secret::expose_secret`](super::Secret::expose_secret) gives: `str`, or the type that the
    /// value is read into as strict JSON.
    type Value: Form + ?Sized;
}

/// Declares a secret as a type.
///
/// ```
/// use secrecy::SecretString;
/// use serde::Deserialize;
/// use validator::Validate;
///
/// #[derive(Deserialize, Validate)]
/// struct ErpAccess {
///     #[validate(length(min = 1))]
///     user: String,
///     password: String,
/// }
///
/// stockade::secret! {
///     /// Signs what is sent to the ERP system: a text, always the latest version.
///     pub ErpKey: "erp-key"
/// }
///
/// stockade::secret! {
///     /// The key before the last rotation: one version, for good.
///     pub OldErpKey: "erp-key" at "0123456789abcdef0123456789abcdef"
/// }
///
/// stockade::secret! {
///     /// Read as strict JSON and validated, each time a version is new.
///     Erp: "erp-access" as ErpAccess
/// }
/// # let (_, _): (Option<stockade::Secret<OldErpKey>>, Option<stockade::Secret<Erp>>) = (None, None);
/// ```
///
/// A name that no vault would take does not compile:
///
/// ```compile_fail
/// stockade::secret! { pub ErpKey: "erp_key" }
/// ```
#[macro_export]
macro_rules! secret {
    (
        $(#[$attribute:meta])*
        $visibility:vis $secret:ident : $name:literal
        $(at $version:literal)?
        $(as $value:ty)?
    ) => {
        $(#[$attribute])*
        $visibility enum $secret {}

        const _: () = $crate::secrets::check(
            $name,
            <$secret as $crate::secrets::Declared>::VERSION,
        );

        impl $crate::secrets::Declared for $secret {
            const NAME: &'static str = $name;
            const VERSION: ::core::option::Option<&'static str> =
                $crate::secret!(@version $($version)?);
            type Value = $crate::secret!(@value $($value)?);
        }
    };
    (@version) => { ::core::option::Option::None };
    (@version $version:literal) => { ::core::option::Option::Some($version) };
    (@value) => { str };
    (@value $value:ty) => { $value };
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
        "the name of a secret is 1 to 127 letters, digits and hyphens"
    );
    if let Some(version) = version {
        assert!(
            ObjectVersion::new(version).is_some(),
            "the version of a secret is 32 lower-case hex digits"
        );
    }
}

/// Whether an app can do without a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
}

/// A declared secret without its type.
///
/// Only the code of a declared secret makes one, and it alone names the vault's client; an app that
/// declares none is linked without.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Declaration {
    pub(crate) name: ObjectName,
    pub(crate) version: Option<ObjectVersion>,
    pub(crate) need: Need,
    /// What the value is read into.
    form: TypeId,
    read: fn(SecretString, ObjectVersion) -> Result<AnyValue, &'static str>,
    pub(super) open: OpenVault,
    #[cfg(feature = "cli")]
    pub(crate) approach: super::vault::OpenApproach,
}

impl Declaration {
    pub(crate) fn of<K: Declared>(need: Need) -> Self {
        let Some(name) = (const { ObjectName::new(K::NAME) }) else {
            panic!("the name of a secret is 1 to 127 letters, digits and hyphens")
        };
        let version = K::VERSION.map(|version| {
            ObjectVersion::new(version)
                .expect("the version of a secret is 32 lower-case hex digits")
        });
        Self {
            name,
            version,
            need,
            form: TypeId::of::<K::Value>(),
            read: Kept::<K::Value>::read,
            open: crate::azure::open_vault,
            #[cfg(feature = "cli")]
            approach: crate::azure::open_approach,
        }
    }

    /// Whether any text will do, of the latest version.
    #[cfg(feature = "cli")]
    pub(crate) fn is_any_text(&self) -> bool {
        self.form == TypeId::of::<str>() && self.version.is_none()
    }

    /// Whether the two are the same value: one secret, one version, read in one way.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.form == other.form && self.name == other.name && self.version == other.version
    }

    /// The value that a version's text is.
    ///
    /// # Errors
    ///
    /// Why it is none, in words that hold nothing of it.
    pub(super) fn read(
        &self,
        text: SecretString,
        version: ObjectVersion,
    ) -> Result<AnyValue, &'static str> {
        // Rules are the app's own code.
        let read = crate::failure::contained(|| (self.read)(text, version));
        read.unwrap_or(Err("reading it panicked"))
    }

    /// Adds a declaration to those of an app: equal ones are one, and required if one of them is.
    pub(crate) fn add_to(self, all: &mut Vec<Self>) {
        match all.iter_mut().find(|known| known.is_same(&self)) {
            Some(known) if self.need == Need::Required => known.need = Need::Required,
            Some(_) => {}
            None => all.push(self),
        }
    }
}
