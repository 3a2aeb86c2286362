//! The functions of an app, and the only way to run one.

use tokio::sync::SetOnce;

use super::{Function, Surroundings};
use crate::auth::{Authorized, ResourceMetadata};
use crate::failure::Failure;
use crate::limits::InputLimits;
use crate::output::Outputs;
use crate::wire::Delivery;

/// The functions, and the state that they share.
pub(crate) struct Endpoints<S> {
    functions: Vec<Function<S>>,
    state: SetOnce<S>,
    limits: InputLimits,
    resource: Option<ResourceMetadata>,
}

impl<S: Send + Sync + 'static> Endpoints<S> {
    pub(crate) fn new(
        functions: Vec<Function<S>>,
        limits: InputLimits,
        resource: Option<ResourceMetadata>,
    ) -> Self {
        Self {
            functions,
            state: SetOnce::new(),
            limits,
            resource,
        }
    }

    /// Runs the function that the invocation was authorised for.
    pub(crate) async fn run(&self, authorized: Authorized) -> Result<Outputs, Failure> {
        let function = &self.functions[authorized.function().index()];
        let state = match authorized.delivery() {
            Delivery::Request(_) => self.state.get().ok_or(Failure::NotReady)?,
            // Failing an event would only make the platform deliver it again, so it waits.
            Delivery::Message(_) | Delivery::Tick(_) => self.state.wait().await,
        };
        let around = Surroundings {
            limits: &self.limits,
            state,
            resource: self.resource.as_ref(),
        };
        function.run(authorized, around).await
    }

    /// The state, once it is built.
    pub(crate) fn state(&self) -> &SetOnce<S> {
        &self.state
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn entry(&self, function: crate::wire::FunctionId) -> &super::Entry {
        self.functions[function.index()].entry()
    }
}
