//! Carries out invocations: one request to the handler, its outputs, its retries.

mod outputs;
mod request;

use crate::app::{App, Function, Retry};
use crate::blob::Blobs;
use crate::call::{Call, Invoke, Outcome};
use crate::encode::{Cause, Failed, Metadata, Value, envelope, retry_context};
use crate::http1::{Answer, SendError};
use crate::log::Log;
use crate::outputs::{AnswerError, Answered, answer};
use crate::process::{Handler, Unavailable};
use crate::queue::Queues;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

pub(crate) use request::{HOST_VERSION, USER_AGENT, host_of};

/// Sends invocations to the handler and applies what comes back. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Invoker {
    pub(crate) app: Arc<App>,
    pub(crate) handler: Arc<Handler>,
    pub(crate) queues: Queues,
    pub(crate) blobs: Blobs,
    pub(crate) log: Log,
}

/// One call of one function. Every attempt has the same id (host 4.1037, `FunctionExecutor`).
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) function: Arc<Function>,
    pub(crate) id: Uuid,
    pub(crate) data: Vec<(String, Value)>,
    pub(crate) metadata: Metadata,
}

/// Why an invocation failed. The words are for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvokeError {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error(
        "no answer within functionTimeout ({0:?}); the handler was killed and is started again"
    )]
    TimedOut(Duration),
    #[error("the handler redirected to {0}; a handler never answers 3xx to an invocation")]
    Redirected(String),
    #[error("the output {binding} failed: {reason}")]
    Output { binding: String, reason: String },
}

impl Invoker {
    /// Sends an invocation once and applies its outputs.
    ///
    /// # Errors
    ///
    /// [`InvokeError`] says what went wrong; the outputs written before that stay written.
    pub(crate) async fn attempt(&self, invocation: &Invocation) -> Result<Answered, InvokeError> {
        self.handler.ready().await?;
        let answered = self.within_timeout(self.exchange(invocation)).await?;
        for line in &answered.logs {
            self.log
                .info(&format!("[{}] {line}", invocation.function.name));
        }
        self.apply(invocation, &answered)?;
        Ok(answered)
    }

    /// Runs something against `functionTimeout`. When that passes, the handler is killed.
    pub(crate) async fn within_timeout<T, E: Into<InvokeError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, InvokeError> {
        let Some(limit) = self.app.host.function_timeout else {
            return work.await.map_err(Into::into);
        };
        match tokio::time::timeout(limit, work).await {
            Ok(done) => done.map_err(Into::into),
            Err(_) => {
                self.handler.restart();
                Err(InvokeError::TimedOut(limit))
            }
        }
    }

    async fn exchange(&self, invocation: &Invocation) -> Result<Answered, InvokeError> {
        let body = envelope(&invocation.data, &invocation.metadata).to_compact();
        let Answer { head, body } = self.post(invocation, body.into()).await?;
        match answer(head.status, head.fields.first("Content-Type"), &body) {
            Err(AnswerError::NeverCompletes) => {
                self.log.warn(&format!(
                    "{}: the answer is empty or null, so the host waits for ever; answer {{\"Outputs\":{{}},\"Logs\":[],\"ReturnValue\":null}}",
                    invocation.function.name
                ));
                std::future::pending().await
            }
            answered => Ok(answered?),
        }
    }

    /// Sends a call until it succeeds or its retry policy ends, and logs each attempt.
    async fn run(&self, call: &Call) -> Outcome {
        let Some(function) = self.app.function(&call.function).cloned() else {
            return Outcome::Failed;
        };
        let id = Uuid::new_v4();
        let mut failures: Vec<InvokeError> = Vec::new();
        loop {
            let retries = u32::try_from(failures.len()).unwrap_or(u32::MAX);
            let mut metadata = call.metadata();
            if let Some(retry) = &function.retry {
                let limit = retry
                    .max_retry_count
                    .and_then(|count| i32::try_from(count).ok())
                    .unwrap_or(-1);
                metadata.insert(
                    "RetryContext",
                    with_failure(&function, id, failures.last(), |failed| {
                        retry_context(retries, limit, failed)
                    }),
                );
            }
            let mut data = vec![call.data()];
            data.extend(self.inputs(&function, &metadata));
            let invocation = Invocation {
                function: Arc::clone(&function),
                id,
                data,
                metadata,
            };
            let started = Instant::now();
            match self.attempt(&invocation).await {
                Ok(_) => {
                    self.log.info(&format!(
                        "{} succeeded in {:.0?} ({id})",
                        function.name,
                        started.elapsed()
                    ));
                    return Outcome::Succeeded;
                }
                Err(error) => {
                    self.log
                        .error(&format!("{} failed: {error} ({id})", function.name));
                    failures.push(error);
                }
            }
            match &function.retry {
                Some(retry) if may_retry(retry, retries) => {
                    tokio::time::sleep(retry.delay(retries + 1)).await;
                }
                _ => return Outcome::Failed,
            }
        }
    }

    /// The values of input bindings beside the trigger: blobs. A missing blob is null.
    pub(crate) fn inputs(&self, function: &Function, metadata: &Metadata) -> Vec<(String, Value)> {
        function
            .bindings
            .iter()
            .filter(|binding| {
                binding.direction == crate::app::Direction::In && binding.is_kind("blob")
            })
            .map(|binding| {
                let path = binding.text("path", &self.app.settings).unwrap_or_default();
                let blob = crate::outputs::resolve(&path, metadata)
                    .ok()
                    .and_then(|path| self.blobs.get(&path));
                let value = match blob {
                    None => Value::Json(crate::newtonsoft::Token::Null),
                    Some(bytes)
                        if binding
                            .raw("dataType")
                            .is_some_and(|kind| kind.eq_ignore_ascii_case("binary")) =>
                    {
                        Value::Bytes(bytes.to_vec())
                    }
                    Some(bytes) => Value::Text(String::from_utf8_lossy(&bytes).into_owned()),
                };
                (binding.name.clone(), value)
            })
            .collect()
    }
}

impl Invoke for Invoker {
    async fn invoke(&self, call: Call) -> Outcome {
        self.run(&call).await
    }
}

fn may_retry(retry: &Retry, retries: u32) -> bool {
    retry.max_retry_count.is_none_or(|most| retries < most)
}

/// Shows the last failure in the form `RetryContext` has it.
fn with_failure(
    function: &Function,
    id: Uuid,
    failure: Option<&InvokeError>,
    show: impl FnOnce(Option<&Failed<'_>>) -> Value,
) -> Value {
    let Some(failure) = failure else {
        return show(None);
    };
    let words = failure.to_string();
    let cause = match failure {
        InvokeError::Answer(AnswerError::Status(code)) => Cause::Status {
            code: *code,
            reason: http::StatusCode::from_u16(*code)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or_default(),
        },
        _ => Cause::Other(&words),
    };
    show(Some(&Failed {
        function: &function.name,
        invocation_id: &id.to_string(),
        cause,
    }))
}
