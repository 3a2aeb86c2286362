//! Values that must not be seen by chance.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use validator::{Validate, ValidationErrors};
use zeroize::Zeroize as _;

/// A value of a payload or of the state that logs, errors, answers and messages must not hold by
/// chance: a one-time code, a health record, the number of an account.
///
/// It is read, validated and described as `T` is. There is one way to read it,
/// [`expose`](Self::expose), so that a search finds every use. `Debug` shows `[sensitive]`; there is no
/// `Display` and no `Serialize`, so a struct with such a field is not sent on by accident. A `String`
/// and a `Vec<u8>` are wiped when they are dropped.
///
/// ```
/// use stockade::Sensitive;
/// use stockade::input::Json;
/// use validator::Validate;
///
/// #[derive(Debug, serde::Deserialize, Validate, schemars::JsonSchema)]
/// struct Confirmation {
///     #[validate(nested)]
///     code: Sensitive<OneTimeCode>,
/// }
///
/// #[derive(serde::Deserialize, Validate, schemars::JsonSchema)]
/// #[serde(transparent)]
/// struct OneTimeCode {
///     #[validate(length(equal = 6))]
///     digits: String,
/// }
///
/// async fn confirm(Json(confirmation): Json<Confirmation>) {
///     tracing::info!("{confirmation:?}"); // Confirmation { code: [sensitive] }
///     let right = &confirmation.code.expose().digits;
/// #   let _ = right;
/// }
/// ```
///
/// Rules stand at the type inside, as above: `validator` keeps the value beside each rule that it
/// breaks, so those at the field itself ask for a value that can be serialised.
///
/// It does not protect the bytes that the value was read from, nor what a caller of
/// [`expose`](Self::expose) does with it. What the app itself shares with another service is a
/// [`Secret`](crate::Secret) of the vault.
pub struct Sensitive<T: 'static>(T);

impl<T> Sensitive<T> {
    /// Hides a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Clone> Clone for Sensitive<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Default> Default for Sensitive<T> {
    fn default() -> Self {
        Self(T::default())
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sensitive]")
    }
}

impl<T> Drop for Sensitive<T> {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites the bytes of a text or of bytes.
fn wipe(value: &mut dyn Any) {
    if let Some(text) = value.downcast_mut::<String>() {
        text.zeroize();
    } else if let Some(bytes) = value.downcast_mut::<Vec<u8>>() {
        bytes.zeroize();
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sensitive<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

impl<T: Validate> Validate for Sensitive<T> {
    fn validate(&self) -> Result<(), ValidationErrors> {
        self.0.validate()
    }
}

impl<T: JsonSchema> JsonSchema for Sensitive<T> {
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

#[cfg(test)]
mod tests {
    use schemars::schema_for;

    use super::*;
    use crate::input::read_json;
    use crate::input::sample::sample;

    #[derive(Debug, Deserialize, Validate, JsonSchema)]
    struct Confirmation {
        #[validate(nested)]
        code: Sensitive<Code>,
        note: Sensitive<String>,
    }

    #[derive(Debug, Deserialize, Validate, JsonSchema)]
    #[serde(transparent)]
    struct Code {
        #[validate(length(equal = 6))]
        digits: String,
    }

    fn read(text: &str) -> Result<Confirmation, Vec<String>> {
        read_json(text.as_bytes(), &Default::default())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_sensitive_value_is_read_and_its_debug_output_hides_it() {
        let read = read(r#"{"code":"271828","note":"the note"}"#).unwrap();

        assert_eq!(read.code.expose().digits, "271828");
        assert_eq!(read.note.expose(), "the note");
        let shown = format!("{read:?} {read:#?} {:?}", Some(&read.note));
        assert!(shown.contains("[sensitive]"), "{shown}");
        for part in ["271828", "digits", "the note"] {
            assert!(!shown.contains(part), "{shown}");
        }
    }

    #[test]
    fn a_sensitive_value_keeps_the_rules_of_its_type() {
        let rule = read(r#"{"code":"1","note":""}"#).unwrap_err();
        let kind = read(r#"{"code":"271828","note":1}"#).unwrap_err();

        assert_eq!(rule, ["length at \"/code\""]);
        assert_eq!(kind, ["type at \"/note\""]);
    }

    #[test]
    fn a_sensitive_value_is_described_as_what_it_holds() {
        #[derive(JsonSchema)]
        #[schemars(rename = "Confirmation")]
        #[expect(dead_code, reason = "only the schema counts")]
        struct Open {
            code: Code,
            note: String,
        }

        assert_eq!(schema_for!(Confirmation), schema_for!(Open));
        assert_eq!(
            sample(&schema_for!(Confirmation))["note"],
            sample(&schema_for!(Open))["note"]
        );
    }

    #[test]
    fn texts_and_bytes_are_wiped() {
        let (mut text, mut bytes, mut other) = ("text".to_owned(), vec![1_u8, 2], vec![1_u16]);

        wipe(&mut text);
        wipe(&mut bytes);
        wipe(&mut other);

        assert!(text.is_empty() && bytes.is_empty());
        assert_eq!(other, [1]);
    }
}
