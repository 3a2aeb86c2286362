//! How much a message holds, before it is read: two bytes are enough for an empty span, which takes a hundred
//! times as much in memory.

use bytes::Buf as _;
use prost::encoding::{WireType, decode_key, decode_varint};

use crate::telemetry::record::{NoBatch, Signal};

/// How many fields the messages may have together, down to the records and points.
const MAX_FIELDS: usize = 500_000;

/// By which fields it goes down to the records (`collector/*/v1`).
const RECORDS: [&[u32]; 3] = [&[1], &[2], &[2]];
/// From a metric further, by the kinds of its data, to the points.
const POINTS: [&[u32]; 5] = [&[1], &[2], &[2], &[5, 7, 9, 10, 11], &[1]];

/// Lets a message pass that holds no more than it may.
///
/// # Errors
///
/// It holds more, or is no message.
pub(super) fn check(signal: Signal, message: &[u8]) -> Result<(), NoBatch> {
    let way: &[&[u32]] = match signal {
        Signal::Traces | Signal::Logs => &RECORDS,
        Signal::Metrics => &POINTS,
    };
    let mut left = MAX_FIELDS;
    count(message, way, &mut left)
}

fn count(mut message: &[u8], way: &[&[u32]], left: &mut usize) -> Result<(), NoBatch> {
    while message.has_remaining() {
        *left = left.checked_sub(1).ok_or(NoBatch::TooMany)?;
        let key = decode_key(&mut message).map_err(|_| NoBatch::Malformed)?;
        let length = match key {
            (_, WireType::Varint) => {
                decode_varint(&mut message).map_err(|_| NoBatch::Malformed)?;
                continue;
            }
            (_, WireType::SixtyFourBit) => 8,
            (_, WireType::ThirtyTwoBit) => 4,
            (_, WireType::LengthDelimited) => {
                let length = decode_varint(&mut message).map_err(|_| NoBatch::Malformed)?;
                usize::try_from(length).map_err(|_| NoBatch::Malformed)?
            }
            // OTLP has no groups.
            (_, WireType::StartGroup | WireType::EndGroup) => return Err(NoBatch::Malformed),
        };
        let content = message.get(..length).ok_or(NoBatch::Malformed)?;
        message.advance(length);
        if let [fields, further @ ..] = way
            && key.1 == WireType::LengthDelimited
            && fields.contains(&key.0)
        {
            count(content, further, left)?;
        }
    }
    Ok(())
}
