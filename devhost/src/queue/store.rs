//! The queues themselves, with the rules of Azure Storage for hidden messages and pop receipts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::Clock;
use crate::newtonsoft::Date;

/// The longest message text Azure Storage takes, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 65_536;

/// How long a message is kept.
const TIME_TO_LIVE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A message whose text is longer than [`MAX_MESSAGE_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of {0} bytes is larger than the 65536 that a queue takes")]
pub struct TooLarge(pub usize);

/// A message as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The message's id, for as long as it is in the queue.
    pub id: String,
    /// What its holder needs to delete or release it; new whenever the message is taken.
    pub pop_receipt: String,
    /// The stored text, still encoded.
    pub text: String,
    /// How often it was taken.
    pub dequeue_count: u32,
    /// When it was put in.
    #[serde(serialize_with = "iso")]
    pub inserted: Date,
    /// When it goes away by itself.
    #[serde(serialize_with = "iso")]
    pub expires: Date,
    /// When it can be taken again.
    #[serde(serialize_with = "iso")]
    pub next_visible: Date,
}

fn iso<S: serde::Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&date.to_iso())
}

/// How full a queue is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueState {
    /// The queue's name.
    pub name: String,
    /// Messages that can be taken now.
    pub visible: usize,
    /// Messages that someone holds, or that wait.
    pub hidden: usize,
}

/// All queues of the storage account. Clones share them.
#[derive(Debug, Clone)]
pub struct Queues {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queues: Mutex<BTreeMap<String, Vec<Entry>>>,
    changes: watch::Sender<u64>,
    clock: Clock,
}

#[derive(Debug)]
struct Entry {
    id: String,
    pop_receipt: String,
    text: String,
    dequeue_count: u32,
    inserted: Instant,
    visible: Instant,
}

impl Default for Queues {
    fn default() -> Self {
        Self::new()
    }
}

impl Queues {
    /// An account without queues; a queue comes into being with its first message.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                queues: Mutex::default(),
                changes: watch::Sender::new(0),
                clock: Clock::system(),
            }),
        }
    }

    /// Puts text at the end of a queue, wakes its listeners, and gives the new message's id.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] when the text is longer than Azure Storage takes.
    pub fn send(&self, queue: &str, text: impl Into<String>) -> Result<String, TooLarge> {
        let text = text.into();
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(TooLarge(text.len()));
        }
        let now = Instant::now();
        let entry = Entry {
            id: Uuid::new_v4().to_string(),
            pop_receipt: pop_receipt(),
            text,
            dequeue_count: 0,
            inserted: now,
            visible: now,
        };
        let id = entry.id.clone();
        self.lock()
            .entry(queue.to_ascii_lowercase())
            .or_default()
            .push(entry);
        self.changed();
        Ok(id)
    }

    /// Takes up to `count` messages that can be seen and hides them for a time, those that have
    /// waited longest first.
    pub fn receive(&self, queue: &str, count: usize, hidden_for: Duration) -> Vec<Message> {
        let now = Instant::now();
        let mut queues = self.lock();
        let Some(entries) = queues.get_mut(&queue.to_ascii_lowercase()) else {
            return Vec::new();
        };
        entries.retain(|entry| now < entry.inserted + TIME_TO_LIVE);
        let mut waiting: Vec<&mut Entry> =
            entries.iter_mut().filter(|e| e.visible <= now).collect();
        waiting.sort_by_key(|entry| entry.visible);
        waiting
            .into_iter()
            .take(count)
            .map(|entry| {
                entry.dequeue_count = entry.dequeue_count.saturating_add(1);
                entry.pop_receipt = pop_receipt();
                entry.visible = now + hidden_for;
                self.message(entry)
            })
            .collect()
    }

    /// Deletes a message; `false` when it is gone or someone else holds it.
    pub fn delete(&self, queue: &str, id: &str, pop_receipt: &str) -> bool {
        let mut queues = self.lock();
        let Some(entries) = queues.get_mut(&queue.to_ascii_lowercase()) else {
            return false;
        };
        let before = entries.len();
        entries.retain(|entry| entry.id != id || entry.pop_receipt != pop_receipt);
        entries.len() < before
    }

    /// Hides a held message for this long from now; zero shows it again. Gives the new pop receipt,
    /// or `None` when the message is gone or someone else holds it.
    pub fn hide(
        &self,
        queue: &str,
        id: &str,
        pop_receipt: &str,
        hidden_for: Duration,
    ) -> Option<String> {
        let receipt = {
            let mut queues = self.lock();
            let entries = queues.get_mut(&queue.to_ascii_lowercase())?;
            let held = |entry: &&mut Entry| entry.id == id && entry.pop_receipt == pop_receipt;
            let entry = entries.iter_mut().find(held)?;
            entry.visible = Instant::now() + hidden_for;
            entry.pop_receipt = self::pop_receipt();
            entry.pop_receipt.clone()
        };
        self.changed();
        Some(receipt)
    }

    /// The first messages of a queue, hidden ones too, without taking them.
    pub fn peek(&self, queue: &str, count: usize) -> Vec<Message> {
        let queues = self.lock();
        let entries = queues
            .get(&queue.to_ascii_lowercase())
            .map(Vec::as_slice)
            .unwrap_or_default();
        entries
            .iter()
            .take(count)
            .map(|entry| self.message(entry))
            .collect()
    }

    /// All queues by name.
    pub fn list(&self) -> Vec<QueueState> {
        let now = Instant::now();
        let queues = self.lock();
        let state = |(name, entries): (&String, &Vec<Entry>)| {
            let visible = entries.iter().filter(|entry| entry.visible <= now).count();
            QueueState {
                name: name.clone(),
                visible,
                hidden: entries.len() - visible,
            }
        };
        queues.iter().map(state).collect()
    }

    /// Deletes all messages of a queue.
    pub fn clear(&self, queue: &str) {
        self.lock().remove(&queue.to_ascii_lowercase());
    }

    /// When the next message of a queue can be taken; in the past when one can be taken now.
    pub(super) fn next_visible(&self, queue: &str) -> Option<Instant> {
        let queues = self.lock();
        queues
            .get(&queue.to_ascii_lowercase())?
            .iter()
            .map(|entry| entry.visible)
            .min()
    }

    /// Sees every change from now on.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    fn changed(&self) {
        self.shared
            .changes
            .send_modify(|change| *change = change.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Entry>>> {
        // Every change is one step, so a thread that panicked left nothing half done.
        self.shared
            .queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn message(&self, entry: &Entry) -> Message {
        Message {
            id: entry.id.clone(),
            pop_receipt: entry.pop_receipt.clone(),
            text: entry.text.clone(),
            dequeue_count: entry.dequeue_count,
            inserted: self.shared.clock.at(entry.inserted),
            expires: self.shared.clock.at(entry.inserted + TIME_TO_LIVE),
            next_visible: self.shared.clock.at(entry.visible),
        }
    }
}

fn pop_receipt() -> String {
    STANDARD.encode(Uuid::new_v4())
}
