//! What an argument of a handler is, and what it may look at.

use super::{Context, Inputs};
use crate::auth::ResourceMetadata;
use crate::input::Rejection;
use crate::on::Trigger;
use crate::secrets::Secrets;

/// Something that a handler may take, for trigger `T` and state `S`.
///
/// Implement it for a type of your own to share what several handlers derive from the caller and
/// the state. Such an argument never sees the payload, so it cannot get round validation.
///
/// ```
/// use stockade::{Argument, Call, Part, Rejection, on::HasCaller};
///
/// struct Customer(String);
///
/// impl<T: HasCaller, S> Argument<T, S> for Customer {
///     type Role = Part;
///
///     fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
///         Ok(Customer(call.caller().id().to_string()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the handler of this `{T}` cannot take `{Self}`",
    label = "`{Self}` is not an argument that a `{T}` offers",
    note = "a request offers `Json<_>`, `Query<_>`, `Path<_>`, `Headers<_>`; a message `Message<_>`; all offer `State<_>`, `Context`, `Secret<_>`"
)]
pub trait Argument<T: Trigger, S>: Send + Sized + 'static {
    /// [`Part`], or [`Payload`] for the one argument that takes the body.
    type Role;

    /// Takes the argument from the invocation.
    ///
    /// # Errors
    ///
    /// A [`Rejection`]: the input is not what the function asks for.
    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection>;

    /// Tells the registry what the argument reads.
    #[doc(hidden)]
    fn describe(_: &mut Inputs) {}
}

/// The role of an argument that may stand anywhere.
#[derive(Debug)]
pub struct Part;

/// The role of the argument that takes the payload: it comes last.
#[derive(Debug)]
pub struct Payload;

/// Roles that may stand before the last argument.
#[diagnostic::on_unimplemented(
    message = "`{A}` is the payload of this handler, so it has to be the last argument",
    label = "an argument stands behind the payload `{A}`"
)]
pub trait Leads<A> {}

/// One authorised invocation, as arguments see it: the caller and the state.
pub struct Call<'a, T: Trigger, S> {
    pub(crate) caller: T::Caller,
    pub(crate) state: &'a S,
    pub(crate) resource: Option<&'a ResourceMetadata>,
    pub(crate) secrets: &'a Secrets,
    pub(crate) context: &'a Context,
    pub(crate) event: &'a T::Event,
}

impl<'a, T: Trigger, S> Call<'a, T, S> {
    /// Who calls.
    pub fn caller(&self) -> &T::Caller {
        &self.caller
    }

    /// The app's state.
    pub fn state(&self) -> &'a S {
        self.state
    }

    /// Which invocation this is.
    pub fn context(&self) -> &'a Context {
        self.context
    }
}
