//! An invocation that an event source asks for, and who carries it out.

use std::future::Future;

use crate::encode::{Metadata, Value, merge_payload, sys};

/// A function to call, with the value of its trigger.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function's name.
    pub function: String,
    /// The trigger binding's name, under which `Data` has the value.
    pub binding: String,
    /// The trigger's value.
    pub value: Value,
    /// What the trigger tells about the value.
    pub trigger: Metadata,
}

impl Call {
    /// The trigger's entry of `Data`.
    pub fn data(&self) -> (String, Value) {
        (self.binding.clone(), self.value.clone())
    }

    /// `Metadata` for one attempt: what the trigger tells, then a fresh `sys`, then the members of
    /// a text value that is a JSON object, over both. A retry policy adds its context after these.
    pub fn metadata(&self) -> Metadata {
        let mut metadata = self.trigger.clone();
        metadata.insert("sys", sys(&self.function));
        if let Value::Text(payload) = &self.value {
            merge_payload(payload, &mut metadata);
        }
        metadata
    }
}

/// How an invocation ended, its outputs and retries included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The function succeeded and all its outputs are written.
    Succeeded,
    /// The function or one of its outputs failed.
    Failed,
}

/// Carries out calls.
pub trait Invoke: Clone + Send + Sync + 'static {
    /// Calls the function, with retries if it has a policy for them, and applies its outputs.
    fn invoke(&self, call: Call) -> impl Future<Output = Outcome> + Send;
}

impl<F, R> Invoke for F
where
    F: Fn(Call) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send,
{
    fn invoke(&self, call: Call) -> impl Future<Output = Outcome> + Send {
        self(call)
    }
}
