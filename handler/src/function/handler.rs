//! What a handler is: an `async fn` of at most eight arguments.
//!
//! Three bounds on [`Function::new`](super::Function::new) say it, one each for the shape, the
//! arguments and the return type, so that a mistake is named by its own sentence and the arrow
//! stands at the handler.

use std::future::Future;

use super::Inputs;
use super::argument::{Argument, Call, Leads, Part};
use crate::input::Rejection;
use crate::on::Trigger;

/// An `async fn` of at most eight arguments.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not an `async fn` of at most 8 arguments",
    note = "a handler is an `async fn` whose arguments are extractors and whose future is `Send`"
)]
pub trait Handler<A>: Send + Sync + 'static {
    /// `A`, said again: errors about the arguments then point at the handler.
    type Arguments;
    /// What the handler returns when called.
    type Future: Future;

    /// Calls the handler.
    fn call(&self, arguments: Self::Arguments) -> Self::Future;
}

/// The arguments of a handler, taken from one invocation of trigger `T`.
#[diagnostic::on_unimplemented(
    message = "the handler's arguments cannot be taken from a `{T}`",
    label = "at least one argument does not fit this trigger"
)]
pub trait ArgumentList<T: Trigger, S>: Send + Sized + 'static {
    /// Takes every argument, in the order in which they are written.
    ///
    /// # Errors
    ///
    /// The first argument's [`Rejection`].
    #[doc(hidden)]
    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection>;

    /// Tells the registry what the arguments read.
    #[doc(hidden)]
    fn describe(inputs: &mut Inputs);
}

impl<T: Trigger, S> ArgumentList<T, S> for () {
    fn from_call(_: &Call<'_, T, S>) -> Result<Self, Rejection> {
        Ok(())
    }

    fn describe(_: &mut Inputs) {}
}

#[diagnostic::do_not_recommend]
impl<F, Fut> Handler<()> for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future,
{
    type Arguments = ();
    type Future = Fut;

    fn call(&self, (): ()) -> Fut {
        self()
    }
}

/// `handler!(A1 A2; A3)`: the arguments that lead, and the last one.
macro_rules! handler {
    ($($lead:ident)*; $last:ident) => {
        #[diagnostic::do_not_recommend]
        impl<F, Fut, $($lead,)* $last> Handler<($($lead,)* $last,)> for F
        where
            F: Fn($($lead,)* $last) -> Fut + Send + Sync + 'static,
            Fut: Future,
        {
            type Arguments = ($($lead,)* $last,);
            type Future = Fut;

            #[allow(non_snake_case)]
            fn call(&self, ($($lead,)* $last,): Self::Arguments) -> Fut {
                self($($lead,)* $last)
            }
        }

        impl<T: Trigger, S, $($lead,)* $last> ArgumentList<T, S> for ($($lead,)* $last,)
        where
            $($lead: Argument<T, S, Role: Leads<$lead>>,)*
            $last: Argument<T, S>,
        {
            fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
                Ok(($($lead::from_call(call)?,)* $last::from_call(call)?,))
            }

            fn describe(inputs: &mut Inputs) {
                $($lead::describe(inputs);)*
                $last::describe(inputs);
            }
        }
    };
}

handler!(; A1);
handler!(A1; A2);
handler!(A1 A2; A3);
handler!(A1 A2 A3; A4);
handler!(A1 A2 A3 A4; A5);
handler!(A1 A2 A3 A4 A5; A6);
handler!(A1 A2 A3 A4 A5 A6; A7);
handler!(A1 A2 A3 A4 A5 A6 A7; A8);

impl<A> Leads<A> for Part {}
