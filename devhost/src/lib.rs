//! A local Azure Functions host for custom handlers.
//!
//! devhost knows the host's contract and nothing of who implements it: it reads `host.json` and
//! `function.json`, starts the handler they name, and sends it what the real host would send.
//!
//! ```text
//! front     HTTP from clients: routes, keys, three modes ┐
//! queue     messages                                      ├─ invoke ── process ── the handler
//! timer     schedules                                     ┘     └─ outputs: queues, blobs, the answer
//! ```
//!
//! Beside it stand a [`tenant`], a [managed identity](managed_identity), a Key [`vault`] and the receivers of
//! [`telemetry`], which the handler is told of as Azure and its settings tell it.

#![deny(missing_docs)]

mod app;
pub mod blob;
pub mod call;
pub mod cli;
pub mod clock;
mod cloud;
mod door;
pub mod encode;
pub mod fault;
mod front;
mod http1;
mod invoke;
mod keys;
mod log;
pub mod managed_identity;
pub mod newtonsoft;
pub mod outputs;
mod process;
pub mod queue;
mod reply;
mod sources;
pub mod telemetry;
pub mod tenant;
#[cfg(test)]
mod testing;
pub mod timer;
mod tls;
pub mod vault;
