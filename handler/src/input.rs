//! What a function is given: read strictly, then validated, or refused with the places.
//!
//! [`Input`] is what a payload type has to be. [`Lenient`] and [`FreeText`] are the two written
//! exceptions from the strictness, and [`checks`] has rules for `#[validate(custom(…))]`.

mod buffered;
pub mod checks;
mod cloud_event;
mod content_type;
mod extract;
mod fault;
mod headers;
mod json;
mod marker;
mod parameters;
mod params;
mod path;
mod percent;
mod query;
mod queue;
mod rejection;
mod request;
#[cfg(any(test, feature = "cli"))]
pub(crate) mod sample;
mod text;
mod timer;
mod traits;
mod validate;

pub use self::cloud_event::CloudEvent;
pub use self::extract::{Headers, Json, Message, Path, Query};
pub use self::marker::{FreeText, Lenient};
pub use self::params::Params;
pub use self::queue::{QueueMessage, QueueMeta};
pub use self::rejection::Rejection;
pub use self::request::{Body, Request};
pub use self::timer::Tick;
pub use self::traits::{Described, Input, Readable, Validated};

pub(crate) use self::buffered::open_variants;
pub(crate) use self::request::declared_length;
pub(crate) use self::text::is_forbidden;

use self::json::JsonLimits;
use self::validate::{Broken, validate};
use crate::problem::FieldError;

/// Reads one JSON document as strictly as a function's payload is read, without its type's rules.
///
/// For tests of payload types and for benchmarks; a function is given its payload.
///
/// # Errors
///
/// The first place that cannot be read.
#[cfg(feature = "testing")]
pub fn strict<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, FieldError> {
    json::parse(bytes, &JsonLimits::default()).map_err(fault::Fault::into_body_error)
}

/// Reads one JSON document that is the app's own, a secret for one.
///
/// # Errors
///
/// What is wrong, without its place: the names on the way there may be secret, too.
pub(crate) fn document<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, &'static str> {
    json::parse(bytes, &JsonLimits::default()).map_err(|fault| fault.code().as_str())
}

/// Reads and validates one JSON document.
///
/// # Errors
///
/// The first place that cannot be read, or all that break a rule.
pub(crate) fn read_json<T: Input>(bytes: &[u8], limits: &JsonLimits) -> Result<T, Vec<FieldError>> {
    let value = json::parse::<T>(bytes, limits).map_err(|fault| vec![fault.into_body_error()])?;
    let trace = || (json::trace::<T>(bytes, limits), json::start(bytes));
    match validate(&value, trace) {
        Ok(()) => Ok(value),
        Err(broken) => Err(broken.into_iter().map(Broken::into_body_error).collect()),
    }
}
