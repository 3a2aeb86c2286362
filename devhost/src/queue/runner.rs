//! Listeners: they take messages, call functions, and decide what becomes of the messages.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep_until};

use super::{Message, POISON_SUFFIX, Queues, Settings};
use crate::call::{Call, Invoke, Outcome};
use crate::encode::{Metadata, Value};
use crate::newtonsoft::Token;
use crate::outputs::DataType;

/// How long a message is hidden while it is worked on; renewed at half time.
const LEASE: Duration = Duration::from_secs(600);

/// A queue trigger of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The function's name.
    pub function: String,
    /// The trigger binding's name.
    pub binding: String,
    /// The queue's name.
    pub queue: String,
    /// The binding's `dataType`.
    pub data_type: DataType,
}

impl Listener {
    /// The call that a message asks for; `None` when its text cannot be decoded.
    pub fn call(&self, message: &Message, settings: &Settings) -> Option<Call> {
        let bytes = settings.encoding.decode(&message.text)?;
        let text = String::from_utf8(bytes);
        let mut trigger = Metadata::default();
        if let Ok(text) = &text {
            // For `{queueTrigger}` in paths; the handler is not sent it.
            trigger.insert("QueueTrigger", Value::Text(text.clone()));
        }
        let value = match (self.data_type, text) {
            (DataType::Binary, Ok(text)) => Value::Bytes(text.into_bytes()),
            (DataType::Binary, Err(invalid)) => Value::Bytes(invalid.into_bytes()),
            (_, Ok(text)) => Value::Text(text),
            (_, Err(_)) => return None,
        };
        for (name, value) in [
            (
                "DequeueCount",
                Value::Json(Token::from(i64::from(message.dequeue_count))),
            ),
            ("ExpirationTime", Value::DateTimeOffset(message.expires)),
            ("Id", Value::Text(message.id.clone())),
            ("InsertionTime", Value::DateTimeOffset(message.inserted)),
            (
                "NextVisibleTime",
                Value::DateTimeOffset(message.next_visible),
            ),
            ("PopReceipt", Value::Text(message.pop_receipt.clone())),
        ] {
            trigger.insert(name, value);
        }
        let (function, binding) = (self.function.clone(), self.binding.clone());
        Some(Call {
            function,
            binding,
            value,
            trigger,
        })
    }
}

/// Turns the messages of queues into calls.
#[derive(Debug, Clone)]
pub struct Runner<I> {
    queues: Queues,
    settings: Settings,
    invoke: I,
}

impl<I: Invoke> Runner<I> {
    /// A runner over these queues.
    pub fn new(queues: Queues, settings: Settings, invoke: I) -> Self {
        Self {
            queues,
            settings,
            invoke,
        }
    }

    /// Listens until the future is dropped, which gives up the calls that are under way; their
    /// messages are shown again when the lease is over.
    ///
    /// A batch is taken whenever no more than `newBatchThreshold` messages are in work, so at most
    /// that many and a batch more are.
    pub async fn run(self, listener: Listener) {
        let mut changes = self.queues.watch();
        let mut working = JoinSet::new();
        loop {
            changes.mark_unchanged();
            let may_take = working.len() <= self.settings.new_batch_threshold;
            if may_take {
                for message in self
                    .queues
                    .receive(&listener.queue, self.settings.batch_size, LEASE)
                {
                    working.spawn(self.clone().work(listener.clone(), message));
                }
            }
            let may_take = working.len() <= self.settings.new_batch_threshold;
            let next = self
                .queues
                .next_visible(&listener.queue)
                .filter(|_| may_take);
            tokio::select! {
                Some(_) = working.join_next() => {}
                Ok(()) = changes.changed(), if may_take => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                else => return,
            }
        }
    }

    async fn work(self, listener: Listener, message: Message) {
        let settings = &self.settings;
        // Calls that were given up count too.
        let is_used_up = message.dequeue_count > settings.max_dequeue_count;
        let Some(call) = listener.call(&message, settings).filter(|_| !is_used_up) else {
            self.poison(&listener.queue, &message);
            return;
        };
        // The queue extension has no conversion to a stream: such a function is never called.
        let (outcome, receipt) = if listener.data_type == DataType::Stream {
            (Outcome::Failed, message.pop_receipt.clone())
        } else {
            self.hold_while(&listener.queue, &message, self.invoke.invoke(call))
                .await
        };
        let message = Message {
            pop_receipt: receipt,
            ..message
        };
        let (id, receipt) = (&message.id, &message.pop_receipt);
        match outcome {
            Outcome::Succeeded => {
                self.queues.delete(&listener.queue, id, receipt);
            }
            Outcome::Failed if message.dequeue_count >= settings.max_dequeue_count => {
                self.poison(&listener.queue, &message);
            }
            Outcome::Failed => {
                self.queues
                    .hide(&listener.queue, id, receipt, settings.visibility_timeout);
            }
        }
    }

    /// Keeps the message hidden for as long as the call takes; gives the last pop receipt.
    async fn hold_while(
        &self,
        queue: &str,
        message: &Message,
        call: impl Future<Output = Outcome>,
    ) -> (Outcome, String) {
        let mut receipt = message.pop_receipt.clone();
        let mut renewal = interval_at(Instant::now() + LEASE / 2, LEASE / 2);
        tokio::pin!(call);
        loop {
            tokio::select! {
                outcome = &mut call => return (outcome, receipt),
                _ = renewal.tick() => {
                    if let Some(renewed) = self.queues.hide(queue, &message.id, &receipt, LEASE) {
                        receipt = renewed;
                    }
                }
            }
        }
    }

    /// Moves a message to the poison queue: the copy first, so that it is never in neither.
    fn poison(&self, queue: &str, message: &Message) {
        let copied = self
            .queues
            .send(&format!("{queue}{POISON_SUFFIX}"), message.text.clone());
        if copied.is_ok() {
            self.queues.delete(queue, &message.id, &message.pop_receipt);
        }
    }
}
