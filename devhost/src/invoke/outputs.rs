//! Writes outputs to the queues and blobs of devhost.

use super::{Invocation, InvokeError, Invoker};
use crate::app::Binding;
use crate::outputs::{Answered, Content, plan, resolve};

impl Invoker {
    /// Writes every output of an answer. One that fails takes back none of the others
    /// (host 4.1037, `BindOutputsAsync`).
    pub(super) fn apply(
        &self,
        invocation: &Invocation,
        answered: &Answered,
    ) -> Result<(), InvokeError> {
        let mut failure = None;
        for write in plan(&invocation.function.output_bindings(), answered) {
            let failed = |reason: String| InvokeError::Output {
                binding: write.binding.clone(),
                reason,
            };
            let binding = invocation
                .function
                .outputs()
                .find(|binding| binding.name == write.binding);
            let (Some(binding), Some(content)) = (binding, write.content) else {
                failure =
                    failure.or_else(|| write.failure.map(|reason| failed(reason.to_string())));
                continue;
            };
            let written = self.write(invocation, binding, content).map_err(failed);
            failure = failure
                .or_else(|| write.failure.map(|reason| failed(reason.to_string())))
                .or_else(|| written.err());
        }
        failure.map_or(Ok(()), Err)
    }

    fn write(
        &self,
        invocation: &Invocation,
        binding: &Binding,
        content: Content,
    ) -> Result<(), String> {
        let place = |property: &str| {
            let template = binding
                .text(property, &self.app.settings)
                .ok_or_else(|| format!("function.json gives it no {property}"))?;
            resolve(&template, &invocation.metadata).map_err(|error| error.to_string())
        };
        match content {
            Content::Messages(messages) if binding.is_kind("queue") => {
                let queue = place("queueName")?;
                for message in messages {
                    let text = self.app.host.queues.encoding.encode(&message);
                    self.queues
                        .send(&queue, text)
                        .map_err(|error| error.to_string())?;
                }
            }
            Content::Blob(bytes) => self.blobs.put(&place("path")?, bytes),
            Content::Messages(messages) => self.show(binding, messages.len()),
            Content::Documents(documents) => self.show(binding, documents.len()),
        }
        Ok(())
    }

    /// For outputs to services that devhost does not play.
    fn show(&self, binding: &Binding, count: usize) {
        self.log.info(&format!(
            "the output {} ({}) would be sent {count} item(s); devhost has no such service",
            binding.name, binding.kind
        ));
    }
}
