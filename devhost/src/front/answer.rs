//! From an invocation's answer to the client's HTTP response.

use crate::app::Function;
use crate::http1::{Fields, Payload, Response};
use crate::outputs::http::{HttpAnswer, answer};
use crate::outputs::{Answered, OutputError};

/// What the client of an HTTP function gets.
///
/// # Errors
///
/// The function failed after all; the client gets 500.
pub(super) fn response(function: &Function, answered: &Answered) -> Result<Response, OutputError> {
    let has_output = function.outputs().any(|output| output.is_kind("http"));
    answer(&function.output_bindings(), answered).map(|http| framed(http, has_output))
}

/// Frames the body as Kestrel does for what the function wrote and promised.
fn framed(http: HttpAnswer, has_output: bool) -> Response {
    let promised = http
        .header("Content-Length")
        .and_then(|length| length.parse::<usize>().ok());
    let claims_coding = http.header("Transfer-Encoding").is_some();
    let fields: Fields = http
        .headers
        .into_iter()
        .map(|(name, value)| (name, value.trim().to_owned()))
        .collect();
    let payload = match promised {
        _ if claims_coding => Payload::Unframed(http.body.into()),
        // More bytes than promised: nothing has gone out yet, so the answer becomes an error.
        Some(promised) if http.body.len() > promised => return Response::status(500),
        Some(_) => Payload::Unframed(http.body.into()),
        None if http.status == 204 && http.body.is_empty() => Payload::Bare,
        // A result object is written in one go, an output in pieces.
        None if !has_output => Payload::Sized(http.body.into()),
        None => Payload::Streamed(http.body.into()),
    };
    Response {
        status: http.status,
        fields,
        payload,
    }
}

/// Whether the connection has to end so that the client notices what is missing.
pub(super) fn is_cut_short(response: &Response) -> bool {
    matches!(response.payload, Payload::Unframed(_))
}
