//! Storage queue triggers.

use std::time::SystemTime;

use super::{HasMessage, Sealed, Settled, Silent, Trigger, TriggerKind};
use crate::auth::{Gate, Identity};
use crate::failure::Failure;
use crate::function::Inputs;
use crate::input::QueueMessage;
use crate::limits::InputLimits;
use crate::manifest::{Binding, setting_problem};
use crate::output::Sink;
use crate::wire::Delivery;

/// A message of a storage queue.
#[derive(Debug)]
pub struct QueueTrigger {
    name: &'static str,
    connection: &'static str,
    quarantine: Option<Sink>,
}

/// A message of the storage queue `name`, which may be a `%SETTING%`.
///
/// A message that fails goes back and is delivered again; the host moves it to `<queue>-poison`
/// after `maxDequeueCount` attempts, so nothing is lost.
pub fn queue(name: &'static str) -> QueueTrigger {
    QueueTrigger {
        name,
        connection: "AzureWebJobsStorage",
        quarantine: None,
    }
}

impl QueueTrigger {
    /// Uses the storage account that the setting `connection` names.
    #[must_use]
    pub fn connection(mut self, connection: &'static str) -> Self {
        self.connection = connection;
        self
    }

    /// Sends rejected messages to `sink` at once, with the reason, in place of four more attempts.
    #[must_use]
    pub fn quarantine(mut self, sink: Sink) -> Self {
        self.quarantine = Some(sink);
        self
    }
}

impl Sealed for QueueTrigger {}
impl Trigger for QueueTrigger {
    type Caller = ();
    type Event = QueueMessage;

    fn caller(identity: Identity) -> Option<()> {
        matches!(identity, Identity::Host).then_some(())
    }

    async fn receive(delivery: Delivery, limits: &InputLimits) -> Result<QueueMessage, Failure> {
        match delivery {
            Delivery::Message(message) => QueueMessage::new(*message, limits),
            Delivery::Request(_) | Delivery::Tick(_) => Err(Failure::WrongTrigger),
        }
    }

    fn sent(event: &QueueMessage) -> Option<SystemTime> {
        event.meta().inserted
    }

    fn settle(self, _: &Inputs) -> Settled {
        let mut problems = Vec::new();
        setting_problem("the queue", self.name, &mut problems);
        Settled {
            kind: TriggerKind::Queue,
            gate: Gate::Host,
            binding: Binding::new("queueTrigger", "in", "item")
                .with("queueName", self.name)
                .with("connection", self.connection)
                // The host then merges nothing from the payload into the metadata, and the bytes
                // are exact (host 4.1037, Utility.ApplyBindingData).
                .with("dataType", "binary"),
            route: None,
            retry: None,
            quarantine: self.quarantine,
            validates_itself: None,
            problems,
        }
    }
}

impl HasMessage for QueueTrigger {
    fn payload(event: &QueueMessage) -> &[u8] {
        event.payload()
    }
}

impl Silent for QueueTrigger {}
