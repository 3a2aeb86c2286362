//! Key management (host 4.1037, `KeysController`).

use crate::front::Front;
use crate::http1::{Payload, Response};
use crate::keys::Scope;
use crate::newtonsoft::Token;
use bytes::Bytes;

/// The name under which the master key is set.
const MASTER: &str = "_master";

/// Which keys a request is about.
pub(super) struct Address<'a> {
    scope: Scope,
    name: Option<&'a str>,
}

impl<'a> Address<'a> {
    pub(super) fn of(method: &str, path: &[&'a str]) -> Option<Self> {
        let (scope, name) = match path {
            ["functions", function, "keys"] => (Scope::Function(function.to_lowercase()), None),
            ["functions", function, "keys", name] => {
                (Scope::Function(function.to_lowercase()), Some(*name))
            }
            ["host", "keys" | "functionkeys"] => (Scope::Host, None),
            ["host", "keys" | "functionkeys", name] => (Scope::Host, Some(*name)),
            ["host", "systemkeys"] => (Scope::System, None),
            ["host", "systemkeys", name] => (Scope::System, Some(*name)),
            _ => return None,
        };
        let fits = match name {
            None => method == "GET",
            Some(_) => matches!(method, "GET" | "POST" | "PUT" | "DELETE"),
        };
        fits.then_some(Self { scope, name })
    }
}

impl Front {
    pub(super) fn answer_keys(
        &self,
        address: &Address<'_>,
        method: &str,
        body: &Bytes,
        url: &str,
    ) -> Response {
        if let Scope::Function(function) = &address.scope
            && self.app.function(function).is_none()
        {
            return Response::status(404);
        }
        let Some(name) = address.name else {
            let keys = self.keys.list(&address.scope);
            let keys = keys
                .iter()
                .map(|(name, value)| Token::object(key(name, value)))
                .collect();
            return Response::json(200, with_link([("keys", Token::Array(keys))], url));
        };
        let known = self
            .keys
            .list(&address.scope)
            .into_iter()
            .find(|(known, _)| known == name);
        match (method, known) {
            ("GET", _) if is_master(address) => {
                Response::json(200, with_link(key(MASTER, &self.keys.master()), url))
            }
            ("GET", Some((name, value))) => Response::json(200, with_link(key(&name, &value), url)),
            ("DELETE", Some((name, _))) => {
                self.keys.remove(address.scope.clone(), &name);
                Response {
                    payload: Payload::Bare,
                    ..Response::status(204)
                }
            }
            ("GET" | "DELETE", None) => Response::status(404),
            ("PUT", _) => match value_of(body) {
                Some(value) => self.set(address, name, Some(value), url),
                None => Response::status(400),
            },
            _ => self.set(address, name, None, url),
        }
    }

    fn set(&self, address: &Address<'_>, name: &str, value: Option<String>, url: &str) -> Response {
        let (value, is_new) = if is_master(address) {
            (self.keys.set_master(value), false)
        } else {
            self.keys.put(address.scope.clone(), name, value)
        };
        let status = if is_new { 201 } else { 200 };
        Response::json(status, with_link(key(name, &value), url))
    }
}

fn is_master(address: &Address<'_>) -> bool {
    address.scope == Scope::Host && address.name == Some(MASTER)
}

fn value_of(body: &Bytes) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let value = json.get("value")?.as_str()?;
    (!value.is_empty()).then(|| value.to_owned())
}

fn key(name: &str, value: &str) -> [(&'static str, Token); 2] {
    [("name", Token::text(name)), ("value", Token::text(value))]
}

fn with_link<const N: usize>(members: [(&'static str, Token); N], url: &str) -> String {
    let link = Token::object([("rel", Token::text("self")), ("href", Token::text(url))]);
    let links = [("links", Token::Array(vec![link]))];
    Token::object(members.into_iter().chain(links)).to_compact()
}
