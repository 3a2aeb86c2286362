//! Makes the request that an invocation is.

use std::io::Read as _;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use reqwest::Url;
use serde_json::json;

use crate::auth::Gate;
use crate::cli::devhost::Devhost;
use crate::cli::failed::Failed;
use crate::cli::grants::Grants;
use crate::cli::list::route_prefix;
use crate::cli::sample::Sample;
use crate::cli::token::TokenRequest;
use crate::function::Entry;
use crate::on::Route;

use super::Options;
use super::fixture::Fixture;

/// A request before it is sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    method: Method,
    target: String,
    body: Option<String>,
    token: Option<String>,
    key: Option<String>,
}

impl Outgoing {
    /// To an HTTP function, at its route.
    pub(super) fn to_route(
        entry: &Entry,
        route: &Route,
        options: &Options,
        devhost: &Devhost,
    ) -> Result<Self, Failed> {
        let sample = Sample::of(entry);
        let fixture = fixture(options)?;
        let mut query = String::new();
        let body = match &fixture {
            Some(fixture) => {
                query = fixture.query();
                fixture.body()
            }
            None if options.sample => {
                query = sample.query.unwrap_or_default();
                sample.payload.map(|payload| payload.to_string())
            }
            None => data(options)?,
        };
        let path = options.path.as_deref();
        let path = path.or(sample.path.as_deref()).unwrap_or_default();
        let own = options.method.clone();
        let method = own.or_else(|| route.methods.first().cloned());
        let with_key = entry.trigger.binding.property("authLevel") == Some(&json!("function"));
        Ok(Self {
            method: method.unwrap_or_default(),
            target: target(path, &query, &options.query),
            body,
            token: token(entry, options, devhost)?,
            // The master key opens every function that asks for a key.
            key: with_key.then(|| devhost.master_key.clone()),
        })
    }

    /// To any other function: the host runs it by hand, with a text as the trigger's value (host
    /// 4.1037, FunctionsController.Invoke).
    pub(super) fn to_admin(
        entry: &Entry,
        options: &Options,
        devhost: &Devhost,
    ) -> Result<Self, Failed> {
        let input = match fixture(options)? {
            Some(fixture) => fixture.value(entry.trigger.binding.name())?,
            None if options.sample => Sample::of(entry).payload.map(|json| json.to_string()),
            None => data(options)?,
        };
        let body = input.map_or_else(|| json!({}), |input| json!({"input": input}));
        Ok(Self {
            method: Method::POST,
            target: format!("/admin/functions/{}", entry.name),
            body: Some(body.to_string()),
            token: None,
            key: Some(devhost.master_key.clone()),
        })
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// The request itself.
    ///
    /// # Errors
    ///
    /// A path, a token or a key that cannot stand in a request.
    pub(super) fn into_request(self) -> Result<Request<Full<Bytes>>, Failed> {
        let mut request = Request::builder().method(self.method).uri(self.target);
        if self.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = self.token {
            request = request.header(header::AUTHORIZATION, secret(&format!("Bearer {token}"))?);
        }
        if let Some(key) = self.key {
            request = request.header("x-functions-key", secret(&key)?);
        }
        let body = self.body.map(Bytes::from).unwrap_or_default();
        request.body(Full::new(body)).map_err(|_| {
            Failed::usage(
                "The path does not make an address.",
                "cargo fn invoke --help",
            )
        })
    }
}

fn secret(text: &str) -> Result<HeaderValue, Failed> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        Failed::usage(
            "The token holds characters that cannot be sent.",
            "cargo fn token",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The path below the route prefix, and the query: first the sample's or fixture's, then pairs of
/// the command line, which take the place of those of the same name.
fn target(path: &str, query: &str, pairs: &[(String, String)]) -> String {
    let mut url = Url::parse("http://localhost").expect("the address is fixed");
    let prefix = route_prefix();
    let parts = [prefix.as_str(), path].map(|part| part.trim_matches('/'));
    url.set_path(&parts.join("/"));
    let given = |name: &str| pairs.iter().any(|(own, _)| own == name);
    let base = Url::parse(&format!("http://localhost/?{query}"));
    let base: Vec<(String, String)> = base
        .iter()
        .flat_map(Url::query_pairs)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .filter(|(name, _)| !given(name))
        .collect();
    for (name, value) in base.iter().chain(pairs) {
        url.query_pairs_mut().append_pair(name, value);
    }
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

fn token(entry: &Entry, options: &Options, devhost: &Devhost) -> Result<Option<String>, Failed> {
    if options.anonymous || matches!(entry.trigger.gate, Gate::Anonymous { .. }) {
        return Ok(options.token.clone());
    }
    match &options.token {
        Some(token) => Ok(Some(token.trim().to_owned())),
        None => TokenRequest::for_grants(Grants::of([entry]))
            .fetch(devhost)
            .map(Some),
    }
}

fn fixture(options: &Options) -> Result<Option<Fixture>, Failed> {
    options.fixture.as_deref().map(Fixture::read).transpose()
}

/// What `--data` says: the text itself, a file's, or what comes in.
fn data(options: &Options) -> Result<Option<String>, Failed> {
    let Some(data) = &options.data else {
        return Ok(None);
    };
    let text = if data == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else if let Some(path) = data.strip_prefix('@') {
        std::fs::read_to_string(path)
    } else {
        return Ok(Some(data.clone()));
    };
    text.map(Some).map_err(|error| {
        Failed::usage(
            format!("The data cannot be read from {data}: {error}."),
            "cargo fn invoke --help",
        )
    })
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;
    use crate::{Function, Reply, access, on};

    fn options(arguments: &[&str]) -> Options {
        let command = Options::augment_args(Command::new("invoke").no_binary_name(true));
        Options::from_arg_matches(&command.get_matches_from(arguments)).unwrap()
    }

    fn devhost() -> Devhost {
        let notes = json!({"host": "", "tenant": null, "masterKey": "the master key", "pid": 1});
        serde_json::from_value(notes).unwrap()
    }

    fn outgoing(trigger: on::HttpTrigger<access::Anyone>, arguments: &[&str]) -> Outgoing {
        let function = Function::<()>::new("f", trigger, async || Reply::ok(1));
        let entry = function.entry();
        let route = entry.trigger.route.as_ref().unwrap();
        Outgoing::to_route(entry, route, &options(arguments), &devhost()).unwrap()
    }

    #[test]
    fn a_function_that_asks_for_a_key_is_sent_the_master_key() {
        let open = || on::get("f", access::anonymous("a test"));

        let locked = outgoing(open().with_function_key(), &["f"]);

        assert_eq!(locked.key.as_deref(), Some("the master key"));
        assert_eq!(outgoing(open(), &["f"]).key, None);
    }

    #[test]
    fn the_method_may_be_chosen_where_there_are_several() {
        let methods = [Method::PUT, Method::PATCH];
        let either = || on::http(methods.clone(), "f", access::anonymous("a test"));

        assert_eq!(outgoing(either(), &["f"]).method, Method::PUT);
        assert_eq!(
            outgoing(either(), &["f", "--method", "PATCH"]).method,
            Method::PATCH
        );
    }

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    #[test]
    fn pairs_of_the_command_line_replace_those_of_the_sample() {
        let target = target("quote", "sku=sample&quantity=1", &pairs([("sku", "A B")]));

        assert_eq!(target, "/api/quote?quantity=1&sku=A+B");
    }

    #[test]
    fn a_path_stays_a_path() {
        assert_eq!(target("/orders/a b?c", "", &[]), "/api/orders/a%20b%3Fc");
    }
}
