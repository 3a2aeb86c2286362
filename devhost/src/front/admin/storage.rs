//! The stand-in storage account: a look into its queues and blobs, and a way to fill them.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /admin/devhost/queues` | lists queues |
//! | `GET /admin/devhost/queues/<queue>` | shows the first messages, taking none |
//! | `POST /admin/devhost/queues/<queue>` | sends the body as a message |
//! | `DELETE /admin/devhost/queues/<queue>` | deletes all messages |
//! | `GET /admin/devhost/blobs` | lists blobs |
//! | `GET`, `PUT`, `DELETE /admin/devhost/blobs/<container>/<name>` | one blob |

use crate::front::Front;
use crate::http1::{Payload, Response};
use bytes::Bytes;
use serde::Serialize;

/// How many messages a look into a queue shows, as many as Azure Storage gives at once.
const PEEKED: usize = 32;

/// What a request wants of the storage account.
pub(super) enum Address<'a> {
    Queues,
    Peek(&'a str),
    Send(&'a str),
    Clear(&'a str),
    Blobs,
    Read(String),
    Write(String),
    Delete(String),
}

impl<'a> Address<'a> {
    pub(super) fn of(method: &str, path: &[&'a str]) -> Option<Self> {
        match (method, path) {
            ("GET", ["queues"]) => Some(Self::Queues),
            ("GET", ["queues", queue]) => Some(Self::Peek(queue)),
            ("POST", ["queues", queue]) => Some(Self::Send(queue)),
            ("DELETE", ["queues", queue]) => Some(Self::Clear(queue)),
            ("GET", ["blobs"]) => Some(Self::Blobs),
            ("GET", ["blobs", path @ ..]) => Some(Self::Read(path.join("/"))),
            ("PUT", ["blobs", path @ ..]) => Some(Self::Write(path.join("/"))),
            ("DELETE", ["blobs", path @ ..]) => Some(Self::Delete(path.join("/"))),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct BlobLine {
    path: String,
    bytes: usize,
}

impl Front {
    pub(super) fn answer_storage(&self, address: Address<'_>, body: &Bytes) -> Response {
        let (queues, blobs) = (&self.invoker.queues, &self.invoker.blobs);
        match address {
            Address::Queues => json(200, &queues.list()),
            Address::Peek(queue) => json(200, &queues.peek(queue, PEEKED)),
            Address::Send(queue) => {
                let text = self.app.host.queues.encoding.encode(body);
                match queues.send(queue, text) {
                    Ok(id) => json(201, &serde_json::json!({ "id": id })),
                    Err(error) => json(413, &serde_json::json!({ "error": error.to_string() })),
                }
            }
            Address::Clear(queue) => {
                queues.clear(queue);
                no_content()
            }
            Address::Blobs => {
                let lines = blobs.list().into_iter();
                let lines: Vec<BlobLine> = lines
                    .map(|(path, bytes)| BlobLine { path, bytes })
                    .collect();
                json(200, &lines)
            }
            Address::Read(path) => match blobs.get(&path) {
                Some(content) => {
                    let mut response = Response::status(200);
                    response
                        .fields
                        .push("Content-Type", "application/octet-stream");
                    response.payload = Payload::Sized(content);
                    response
                }
                None => Response::status(404),
            },
            Address::Write(path) => {
                blobs.put(&path, body.clone());
                Response::status(201)
            }
            Address::Delete(path) if blobs.delete(&path) => no_content(),
            Address::Delete(_) => Response::status(404),
        }
    }
}

pub(super) fn json(status: u16, document: &impl Serialize) -> Response {
    let text = serde_json::to_string(document).expect("documents have string keys only");
    Response::json(status, text)
}

pub(super) fn no_content() -> Response {
    Response {
        payload: Payload::Bare,
        ..Response::status(204)
    }
}
