//! The host's own API under `/admin` and `/runtime` (host 4.1037, `HostController`,
//! `FunctionsController`, `KeysController`). Only the addresses it knows are kept from the app's
//! routes: a catch-all route with an empty prefix gets the others (recorded). `/admin/devhost` is
//! devhost's own: the queues and blobs that stand in for a storage account, the Key Vault, the managed
//! identity and the receivers of telemetry.

mod keys;
mod run;
mod stand_ins;
mod storage;
mod telemetry;

use super::query::Query;
use super::target::Target;
use super::{Front, key};
use crate::http1::{Body, RequestHead, Responder, Response};
use crate::invoke::HOST_VERSION;
use crate::keys::Grant;
use crate::newtonsoft::Token;
use bytes::Bytes;
use std::io;

impl Front {
    /// Answers a request for the host itself; `None` is for the app.
    pub(super) async fn own_api(
        &self,
        head: &RequestHead,
        target: &Target,
        query: &Query,
        body: &mut Body<'_>,
        responder: &mut Responder,
    ) -> io::Result<Option<Response>> {
        let segments = segments(&target.path);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if let ["runtime", "webhooks", ..] = segments.as_slice() {
            // No extension with a webhook runs here.
            let status = match self.keys.grant(None, key(head, query)) {
                Grant::System { .. } | Grant::Admin => 404,
                Grant::Nothing | Grant::Function { .. } => 401,
            };
            return Ok(Some(Response::status(status)));
        }
        let ["admin", rest @ ..] = segments.as_slice() else {
            return Ok(None);
        };
        if rest == ["host", "ping"] {
            return Ok(Some(Response::status(200)));
        }
        let Some(request) = Request::of(&head.method, rest) else {
            return Ok(None);
        };
        if self.keys.grant(None, key(head, query)) != Grant::Admin {
            self.log.info(&format!(
                "{} {} 401: send the master key in the x-functions-key header",
                head.method, target.path
            ));
            return Ok(Some(Response::status(401)));
        }
        let Some(body) = self.read_body(head, body, responder).await? else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        Ok(Some(self.carry_out(request, head, target, &body)))
    }

    fn carry_out(
        &self,
        request: Request<'_>,
        head: &RequestHead,
        target: &Target,
        body: &Bytes,
    ) -> Response {
        let origin = format!("http://{}", head.fields.first("Host").unwrap_or_default());
        match request {
            Request::Status => self.status(),
            Request::List => {
                let functions = self
                    .app
                    .functions
                    .iter()
                    .map(|function| self.describe(&function.name, &origin));
                Response::json(
                    200,
                    Token::Array(functions.flatten().collect()).to_compact(),
                )
            }
            Request::Describe(name) => match self.describe(name, &origin) {
                Some(description) => Response::json(200, description.to_compact()),
                None => Response::status(404),
            },
            Request::FunctionStatus(name) => match self.app.function(name) {
                Some(_) => Response::json(200, "{}".into()),
                None => Response::status(404),
            },
            Request::Run(name) => self.run(name, body),
            Request::StandIns(address) => self.answer_stand_ins(&address, body),
            Request::Storage(address) => self.answer_storage(address, body),
            Request::Keys(keys) => self.answer_keys(
                &keys,
                &head.method,
                body,
                &format!("{origin}{}", target.path),
            ),
        }
    }

    fn status(&self) -> Response {
        let milliseconds = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let status = Token::object([
            ("id", Token::text("devhost")),
            ("state", Token::text("Running")),
            ("version", Token::text(HOST_VERSION)),
            (
                "versionDetails",
                Token::text(format!(
                    "{HOST_VERSION} (devhost {})",
                    env!("CARGO_PKG_VERSION")
                )),
            ),
            ("instanceId", Token::text("devhost")),
            ("processUptime", Token::from(milliseconds)),
        ]);
        Response::json(200, status.to_compact())
    }

    fn describe(&self, name: &str, origin: &str) -> Option<Token> {
        let function = self.app.function(name)?;
        let name = &function.name;
        let bindings = function
            .bindings
            .iter()
            .map(|binding| binding.properties.clone());
        let mut members = vec![
            ("name", Token::text(name.as_str())),
            (
                "href",
                Token::text(format!("{origin}/admin/functions/{name}")),
            ),
            ("isDisabled", Token::Bool(false)),
            (
                "config",
                Token::object([("bindings", Token::Array(bindings.collect()))]),
            ),
        ];
        if let Some(http) = &function.http {
            members.push((
                "invoke_url_template",
                Token::text(format!("{origin}/{}", http.route.text())),
            ));
        }
        Some(Token::object(members))
    }
}

/// What is asked of the host.
enum Request<'a> {
    Status,
    List,
    Describe(&'a str),
    FunctionStatus(&'a str),
    Run(&'a str),
    Keys(keys::Address<'a>),
    Storage(storage::Address<'a>),
    StandIns(stand_ins::Address<'a>),
}

/// The segments of a path, with the host's own words in lower case and all names as they are.
fn segments(path: &str) -> Vec<String> {
    let names: Vec<&str> = path.trim_matches('/').split('/').collect();
    let is_word = |index: usize| match index {
        0 | 1 => true,
        2 => !names[1].eq_ignore_ascii_case("functions"),
        3 => names[1].eq_ignore_ascii_case("functions"),
        _ => false,
    };
    names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            if is_word(index) {
                name.to_lowercase()
            } else {
                (*name).to_owned()
            }
        })
        .collect()
}

impl<'a> Request<'a> {
    fn of(method: &str, path: &[&'a str]) -> Option<Self> {
        match (method, path) {
            ("GET" | "HEAD", ["host", "status"]) => Some(Self::Status),
            ("GET", ["functions"]) => Some(Self::List),
            ("GET", ["functions", name]) => Some(Self::Describe(name)),
            ("POST", ["functions", name]) => Some(Self::Run(name)),
            ("GET", ["functions", name, "status"]) => Some(Self::FunctionStatus(name)),
            (
                method,
                [
                    "devhost",
                    place @ ("vault" | "identity" | "telemetry"),
                    rest @ ..,
                ],
            ) => stand_ins::Address::of(method, place, rest).map(Self::StandIns),
            (method, ["devhost", place @ ..]) => {
                storage::Address::of(method, place).map(Self::Storage)
            }
            _ => keys::Address::of(method, path).map(Self::Keys),
        }
    }
}
