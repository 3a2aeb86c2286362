//! What the receivers can be made to do wrong.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Kind};
use crate::reply::{bare, garbage};

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Nothing.
    #[default]
    None,
    /// The ingestion refuses connections; with [`Fault::times`], and at the tenant's port always, they are
    /// broken off without an answer instead.
    Down,
    /// `Fault::status` without a body, such as 500, or 439 for a daily quota that is used up.
    Status,
    /// 429, to be tried again after [`Fault::seconds`].
    Throttled,
    /// 429 that does not say when to try again.
    ThrottledSilently,
    /// The right answer, after [`Fault::seconds`].
    Slow,
    /// HTML instead of an answer.
    Garbage,
    /// The right answer with [`Fault::bytes`] of padding in it.
    Huge,
    /// Every second item is refused: by 206 with `Fault::status` for each, or as OTLP's partial success.
    Partial,
    /// 307 to the same path of another host: [`Fault::to`].
    Redirect,
}

impl Kind for FaultKind {
    const DOWN: Self = Self::Down;
}

/// Somebody else, who sees whatever is sent on.
const ELSEWHERE: &str = "https://foreign.ingestion.localhost";

/// What becomes of a request before it is looked at.
pub(super) enum Before {
    /// It is answered, perhaps with less or more than it should be.
    Answer,
    /// It is answered with this.
    Instead(Box<Response<Full<Bytes>>>),
    /// It is not answered at all.
    Nothing,
}

impl Fault<FaultKind> {
    pub(super) fn before(&self, path: &str) -> Before {
        let instead = |response| Before::Instead(Box::new(response));
        match self.kind {
            FaultKind::None | FaultKind::Slow | FaultKind::Huge | FaultKind::Partial => {
                Before::Answer
            }
            FaultKind::Down => Before::Nothing,
            FaultKind::Status => instead(bare(self.status())),
            FaultKind::Throttled => {
                let mut response = bare(StatusCode::TOO_MANY_REQUESTS);
                let seconds = HeaderValue::from(self.seconds);
                response.headers_mut().insert(header::RETRY_AFTER, seconds);
                instead(response)
            }
            FaultKind::ThrottledSilently => instead(bare(StatusCode::TOO_MANY_REQUESTS)),
            FaultKind::Garbage => instead(garbage()),
            FaultKind::Redirect => {
                let to = self.to.as_deref().unwrap_or(ELSEWHERE);
                let Ok(to) = HeaderValue::try_from(format!("{to}{path}")) else {
                    return instead(bare(StatusCode::INTERNAL_SERVER_ERROR));
                };
                let mut response = bare(StatusCode::TEMPORARY_REDIRECT);
                response.headers_mut().insert(header::LOCATION, to);
                instead(response)
            }
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
