//! The written exceptions: types that switch one rule off for what is inside them.
//!
//! They tell the reader through the name of a newtype, so with any other `serde` format they are
//! plain wrappers.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use validator::{Validate, ValidateLength, ValidationErrors};

/// Accepts members that `T`, and what is inside it, does not know; they are skipped.
///
/// For documents whose sender is free to add members, such as the events of a platform. All other
/// rules stay: what is skipped still has to be sound JSON without repeated names.
///
/// ```
/// use stockade::input::Lenient;
///
/// #[derive(serde::Deserialize)]
/// struct BlobCreated {
///     url: String,
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Event {
///     data: Lenient<BlobCreated>, // `data` may grow, the event itself may not
/// }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Lenient<T>(pub T);

/// A text that may hold control characters and bidirectional overrides.
///
/// Whoever shows or logs it has to escape it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct FreeText(pub String);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_newtype_struct(LENIENT, Inside(PhantomData))
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for FreeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_newtype_struct(FREE_TEXT, Inside(PhantomData))
            .map(Self)
    }
}

/// Reads what a newtype holds.
struct Inside<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Inside<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the value inside")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inside: D) -> Result<T, D::Error> {
        T::deserialize(inside)
    }
}

impl<T: Serialize> Serialize for Lenient<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for FreeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: Validate> Validate for Lenient<T> {
    fn validate(&self) -> Result<(), ValidationErrors> {
        self.0.validate()
    }
}

impl ValidateLength<u64> for FreeText {
    fn length(&self) -> Option<u64> {
        self.0.length()
    }
}

impl<T: JsonSchema> JsonSchema for Lenient<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl JsonSchema for FreeText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

impl<T> Deref for Lenient<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Deref for FreeText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Escapes what a terminal would obey.
impl fmt::Debug for FreeText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.0)
    }
}

pub(super) const LENIENT: &str = "$stockade::Lenient";
pub(super) const FREE_TEXT: &str = "$stockade::FreeText";
