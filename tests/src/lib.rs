//! What the suites share: the built binaries, app folders, running hosts and handlers, an HTTP client
//! that sends exactly what it is told, and a tenant that publishes and signs whatever it is told.
//!
//! Every process that is started here ends with the value that stands for it, or with the test
//! process, whichever comes first. Every wait has a deadline and shows the output when it passes.

#![deny(missing_docs)]

pub mod binaries;
pub mod fixtures;
pub mod http;
pub mod log;
pub mod machine;
pub mod process;
pub mod running;
pub mod scratch;
pub mod search;
pub mod setup;
pub mod tenant;

pub use self::http::{Answer, Request};
pub use self::log::Line;
pub use self::running::{Ended, Handler, Host};
pub use self::setup::{App, Mode, Setup};
pub use self::tenant::Tenant;
