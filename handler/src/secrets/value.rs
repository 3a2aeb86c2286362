//! A value of a secret, as handlers hold it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use super::declared::{Declaration, Declared, Need};
use super::form::Form;
use super::vault::ObjectVersion;
use crate::function::{Argument, Call, Inputs, Part};
use crate::input::Rejection;
use crate::on::Trigger;

/// The current value of the secret `K`; a cheap clone.
///
/// A handler takes it as an argument; `Option<Secret<K>>` is for one that can do without. What was
/// taken stays as it is: a rotation is seen by the next invocation. There is one way to read it,
/// [`expose_secret`](Self::expose_secret), so that a search finds every use, and none to print or to
/// serialise it. Compare it in constant time.
pub struct Secret<K: Declared>(Arc<Kept<K::Value>>);

impl<K: Declared> Secret<K> {
    /// The value.
    pub fn expose_secret(&self) -> &K::Value {
        K::Value::expose(&self.0.value)
    }

    /// Which version it is; that is no secret, and tells a receiver which key was used.
    pub fn version(&self) -> &str {
        self.0.version.as_str()
    }

    /// A value for a test.
    ///
    /// # Panics
    ///
    /// When the text is no such value.
    #[cfg(any(test, feature = "testing"))]
    pub fn for_tests(text: &str) -> Self {
        let kept = Kept::<K::Value>::new(text.into(), ObjectVersion::for_tests(1));
        Self(Arc::new(kept.unwrap_or_else(|why| {
            panic!("the text is no value of `{}`: {why}", K::NAME)
        })))
    }

    pub(super) fn of(value: AnyValue) -> Self {
        let kept = value.downcast();
        Self(kept.unwrap_or_else(|_| unreachable!("a slot is found by the type of its value")))
    }

    pub(super) fn version_id(&self) -> ObjectVersion {
        self.0.version
    }
}

impl<K: Declared> Clone for Secret<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Declared> fmt::Debug for Secret<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

impl<T: Trigger, S, K: Declared> Argument<T, S> for Secret<K> {
    type Role = Part;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        // It was there when the function was begun, and may have expired since.
        let secret = call.secrets.current::<K>();
        secret.ok_or_else(Rejection::not_ready)
    }

    fn describe(inputs: &mut Inputs) {
        Declaration::of::<K>(Need::Required).add_to(&mut inputs.secrets);
    }
}

impl<T: Trigger, S, K: Declared> Argument<T, S> for Option<Secret<K>> {
    type Role = Part;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        Ok(call.secrets.current::<K>())
    }

    fn describe(inputs: &mut Inputs) {
        Declaration::of::<K>(Need::Optional).add_to(&mut inputs.secrets);
    }
}

/// A version of a secret, read.
pub(super) struct Kept<V: Form + ?Sized> {
    value: V::Kept,
    version: ObjectVersion,
}

/// A [`Kept`] without its type.
pub(super) type AnyValue = Arc<dyn Any + Send + Sync>;

impl<V: Form + ?Sized> Kept<V> {
    fn new(text: SecretString, version: ObjectVersion) -> Result<Self, &'static str> {
        let value = V::read(text)?;
        Ok(Self { value, version })
    }

    pub(super) fn read(
        text: SecretString,
        version: ObjectVersion,
    ) -> Result<AnyValue, &'static str> {
        Ok(Arc::new(Self::new(text, version)?))
    }
}
