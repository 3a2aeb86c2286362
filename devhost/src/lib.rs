//! A local Azure Functions host.

#![deny(missing_docs)]

pub mod newtonsoft;
