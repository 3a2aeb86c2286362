//! Bodies of requests, of which nobody may send too much, packed or not.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt as _, Limited};

/// How much is read from the wire.
pub(super) const MAX_PACKED_BYTES: usize = 4 * 1024 * 1024;
/// How much it may be once it is unpacked.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Reads and unpacks a body.
///
/// # Errors
///
/// The status that says what is wrong: 413, 415 for another coding than gzip, or 400.
pub(super) async fn read<B>(headers: &HeaderMap, body: B) -> Result<Bytes, StatusCode>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let is_packed = match headers.get(header::CONTENT_ENCODING) {
        None => false,
        Some(coding) if coding.as_bytes().eq_ignore_ascii_case(b"identity") => false,
        Some(coding) if coding.as_bytes().eq_ignore_ascii_case(b"gzip") => true,
        Some(_) => return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    };
    let read = Limited::new(body, MAX_PACKED_BYTES).collect().await;
    let packed = read.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?.to_bytes();
    if is_packed {
        unpack(&packed)
    } else {
        Ok(packed)
    }
}

fn unpack(packed: &[u8]) -> Result<Bytes, StatusCode> {
    let mut unpacked = Vec::new();
    // One byte more than may be shows that there is more, and no bomb is unpacked further.
    let mut limited = MultiGzDecoder::new(packed).take(MAX_BYTES as u64 + 1);
    limited
        .read_to_end(&mut unpacked)
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    if unpacked.len() > MAX_BYTES {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Ok(unpacked.into())
}
