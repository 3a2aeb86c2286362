//! Storage queues in memory: what is in them, and the listeners that turn messages into calls.
//!
//! A message that a listener takes is hidden, not gone. Success deletes it; failure shows it again,
//! until it has been taken [`Settings::max_dequeue_count`] times and moves to `<queue>-poison`.

mod runner;
mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use runner::{Listener, Runner};
pub use store::{MAX_MESSAGE_BYTES, Message, QueueState, Queues, TooLarge};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::outputs::from_base64;

/// What is put after a queue's name for the queue of its poison messages.
pub const POISON_SUFFIX: &str = "-poison";

/// `extensions.queues` of host.json.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How many messages are taken at once.
    pub batch_size: usize,
    /// The next batch is taken when no more than this many messages are in work.
    pub new_batch_threshold: usize,
    /// How often a message is tried before it is poison.
    pub max_dequeue_count: u32,
    /// How long a message that failed stays hidden.
    pub visibility_timeout: Duration,
    /// How message text stands for bytes.
    pub encoding: Encoding,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch_size: 16,
            new_batch_threshold: 8,
            max_dequeue_count: 5,
            visibility_timeout: Duration::ZERO,
            encoding: Encoding::Base64,
        }
    }
}

/// `messageEncoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// The text is base64 of the bytes.
    #[default]
    Base64,
    /// The text is the message.
    None,
}

impl Encoding {
    /// Reads host.json's word, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "base64" => Some(Self::Base64),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    /// The text that is stored for these bytes; without encoding, what is not UTF-8 is replaced.
    pub fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Base64 => STANDARD.encode(bytes),
            Self::None => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// The bytes that stored text stands for, if it is encoded as it should be.
    pub fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Base64 => from_base64(text),
            Self::None => Some(text.as_bytes().to_vec()),
        }
    }
}
