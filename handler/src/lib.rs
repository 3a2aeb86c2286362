//! Azure Functions custom handlers that start out secure.
// The pipeline that calls these is not in this tree yet.
#![allow(dead_code, unused_imports)]

pub mod input;
mod problem;
mod routes;

pub use self::problem::{FieldError, ParameterSource, Problem};
