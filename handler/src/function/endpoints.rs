//! The functions of an app, and the only way to run one.

use tokio::sync::SetOnce;

use super::{Function, Surroundings};
use crate::auth::{Authorized, ResourceMetadata};
use crate::failure::Failure;
use crate::limits::InputLimits;
use crate::output::Outputs;
use crate::secrets::Secrets;
use crate::wire::Delivery;

/// The functions, and the state that they share.
pub(crate) struct Endpoints<S> {
    functions: Vec<Function<S>>,
    state: SetOnce<S>,
    limits: InputLimits,
    resource: Option<ResourceMetadata>,
    secrets: Secrets,
}

impl<S: Send + Sync + 'static> Endpoints<S> {
    pub(crate) fn new(
        functions: Vec<Function<S>>,
        limits: InputLimits,
        resource: Option<ResourceMetadata>,
        secrets: Secrets,
    ) -> Self {
        Self {
            functions,
            state: SetOnce::new(),
            limits,
            resource,
            secrets,
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
        let needed = &function.entry().inputs.secrets;
        if !needed.is_empty() {
            let is_request = matches!(authorized.delivery(), Delivery::Request(_));
            match self.secrets.missing(needed) {
                None => {}
                Some(name) if is_request => return Err(Failure::NoSecret(name.as_str())),
                // In a box, or the future of every function would hold it.
                Some(_) => Box::pin(self.secrets.wait_for(needed)).await,
            }
        }
        let around = Surroundings {
            limits: &self.limits,
            state,
            resource: self.resource.as_ref(),
            secrets: &self.secrets,
        };
        function.run(authorized, around).await
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
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
