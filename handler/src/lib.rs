//! Azure Functions custom handlers that start out secure.

#![deny(missing_docs)]

pub mod auth;
pub mod settings;
