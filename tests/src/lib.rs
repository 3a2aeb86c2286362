//! Shared by the suites.

pub mod scratch;
