//! What is kept of an event that was rejected for good.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::failure::Failure;
use crate::function::Context;

/// The document that goes into the quarantine: the event, whole, and why it is there.
///
/// Storage queues take 64 KiB, so an event that would not fit with its reason stays with the platform
/// (`None`), whose own poison handling keeps it.
pub(crate) fn quarantined(context: &Context, failure: &Failure, payload: &[u8]) -> Option<String> {
    /// Microsoft: "Scalability and performance targets for Queue Storage", less room for base64.
    const MOST_BYTES: usize = 48 * 1024;

    #[derive(Serialize)]
    struct Quarantined<'a> {
        version: u8,
        function: &'a str,
        invocation_id: &'a str,
        attempt: u32,
        rule: &'a str,
        reason: String,
        payload_base64: String,
    }

    let document = serde_json::to_string(&Quarantined {
        version: 1,
        function: context.function(),
        invocation_id: context.invocation_id().as_str(),
        attempt: context.attempt(),
        rule: failure.rule(),
        reason: failure.to_string(),
        payload_base64: STANDARD.encode(payload),
    })
    .ok()?;
    (document.len() <= MOST_BYTES).then_some(document)
}
