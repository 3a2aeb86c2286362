//! Secrets: declared as types, read from the vault by the app's identity, kept fresh.

pub(crate) mod vault;
