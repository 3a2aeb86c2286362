//! The span of a call to another service (OpenTelemetry semantic conventions for HTTP client spans).
//!
//! Neither the path nor the query is told: both can name what is nobody's business.

use http::StatusCode;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

/// Makes the call in a span of its own. `status` finds the status of an answer.
///
/// # Errors
///
/// Those of the call.
pub(crate) async fn calling<T, E>(
    method: &str,
    host: &str,
    status: impl FnOnce(&Result<T, E>) -> Option<StatusCode>,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let span = tracing::info_span!(
        target: TARGET,
        "call",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = method,
        server.address = host,
        http.response.status_code = Empty,
        error.r#type = Empty,
    );
    let result = call.instrument(span.clone()).await;
    close(&span, status(&result));
    result
}

fn close(span: &Span, status: Option<StatusCode>) {
    match status {
        Some(status) => {
            // Unsigned numbers become texts on their way to OpenTelemetry.
            span.record("http.response.status_code", i64::from(status.as_u16()));
            if status.is_client_error() || status.is_server_error() {
                span.record("otel.status_code", "ERROR");
            }
        }
        None => {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", "no_answer");
        }
    }
}

/// The spans of calls, whose fields say nothing about the lines within.
pub(super) const TARGET: &str = "stockade::call";
