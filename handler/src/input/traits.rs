//! What a payload type has to be: three derives, and nothing of ours to write.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use validator::Validate;

/// A type that a function can take from outside.
///
/// It is implemented by deriving `Deserialize`, `Validate` and `JsonSchema`; each that is missing
/// is named by the compiler.
///
/// ```
/// #[derive(serde::Deserialize, validator::Validate, schemars::JsonSchema)]
/// struct NewOrder {
///     #[validate(length(min = 1, max = 40))]
///     sku: String,
///     #[validate(range(min = 1, max = 100))]
///     quantity: u32,
/// }
///
/// fn takes<T: stockade::input::Input>() {}
/// takes::<NewOrder>();
/// ```
pub trait Input: Readable + Validated + Described + Send + 'static {}

impl<T: Readable + Validated + Described + Send + 'static> Input for T {}

/// A type that can be read from what a caller sends.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from what a caller sends: it does not implement `Deserialize`",
    label = "`{Self}` needs `#[derive(Deserialize)]`",
    note = "payloads own what they hold: a type with borrowed fields is not `DeserializeOwned`"
)]
pub trait Readable: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Readable for T {}

/// A type whose values can be validated.
#[diagnostic::on_unimplemented(
    message = "`{Self}` would reach its handler unchecked: it does not implement `Validate`",
    label = "`{Self}` needs `#[derive(Validate)]`",
    note = "a type without rules derives it too, and then says that there are none"
)]
pub trait Validated: Validate {}

#[diagnostic::do_not_recommend]
impl<T: Validate> Validated for T {}

/// A type whose form can be told: to callers, to samples and to documentation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be described to its callers: it does not implement `JsonSchema`",
    label = "`{Self}` needs `#[derive(JsonSchema)]`"
)]
pub trait Described: JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema> Described for T {}
