//! A message of a storage queue.

use std::time::SystemTime;

use bytes::Bytes;
use serde::Deserialize;

use super::Rejection;
use crate::failure::Failure;
use crate::function::{Argument, Call, Part};
use crate::limits::InputLimits;
use crate::on::QueueTrigger;
use crate::wire;

/// A message as it was delivered.
#[derive(Debug)]
pub struct QueueMessage {
    payload: Bytes,
    meta: QueueMeta,
}

impl QueueMessage {
    pub(crate) fn new(message: wire::Message, limits: &InputLimits) -> Result<Self, Failure> {
        if message.payload.len() > limits.max_body_bytes {
            return Err(Rejection::MESSAGE_TOO_LARGE.into());
        }
        Ok(Self {
            meta: QueueMeta::read(&message.metadata),
            payload: message.payload,
        })
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(crate) fn meta(&self) -> &QueueMeta {
        &self.meta
    }
}

/// What the queue says of a message. It is genuine: the trigger is bound as bytes, and then the host
/// merges nothing from the payload into it (host 4.1037, Utility.ApplyBindingData).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueMeta {
    /// The message's id.
    pub id: Option<String>,
    /// How often the message was delivered, this time included.
    pub dequeue_count: Option<u32>,
    /// When the message was sent.
    pub inserted: Option<SystemTime>,
    /// When the message ends by itself; none for a message without an end.
    pub expires: Option<SystemTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    id: Option<wire::JsonText<String>>,
    dequeue_count: Option<wire::JsonText<u32>>,
    insertion_time: Option<wire::OffsetTime>,
    expiration_time: Option<wire::OffsetTime>,
}

impl QueueMeta {
    fn read(metadata: &str) -> Self {
        // A host that words its metadata differently costs these conveniences, not the message.
        let Ok(raw) = serde_json::from_str::<Raw>(metadata) else {
            return Self::default();
        };
        Self {
            id: raw.id.map(wire::JsonText::into_inner),
            dequeue_count: raw.dequeue_count.map(wire::JsonText::into_inner),
            inserted: raw.insertion_time.and_then(wire::OffsetTime::system_time),
            expires: raw.expiration_time.and_then(wire::OffsetTime::system_time),
        }
    }
}

impl<S> Argument<QueueTrigger, S> for QueueMeta {
    type Role = Part;

    fn from_call(call: &Call<'_, QueueTrigger, S>) -> Result<Self, Rejection> {
        Ok(call.event.meta().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queues_own_facts_are_read_from_their_json_texts() {
        let meta = QueueMeta::read(
            r#"{"DequeueCount":"5","ExpirationTime":"9999-12-31T23:59:59+00:00","Id":"\"m-1\"",
                "InsertionTime":"1970-01-01T00:01:00+00:00","sys":{"MethodName":"x"}}"#,
        );

        assert_eq!(meta.dequeue_count, Some(5));
        assert_eq!(meta.id.as_deref(), Some("m-1"));
        assert_eq!(
            meta.inserted,
            Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(60))
        );
        assert_eq!(meta.expires, None);
    }

    #[test]
    fn metadata_of_another_shape_costs_only_itself() {
        assert_eq!(
            QueueMeta::read(r#"{"DequeueCount":{}}"#),
            QueueMeta::default()
        );
    }
}
