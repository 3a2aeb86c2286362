//! Storage queue outputs.

use serde::Serialize;

use super::{Output, Outputs, Plan, Returns};
use crate::failure::Error;
use crate::manifest::{Binding, setting_problem};
use crate::on::{Silent, Trigger};

/// A storage queue that functions write to.
///
/// ```
/// use serde::Serialize;
/// use stockade::output;
///
/// #[derive(Serialize)]
/// struct PlacedOrder {
///     number: String,
/// }
///
/// /// The queue behind `order-worker`.
/// struct PlacedOrders;
///
/// impl output::Queue for PlacedOrders {
///     const NAME: &'static str = "%ORDERS_QUEUE%";
///     type Message = PlacedOrder;
/// }
/// ```
pub trait Queue: Send + 'static {
    /// The queue's name; `%SETTING%` is the only thing in it that may vary.
    const NAME: &'static str;

    /// The setting that names the storage account.
    const CONNECTION: &'static str = "AzureWebJobsStorage";

    /// What is sent, as JSON.
    type Message: Serialize + Send;
}

/// Messages for the queue `Q`.
#[derive(Debug)]
pub struct Enqueue<Q: Queue> {
    messages: Vec<Q::Message>,
}

impl<Q: Queue> Enqueue<Q> {
    /// One message.
    pub fn one(message: Q::Message) -> Self {
        Self {
            messages: vec![message],
        }
    }

    /// Any number of messages, in their order.
    pub fn many(messages: impl IntoIterator<Item = Q::Message>) -> Self {
        Self {
            messages: messages.into_iter().collect(),
        }
    }

    fn texts(&self) -> Result<Option<Vec<String>>, Error> {
        // JSON text is safe as an element of an array: the host decodes neither base64 nor dates in
        // it (host 4.1037, HttpScriptInvocationResultExtensions.GetBindingValue).
        let texts = self.messages.iter().map(serde_json::to_string);
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        Ok((!texts.is_empty()).then_some(texts))
    }
}

fn binding<Q: Queue>() -> Binding {
    Binding::new("queue", "out", "queue")
        .with("queueName", Q::NAME)
        .with("connection", Q::CONNECTION)
}

impl<T: Silent, Q: Queue> Returns<T> for Enqueue<Q> {
    fn describe(plan: &mut Plan) {
        plan.push(binding::<Q>());
    }

    fn write(self, out: &mut Outputs) -> Result<(), Error> {
        out.push(self.texts()?);
        Ok(())
    }
}

impl<T: Trigger, Q: Queue> Output<T> for Enqueue<Q> {
    fn binding() -> Binding {
        binding::<Q>()
    }

    fn value(self) -> Result<Option<Vec<String>>, Error> {
        self.texts()
    }
}

/// Where a rejected event is kept, with the reason.
#[derive(Debug, Clone, Copy)]
pub struct Sink {
    queue: &'static str,
}

impl Sink {
    /// The storage queue `name`, which may be a `%SETTING%`.
    pub fn queue(name: &'static str) -> Self {
        Self { queue: name }
    }

    pub(crate) fn binding(self) -> Binding {
        Binding::new("queue", "out", "quarantine")
            .with("queueName", self.queue)
            .with("connection", "AzureWebJobsStorage")
    }

    pub(crate) fn problems(self, problems: &mut Vec<String>) {
        setting_problem("the quarantine", self.queue, problems);
    }
}
