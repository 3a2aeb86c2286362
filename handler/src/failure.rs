//! Why an invocation did not succeed, and what each of the three readers is told.
//!
//! The operator reads everything, once, in the log. The caller reads fixed words. The host reads a
//! status that decides between retry and done.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::auth::{Denial, Refusal};
use crate::input::Rejection;
use crate::problem::Problem;

/// What a function fails with.
///
/// Any `std::error::Error` becomes one through `?`: the caller learns "The function failed.", an
/// event is delivered again. The other constructors say more.
///
/// ```
/// use stockade::Error;
///
/// fn find(number: u64) -> Result<&'static str, Error> {
///     match number {
///         1 => Ok("the first order"),
///         _ => Err(Error::not_found("There is no such order.")),
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Answer(StatusCode, &'static str, &'static str),
    Reject(&'static str, &'static str),
    Retry,
    Fatal,
    Failed,
}

impl Error {
    /// 403: the caller may not do this. For an event it is a rejection.
    pub fn forbidden(text: &'static str) -> Self {
        Self::answer(StatusCode::FORBIDDEN, "forbidden", text)
    }

    /// 404: there is nothing here. For an event it is a rejection.
    pub fn not_found(text: &'static str) -> Self {
        Self::answer(StatusCode::NOT_FOUND, "not_found", text)
    }

    /// 409: the state of things does not allow it. For an event it is a rejection.
    pub fn conflict(text: &'static str) -> Self {
        Self::answer(StatusCode::CONFLICT, "conflict", text)
    }

    /// 410: it was here once. For an event it is a rejection.
    pub fn gone(text: &'static str) -> Self {
        Self::answer(StatusCode::GONE, "gone", text)
    }

    /// 422: well formed, but it makes no sense. For an event it is a rejection.
    pub fn unprocessable(text: &'static str) -> Self {
        Self::answer(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", text)
    }

    /// The input is wrong and will stay wrong: quarantined where there is a quarantine, otherwise
    /// left to the platform's own poison handling. An HTTP caller gets 422. `code` is for programs.
    pub fn reject(code: &'static str, text: &'static str) -> Self {
        Self::new(Kind::Reject(code, text), None)
    }

    /// It may work later: an HTTP caller gets 503 with Retry-After, an event is delivered again.
    pub fn retry(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Kind::Retry, Some(source.into()))
    }

    /// It will never work: an HTTP caller gets 500, an event is quarantined at once where there is a
    /// quarantine, and otherwise fails like any other.
    pub fn fatal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Kind::Fatal, Some(source.into()))
    }

    /// Keeps `source` for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    fn answer(status: StatusCode, code: &'static str, text: &'static str) -> Self {
        Self::new(Kind::Answer(status, code, text), None)
    }

    fn new(kind: Kind, source: Option<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind, source }
    }

    fn rule(&self) -> &'static str {
        match self.kind {
            Kind::Answer(_, code, _) | Kind::Reject(code, _) => code,
            Kind::Retry => "retry",
            Kind::Fatal => "fatal",
            Kind::Failed => "failed",
        }
    }

    fn problem(&self) -> Problem {
        match self.kind {
            Kind::Answer(status, code, text) => Problem::new(status, code, text),
            Kind::Reject(code, text) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, text),
            Kind::Retry => try_again(),
            Kind::Fatal | Kind::Failed => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "function_failed",
                "The function failed.",
            ),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule())?;
        let mut source = self
            .source
            .as_deref()
            .map(|source| source as &dyn std::error::Error);
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(source: E) -> Self {
        Self::new(Kind::Failed, Some(Box::new(source)))
    }
}

/// Why an invocation did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// More invocations are under way than the app takes.
    #[error("too many invocations are under way")]
    Overloaded,
    /// The app's state is not built yet.
    #[error("the app is not ready yet")]
    NotReady,
    /// A secret that the function requires is not there.
    #[error("the secret `{0}` is not there")]
    NoSecret(&'static str),
    /// The caller was turned away.
    #[error("denied: {0}")]
    Denied(#[from] Refusal),
    /// The input is not what the function asks for.
    #[error("rejected: {0}")]
    Rejected(Rejection),
    /// The function or a guard said no.
    #[error("failed: {0}")]
    Function(Error),
    /// User code panicked; the panic hook has logged its text.
    #[error("panicked")]
    Panicked,
    /// The invocation took longer than it may.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// The reply cannot be carried to the caller.
    #[error("the reply cannot be sent: {0}")]
    Unsendable(&'static str),
    /// A stage was handed what another trigger delivers.
    #[error("the delivery does not belong to this trigger")]
    WrongTrigger,
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        if rejection.is_not_ready() {
            return Self::NotReady;
        }
        Self::Rejected(rejection)
    }
}

/// What becomes of an event that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Wrong for good: quarantine it where there is a quarantine.
    Quarantine,
    /// It may work at a later attempt, so the platform keeps it.
    Retry,
}

impl Failure {
    /// A short, stable name of the rule that decided, for logs.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::NotReady => NOT_READY,
            Self::NoSecret(_) => "no_secret",
            Self::Denied(refusal) => refusal.denial().rule(),
            Self::Rejected(rejection) => rejection.code(),
            Self::Function(error) => error.rule(),
            Self::Panicked => "panic",
            Self::DeadlineExceeded => "deadline",
            Self::Unsendable(_) => "unsendable",
            Self::WrongTrigger => "wrong_trigger",
        }
    }

    /// The outcome, as the log names it.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::Rejected(_) => "rejected",
            Self::Overloaded | Self::NotReady | Self::NoSecret(_) => "unavailable",
            Self::Function(error) if error.is_expected() => "refused",
            Self::Function(_)
            | Self::Panicked
            | Self::DeadlineExceeded
            | Self::Unsendable(_)
            | Self::WrongTrigger => "failed",
        }
    }

    /// What the failure is to who looks for attacks.
    pub(crate) fn nature(&self) -> Nature<'_> {
        match self {
            Self::Denied(refusal) => Nature::Denied(refusal.denial()),
            Self::Rejected(_) => Nature::Rejected,
            Self::Function(error) => match error.kind {
                Kind::Answer(StatusCode::FORBIDDEN, ..) => Nature::Forbidden,
                Kind::Reject(..) => Nature::Rejected,
                Kind::Answer(..) | Kind::Retry | Kind::Fatal | Kind::Failed => Nature::Other,
            },
            Self::Overloaded
            | Self::NotReady
            | Self::NoSecret(_)
            | Self::Panicked
            | Self::DeadlineExceeded
            | Self::Unsendable(_)
            | Self::WrongTrigger => Nature::Other,
        }
    }

    /// What the caller is told (RFC 9457). The words are fixed here, so no cause can leak into them.
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::Overloaded | Self::NotReady | Self::NoSecret(_) => try_again(),
            Self::Denied(refusal) => denied(refusal),
            Self::Rejected(rejection) => rejection.problem(),
            Self::Function(error) => error.problem(),
            Self::DeadlineExceeded => Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                "deadline",
                "The function took too long.",
            ),
            Self::Unsendable(_) => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "unsendable",
                "The function's answer cannot be sent.",
            ),
            Self::Panicked | Self::WrongTrigger => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "function_failed",
                "The function failed.",
            ),
        }
    }

    /// The headers that belong to the answer, beside the problem document.
    pub(crate) fn headers(&self) -> HeaderMap {
        match self {
            Self::Denied(refusal) => challenge(refusal),
            Self::Overloaded | Self::NotReady => retry_after(1),
            Self::NoSecret(_) => retry_after(5),
            Self::Function(error) if error.kind == Kind::Retry => retry_after(5),
            Self::Rejected(_)
            | Self::Function(_)
            | Self::Panicked
            | Self::DeadlineExceeded
            | Self::Unsendable(_)
            | Self::WrongTrigger => HeaderMap::new(),
        }
    }

    /// Whether the app, not the caller, has to be mended.
    pub(crate) fn is_ours(&self) -> bool {
        self.outcome() == "failed"
    }

    /// What becomes of the event.
    pub(crate) fn disposition(&self) -> Disposition {
        match self {
            Self::Rejected(_) => Disposition::Quarantine,
            Self::Function(error) => match error.kind {
                Kind::Answer(..) | Kind::Reject(..) | Kind::Fatal => Disposition::Quarantine,
                Kind::Retry | Kind::Failed => Disposition::Retry,
            },
            Self::Overloaded
            | Self::NotReady
            | Self::NoSecret(_)
            | Self::Denied(_)
            | Self::Panicked
            | Self::DeadlineExceeded
            | Self::Unsendable(_)
            | Self::WrongTrigger => Disposition::Retry,
        }
    }
}

/// What a failure is to who looks for attacks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Nature<'a> {
    /// The caller was turned away.
    Denied(&'a Denial),
    /// The function itself, or a guard, forbids it.
    Forbidden,
    /// The input is wrong.
    Rejected,
    /// Nothing that a caller did.
    Other,
}

impl Error {
    /// An answer that the function gives on purpose, not a failure of the function.
    fn is_expected(&self) -> bool {
        matches!(self.kind, Kind::Answer(..) | Kind::Reject(..))
    }
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3).
fn retry_after(seconds: u64) -> HeaderMap {
    HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from(seconds))])
}

/// One body for every token that is no good: nobody learns which check it failed.
fn denied(refusal: &Refusal) -> Problem {
    if refusal.denial().wants_another_sign_in() {
        return Problem::new(
            StatusCode::UNAUTHORIZED,
            "insufficient_claims",
            "The user has to sign in again, in the way that the challenge names.",
        );
    }
    match refusal.status() {
        StatusCode::UNAUTHORIZED => Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "A valid access token is required.",
        ),
        StatusCode::FORBIDDEN => Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "The token does not allow this call.",
        ),
        StatusCode::TOO_MANY_REQUESTS => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "Too many requests. Try again later.",
        ),
        _ => try_again(),
    }
}

fn challenge(refusal: &Refusal) -> HeaderMap {
    let wait = refusal.denial().retry_after();
    let mut headers = wait.map(retry_after).unwrap_or_default();
    if let Some(challenge) = refusal.www_authenticate() {
        headers.insert(header::WWW_AUTHENTICATE, challenge.clone());
    }
    headers
}

fn try_again() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "Try again shortly.",
    )
}

/// The rule of what is not ready.
pub(crate) const NOT_READY: &str = "not_ready";

/// Runs user code, with a panic in it turned into a failure.
pub(crate) fn contained<T>(code: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|_| Failure::Panicked)
}
