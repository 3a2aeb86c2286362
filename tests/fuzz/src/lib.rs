//! Fuzz targets for what strangers send, and the engine that runs them.
//!
//! A target takes bytes and panics if the code under test does with them what it must not. The
//! engine makes the bytes: it keeps what reaches a branch that nothing before it reached, and
//! changes what it kept. `README.md` says how to run it and why the engine is our own.

pub mod coverage;
pub mod engine;
mod json;
pub mod memory;
mod mutation;
mod random;
pub mod targets;
