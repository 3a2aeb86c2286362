//! `cargo fn token`: an access token from the stand-in tenant.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{Method, Request};
use http_body_util::Full;
use serde::Serialize;
use serde_json::{Value, json};

use super::devhost::Devhost;
use super::failed::Failed;
use super::grants::Grants;
use super::http::send;
use super::screen::Screen;
use super::subject::Subject;

/// Print an access token from the stand-in tenant of a running `cargo fn dev`
///
/// Without options it is a user's token with every scope and user role that the app's rules name, and
/// every authentication context, so it opens every function that a user may call. The stand-in gives a token to whoever asks:
/// only a local app trusts it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// A scope (claim `scp`) for a user's token; may be given several times
    #[arg(long = "scope", value_name = "SCOPE", conflicts_with = "app")]
    scopes: Vec<String>,

    /// A role (claim `roles`); may be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,

    /// An application's own token; without --role it carries every app role that the rules name
    #[arg(long)]
    app: bool,

    /// The tenant that it is from, a GUID, in place of the app's own
    #[arg(long, value_name = "GUID")]
    tenant: Option<String>,

    /// How long it is valid: 90s, 15m, 1h
    #[arg(long, value_name = "TIME", value_parser = lifetime, default_value = "1h")]
    lifetime: Duration,
}

const EXAMPLES: &str = "\
Examples:
  cargo fn token                               opens all that a user may call
  cargo fn token --scope Orders.Read           no more than this scope
  cargo fn token --app --role Orders.Read.All  a daemon's token
  cargo fn token --lifetime 1s                 to see an expired one refused
  curl -H \"Authorization: Bearer $(cargo fn token)\" \\
    'http://127.0.0.1:7071/api/quote?sku=SKU-00001&quantity=2'";

/// What the tenant is asked for.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct TokenRequest {
    kind: Kind,
    scopes: BTreeSet<String>,
    roles: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    lifetime_seconds: u64,
    #[serde(skip_serializing_if = "Overrides::are_none")]
    overrides: Overrides,
}

/// Claims that the tenant sets beside those it knows of.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Overrides {
    acrs: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    User,
    App,
}

impl TokenRequest {
    /// A token that these rules let through: a user's where one will do.
    pub(super) fn for_grants(grants: Grants) -> Self {
        let (kind, roles, acrs) = if grants.suit_a_user() {
            (Kind::User, grants.user_roles, grants.contexts)
        } else {
            (Kind::App, grants.app_roles, BTreeSet::new())
        };
        Self {
            kind,
            scopes: grants.scopes,
            roles,
            tenant: None,
            lifetime_seconds: USUAL_SECONDS,
            overrides: Overrides { acrs },
        }
    }

    /// Fetches the token.
    ///
    /// # Errors
    ///
    /// The tenant is not there, or refuses.
    pub(super) fn fetch(&self, devhost: &Devhost) -> Result<String, Failed> {
        let body = serde_json::to_vec(self).expect("a request has string keys only");
        let request = Request::builder()
            .method(Method::POST)
            .uri("/stand-in/token")
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .expect("the parts are fixed");
        let answer = send(devhost.tenant()?, request)?;
        let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match document["access_token"].as_str() {
            Some(token) if answer.status.is_success() => Ok(token.to_owned()),
            _ => {
                let why = document["error_description"].as_str();
                Err(Failed::work(
                    format!(
                        "The stand-in tenant gave no token ({}): {}.",
                        answer.status.as_u16(),
                        why.unwrap_or("no reason given")
                    ),
                    "cargo fn token --help",
                ))
            }
        }
    }
}

impl Overrides {
    fn are_none(&self) -> bool {
        self.acrs.is_empty()
    }
}

impl Options {
    fn request(&self, every: Grants) -> TokenRequest {
        let chosen = |given: &[String], usual: BTreeSet<String>| {
            if given.is_empty() {
                usual
            } else {
                given.iter().cloned().collect()
            }
        };
        let mut acrs = BTreeSet::new();
        let (kind, scopes, roles) = if self.app {
            let roles = chosen(&self.roles, every.app_roles);
            (Kind::App, BTreeSet::new(), roles)
        } else if self.scopes.is_empty() && self.roles.is_empty() {
            acrs = every.contexts;
            (Kind::User, every.scopes, every.user_roles)
        } else {
            let roles = self.roles.iter().cloned().collect();
            (Kind::User, chosen(&self.scopes, BTreeSet::new()), roles)
        };
        TokenRequest {
            kind,
            scopes,
            roles,
            tenant: self.tenant.clone(),
            lifetime_seconds: self.lifetime.as_secs(),
            overrides: Overrides { acrs },
        }
    }
}

/// Runs the command.
pub(super) fn run(app: &dyn Subject, screen: &Screen, options: &Options) -> Result<(), Failed> {
    let devhost = Devhost::running()?;
    let request = options.request(Grants::of(app.entries()));
    let token = request.fetch(&devhost)?;
    if screen.wants_json() {
        screen.document(&json!({"token": token, "request": request}));
    } else {
        screen.text(&token);
    }
    Ok(())
}

/// A whole number of seconds, minutes or hours.
fn lifetime(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(EXPECTED.to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| EXPECTED.to_owned())?;
    let total = number.checked_mul(seconds).ok_or(EXPECTED)?;
    Ok(Duration::from_secs(total))
}

const EXPECTED: &str = "expected a number of seconds, or one with s, m or h behind it";
const USUAL_SECONDS: u64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;

    fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
        names.map(str::to_owned).into()
    }

    fn every() -> Grants {
        Grants {
            scopes: set(["Read", "Write"]),
            user_roles: set(["Clerk"]),
            app_roles: set(["Read.All"]),
            contexts: set(["c1"]),
            any: false,
        }
    }

    fn options(scopes: &[&str], roles: &[&str], app: bool) -> Options {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Options {
            scopes: owned(scopes),
            roles: owned(roles),
            app,
            tenant: None,
            lifetime: Duration::from_secs(60),
        }
    }

    #[test]
    fn what_is_asked_for_decides_what_is_in_the_token() {
        let cases = [
            (
                "nothing",
                options(&[], &[], false),
                Kind::User,
                set(["Read", "Write"]),
                set(["Clerk"]),
            ),
            (
                "a scope",
                options(&["Read"], &[], false),
                Kind::User,
                set(["Read"]),
                set([]),
            ),
            (
                "a role",
                options(&[], &["Chief"], false),
                Kind::User,
                set([]),
                set(["Chief"]),
            ),
            (
                "an app",
                options(&[], &[], true),
                Kind::App,
                set([]),
                set(["Read.All"]),
            ),
            (
                "an app's role",
                options(&[], &["Other"], true),
                Kind::App,
                set([]),
                set(["Other"]),
            ),
        ];
        for (name, options, kind, scopes, roles) in cases {
            let request = options.request(every());

            assert_eq!(
                (request.kind, request.scopes, request.roles),
                (kind, scopes, roles),
                "{name}"
            );
        }
    }

    #[test]
    fn only_a_token_that_opens_everything_comes_after_every_sign_in() {
        let acrs = |options: Options| options.request(every()).overrides.acrs;

        assert_eq!(acrs(options(&[], &[], false)), set(["c1"]));
        for (scopes, roles, app) in [
            (&["Read"][..], &[][..], false),
            (&[], &["Chief"], false),
            (&[], &[], true),
        ] {
            assert_eq!(acrs(options(scopes, roles, app)), set([]));
        }
    }

    #[test]
    fn a_lifetime_may_have_a_unit() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600)] {
            assert_eq!(lifetime(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "h",
            "1d",
            "-1",
            "1.5h",
            "99999999999999999999h",
            "9999999999999999999h",
            "µ",
        ] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }
}
