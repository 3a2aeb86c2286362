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
                span.record("error.type", status.as_str());
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Id, Record};
    use tracing::{Dispatch, Subscriber};
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt as _};

    use super::*;

    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<(&'static str, String)>>>);

    impl<S: Subscriber> Layer<S> for Told {
        fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
            values.record(&mut self.clone());
        }
    }

    impl Visit for Told {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            self.0
                .lock()
                .unwrap()
                .push((field.name(), format!("{value:?}")));
        }
    }

    fn told(status: Option<StatusCode>) -> Vec<(&'static str, String)> {
        let told = Told::default();
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(told.clone()));
        tracing::dispatcher::with_default(&dispatch, || {
            let call = async { Ok::<_, ()>(()) };
            let ended = calling("GET", "vault", |_| status, call);
            futures_util::FutureExt::now_or_never(ended)
        });
        told.0.lock().unwrap().clone()
    }

    #[test]
    fn a_call_that_fails_says_by_what() {
        let is_error = ("otel.status_code", "\"ERROR\"".to_owned());
        let status = |status: &str| ("http.response.status_code", status.to_owned());
        let of_type = |kind: &str| ("error.type", format!("{kind:?}"));

        assert_eq!(told(Some(StatusCode::OK)), [status("200")]);
        assert_eq!(
            told(Some(StatusCode::NOT_FOUND)),
            [status("404"), is_error.clone(), of_type("404")]
        );
        assert_eq!(told(None), [is_error, of_type("no_answer")]);
    }
}
