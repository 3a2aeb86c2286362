//! The app's state, taken whole or in parts.

use super::argument::{Argument, Call, Part};
use crate::input::Rejection;
use crate::on::Trigger;

/// A part of the app's state.
///
/// ```
/// use stockade::FromRef;
///
/// #[derive(Clone)]
/// struct Prices;
///
/// struct AppState {
///     prices: Prices,
/// }
///
/// impl FromRef<AppState> for Prices {
///     fn from_ref(state: &AppState) -> Self {
///         state.prices.clone()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the app's state has no `{Self}`",
    label = "`{Self}` is not a part of the app's state",
    note = "implement `stockade::FromRef<YourState>` for `{Self}`"
)]
pub trait FromRef<S> {
    /// Takes the part; cheap, because it happens for each invocation.
    fn from_ref(state: &S) -> Self;
}

/// Takes a part of the app's state.
#[derive(Debug, Clone, Copy)]
pub struct State<P>(pub P);

impl<T: Trigger, S, P> Argument<T, S> for State<P>
where
    P: FromRef<S> + Send + 'static,
{
    type Role = Part;

    fn from_call(call: &Call<'_, T, S>) -> Result<Self, Rejection> {
        Ok(State(P::from_ref(call.state())))
    }
}
