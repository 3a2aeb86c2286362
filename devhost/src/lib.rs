//! A local Azure Functions host.

#![deny(missing_docs)]

pub mod encode;
pub mod newtonsoft;
pub mod outputs;
#[cfg(test)]
mod testing;
