//! A local Azure Functions host.

#![deny(missing_docs)]

pub mod blob;
pub mod call;
pub mod clock;
pub mod encode;
pub mod newtonsoft;
pub mod outputs;
pub mod queue;
pub mod tenant;
#[cfg(test)]
mod testing;
pub mod timer;
