//! Azure Functions custom handlers that start out secure.
//!
//! A custom handler is a small web server that the Functions host starts and calls on loopback for
//! every trigger. Stockade is that server, with one pipeline that no invocation gets round:
//!
//! ```text
//! wire → telemetry → limits → authentication → endpoint( input → function → outputs ) → wire
//! ```
//!
//! Two things do not compile: a function that outsiders can reach and that does not say who may
//! [call](access) it, and a handler that takes or returns what its [trigger](on) does not offer.
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use stockade::{App, Error, Function, Principal, Reply, access, on};
//! use stockade::input::Json;
//! use validator::Validate;
//!
//! #[derive(Deserialize, Validate, JsonSchema)]
//! struct Greeting {
//!     #[validate(length(min = 1, max = 80))]
//!     name: String,
//! }
//!
//! #[derive(Serialize)]
//! struct Greeted {
//!     text: String,
//! }
//!
//! async fn greet(caller: Principal, Json(greeting): Json<Greeting>) -> Result<Reply<Greeted>, Error> {
//!     tracing::info!(caller = %caller.id(), "greeting");
//!     Ok(Reply::ok(Greeted { text: format!("Good day, {}.", greeting.name) }))
//! }
//!
//! fn app() -> App<()> {
//!     App::new("greeter")
//!         .function(Function::new(
//!             "greet",
//!             on::post("greet", access::scope("Greetings.Send")),
//!             greet,
//!         ))
//!         .log_fields(&["caller"])
//! }
//! # assert!(app().problems().is_empty());
//! ```

#![deny(missing_docs)]

mod app;
mod azure;
#[cfg(feature = "cli")]
mod cli;
mod failure;
mod function;
mod guard;
mod limits;
mod problem;
mod routes;
mod run;
mod sensitive;
mod server;
mod telemetry;
mod wire;

pub mod access;
pub mod auth;
pub mod input;
pub mod keys;
pub mod manifest;
pub mod on;
pub mod output;
pub mod secrets;
pub mod settings;
pub mod storage;
#[cfg(any(test, feature = "testing"))]
pub mod test;

pub use self::app::App;
pub use self::auth::Principal;
pub use self::failure::Error;
pub use self::function::{
    Argument, ArgumentList, Call, Context, FromRef, Function, Handler, InvocationId, Leads,
    NotAGuid, Part, Payload, State,
};
pub use self::guard::Visit;
pub use self::input::Rejection;
pub use self::output::{BinaryReply, Reply, TextReply};
pub use self::problem::{FieldError, Problem};
pub use self::run::{main, start_logging};
pub use self::secrets::Secret;
pub use self::sensitive::Sensitive;
pub use self::wire::Mode;

// The code in these pages is compiled as the documentation here is.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
#[cfg(doctest)]
#[doc = include_str!("../../docs/secrets.md")]
struct Secrets;
