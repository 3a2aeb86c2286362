//! What a handler's answer does: which outputs are written, and with which bytes.
//!
//! ```text
//! answer()  status, type, body of the response  -> Answered
//! bound()   one output's value                  -> Bound, base64 already undone
//! write()   Bound, by the kind of output        -> Content: the bytes that are written
//! http::    the HTTP output                     -> HttpAnswer: what the client gets
//! ```

mod answer;
pub mod http;
mod path;
mod write;

pub use answer::{AnswerError, Answered, answer};
pub use path::{PathError, resolve};
pub(crate) use write::from_base64;
pub use write::{Binding, Bound, Collector, Content, DataType, Write, bound, plan, write};

/// Why an output could not be written. The invocation fails, and a queue message comes again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A string in curly or square brackets that is not JSON.
    #[error("the value looks like JSON and is not: {0}")]
    NotJson(crate::newtonsoft::ParseError),
    /// A value that the host cannot turn into bytes. An empty blob is left behind.
    #[error("the value cannot be written to a blob")]
    NotBytes,
    /// The HTTP output is not an object that describes a response.
    #[error("the HTTP output is not a response object: {0}")]
    NotAResponse(&'static str),
    /// A response header that cannot be sent.
    #[error("the response header {name:?} {reason}")]
    Header {
        /// The header's name as the handler gave it.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}
