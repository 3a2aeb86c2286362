//! What a function gives back: an answer to its caller, and messages to other services.

use std::fmt;

use serde::Serialize;

use crate::failure::Error;
use crate::manifest::Binding;
use crate::on::{Answers, Silent, Trigger};

pub use self::cloud_event::CloudEvent;
pub(crate) use self::quarantine::quarantined;
pub use self::queue::{Enqueue, Queue, Sink};
pub(crate) use self::reply::{Answer, AnswerBody, StreamedReply};
pub use self::reply::{BinaryReply, Reply, TextReply};

mod cloud_event;
mod quarantine;
mod queue;
mod reply;

/// What a handler of trigger `T` may return.
#[diagnostic::on_unimplemented(
    message = "the handler of this `{T}` cannot return `{Self}`",
    label = "`{Self}` is not something that this trigger takes back",
    note = "a request is answered with `Reply<_>`, `TextReply`, `BinaryReply` or a tuple that begins with a `Reply<_>`; an event with `()`, an output such as `Enqueue<_>`, or a tuple of outputs; each may stand in a `Result<_, Error>`"
)]
pub trait Returns<T: Trigger>: Sized {
    /// Tells the registry what is written.
    #[doc(hidden)]
    fn describe(plan: &mut Plan);

    /// Writes it.
    ///
    /// # Errors
    ///
    /// The function's own error, or a value that cannot be serialised.
    #[doc(hidden)]
    fn write(self, out: &mut Outputs) -> Result<(), Error>;
}

/// An output that may follow the first in a tuple.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot follow the first output of this `{T}`",
    label = "`{Self}` is not an output binding",
    note = "a `Reply<_>` comes first and once; outputs such as `Enqueue<_>` follow it"
)]
pub trait Output<T: Trigger>: Sized {
    /// The binding that it is written to.
    #[doc(hidden)]
    fn binding() -> Binding;

    /// Its messages; none writes nothing.
    ///
    /// # Errors
    ///
    /// A message that cannot be serialised.
    #[doc(hidden)]
    fn value(self) -> Result<Option<Vec<String>>, Error>;
}

/// What may stand first in a tuple of outputs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand first among several outputs of this `{T}`",
    label = "`{Self}` has to be returned alone, or not at all"
)]
pub trait First<T: Trigger>: Returns<T> {}

impl<T: Trigger> Returns<T> for () {
    fn describe(_: &mut Plan) {}

    fn write(self, _: &mut Outputs) -> Result<(), Error> {
        Ok(())
    }
}

impl<T: Trigger, R: Returns<T>, E: Into<Error>> Returns<T> for Result<R, E> {
    fn describe(plan: &mut Plan) {
        R::describe(plan);
    }

    fn write(self, out: &mut Outputs) -> Result<(), Error> {
        self.map_err(Into::into)?.write(out)
    }
}

impl<T: Answers, B: Serialize> First<T> for Reply<B> {}
impl<T: Silent, Q: Queue> First<T> for Enqueue<Q> {}

impl<T: Trigger, O: Output<T>> Output<T> for Option<O> {
    fn binding() -> Binding {
        O::binding()
    }

    fn value(self) -> Result<Option<Vec<String>>, Error> {
        self.map_or(Ok(None), O::value)
    }
}

macro_rules! several {
    ($first:ident, $($rest:ident),+) => {
        impl<T: Trigger, $first: First<T>, $($rest: Output<T>),+> Returns<T> for ($first, $($rest),+) {
            fn describe(plan: &mut Plan) {
                $first::describe(plan);
                $(plan.push($rest::binding());)+
            }

            #[allow(non_snake_case)]
            fn write(self, out: &mut Outputs) -> Result<(), Error> {
                let ($first, $($rest),+) = self;
                $first.write(out)?;
                $(out.push($rest.value()?);)+
                Ok(())
            }
        }
    };
}

several!(O1, O2);
several!(O1, O2, O3);
several!(O1, O2, O3, O4);

/// The bindings that a handler writes to, in the order of its return type.
#[derive(Debug, Default)]
pub struct Plan {
    pub(crate) bindings: Vec<Binding>,
    /// The answer is bytes, which the host's envelope cannot carry.
    pub(crate) binary: bool,
}

impl Plan {
    /// Adds an output, named after its kind and, from the second on, its number.
    pub(crate) fn push(&mut self, binding: Binding) {
        let same = self
            .bindings
            .iter()
            .filter(|known| known.kind() == binding.kind());
        let name = match same.count() {
            0 => binding.kind().to_owned(),
            before => format!("{}{}", binding.kind(), before + 1),
        };
        self.bindings.push(binding.named(name));
    }
}

/// What a handler gave back.
#[derive(Default)]
pub struct Outputs {
    pub(crate) answer: Option<Answer>,
    /// The messages for each binding of the plan, in its order.
    pub(crate) messages: Vec<Option<Vec<String>>>,
}

impl Outputs {
    pub(crate) fn push(&mut self, messages: Option<Vec<String>>) {
        self.messages.push(messages);
    }
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outputs").finish_non_exhaustive()
    }
}
