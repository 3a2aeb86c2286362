//! What the vault can be made to do wrong.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::{Fault, Kind};
use crate::reply::{bare, garbage};

use super::refusal::refusal;

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Nothing.
    #[default]
    None,
    /// Connections are refused; with [`Fault::times`] they are broken off without an answer instead.
    Down,
    /// `Fault::status` without a body.
    Status,
    /// 429, to be tried again after [`Fault::seconds`].
    Throttled,
    /// The right answer, after [`Fault::seconds`].
    Slow,
    /// HTML instead of JSON.
    Garbage,
    /// Half of the right answer, as if that were all.
    Truncated,
    /// The right answer with [`Fault::bytes`] of padding in it.
    Huge,
    /// The right answer, with the name of another secret or key in its id.
    OtherName,
    /// 401, with a challenge that asks for a token for somebody else's service: [`Fault::to`].
    ForeignResource,
    /// 401, with a challenge that names a login host which is not the tenant's: [`Fault::to`].
    ForeignAuthority,
    /// 307 to the same path of another vault, which is this one under another name: [`Fault::to`].
    Redirect,
}

impl Kind for FaultKind {
    const DOWN: Self = Self::Down;
}

/// What becomes of a request before it is looked at.
pub(super) enum Before {
    /// It is answered, and the answer spoilt afterwards.
    Answer,
    /// It is answered with this.
    Instead(Box<Response<Full<Bytes>>>),
    /// It is refused with this challenge.
    Challenge {
        resource: Option<String>,
        authority: Option<String>,
    },
    /// It is sent on to this origin.
    SendOn(String),
    /// It is not answered at all.
    Nothing,
}

/// A service that is not a vault.
const FOREIGN_RESOURCE: &str = "https://vault.foreign.example";
/// A login host where nobody listens.
const FOREIGN_AUTHORITY: &str = "https://login.foreign.example/common";
/// A vault of somebody else's, who sees whoever follows.
const FOREIGN_VAULT: &str = "https://foreign.vault.localhost";

impl Fault<FaultKind> {
    pub(super) fn before(&self) -> Before {
        let to = |usual: &str| self.to.clone().unwrap_or_else(|| usual.to_owned());
        match self.kind {
            FaultKind::None
            | FaultKind::Slow
            | FaultKind::Truncated
            | FaultKind::Huge
            | FaultKind::OtherName => Before::Answer,
            FaultKind::Down => Before::Nothing,
            FaultKind::Status => {
                let status = StatusCode::from_u16(self.status);
                Before::Instead(Box::new(bare(
                    status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                )))
            }
            FaultKind::Throttled => {
                let mut response = refusal(
                    StatusCode::TOO_MANY_REQUESTS,
                    "Throttled",
                    "Request was not processed because too many requests were received.",
                    None,
                );
                let seconds = HeaderValue::from(self.seconds);
                response.headers_mut().insert(header::RETRY_AFTER, seconds);
                Before::Instead(Box::new(response))
            }
            FaultKind::Garbage => Before::Instead(Box::new(garbage())),
            FaultKind::ForeignResource => Before::Challenge {
                resource: Some(to(FOREIGN_RESOURCE)),
                authority: None,
            },
            FaultKind::ForeignAuthority => Before::Challenge {
                resource: None,
                authority: Some(to(FOREIGN_AUTHORITY)),
            },
            FaultKind::Redirect => Before::SendOn(to(FOREIGN_VAULT)),
        }
    }

    /// Spoils the body of an answer.
    pub(super) fn spoil(&self, body: Vec<u8>) -> Vec<u8> {
        match self.kind {
            FaultKind::Truncated => body[..body.len() / 2].to_vec(),
            FaultKind::Huge => padded(body, self.bytes),
            FaultKind::OtherName => renamed(&body).unwrap_or(body),
            _ => body,
        }
    }
}

/// The same document about something of another name; ids are `{origin}/{collection}/{name}/{version}`.
fn renamed(body: &[u8]) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(body).ok()?;
    let members = ["/id", "/kid", "/key/kid"];
    let member = members
        .into_iter()
        .find(|member| document.pointer(member).is_some())?;
    let id = document.pointer_mut(member)?;
    let (name, version) = id.as_str()?.rsplit_once('/')?;
    *id = format!("{name}-of-another/{version}").into();
    serde_json::to_vec(&document).ok()
}

/// A JSON object with one member more, at its beginning: who reads on for the others reads it all.
fn padded(mut body: Vec<u8>, bytes: usize) -> Vec<u8> {
    if body.first() == Some(&b'{') {
        let padding = format!(r#""padding":"{}","#, "x".repeat(bytes));
        body.splice(1..1, padding.into_bytes());
    }
    body
}
