//! `cargo fn invoke`: calls a function of the running devhost.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName};
use serde_json::{Map, Value, json};

use super::devhost::Devhost;
use super::failed::Failed;
use super::http::{Answer, send};
use super::screen::{Screen, Tone};
use super::subject::Subject;

use self::request::Outgoing;

mod fixture;
mod request;

/// Call a function of a running `cargo fn dev`
///
/// An HTTP function is called at its route, with a token that its access rule lets through. Every
/// other function is run through /admin/functions: the host answers 202 at once, and what came of
/// it stands in the terminal of `cargo fn dev`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// The function
    name: String,

    /// Send what `cargo fn sample` prints
    #[arg(long, group = "input")]
    sample: bool,

    /// Send this: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON", group = "input", allow_hyphen_values = true)]
    data: Option<String>,

    /// Send the payload of a recorded invocation: a file with Data and Metadata
    #[arg(long, value_name = "FILE", group = "input")]
    fixture: Option<PathBuf>,

    /// A query parameter; may be given several times
    #[arg(long = "query", value_name = "NAME=VALUE", value_parser = pair)]
    query: Vec<(String, String)>,

    /// The path below the route prefix, where the route has parameters
    #[arg(long)]
    path: Option<String>,

    /// The method, where the function answers to several
    #[arg(long)]
    method: Option<http::Method>,

    /// Send this token in place of a fresh one
    #[arg(long, conflicts_with = "anonymous")]
    token: Option<String>,

    /// Send no token
    #[arg(long)]
    anonymous: bool,
}

const EXAMPLES: &str = "\
Examples:
  cargo fn invoke create-order --sample
  cargo fn invoke create-order --data @order.json
  cargo fn invoke quote --query sku=SKU-00001 --query quantity=2
  cargo fn invoke quote --sample --anonymous        to see the 401
  cargo fn invoke nightly                           run a timer now
  cargo fn invoke order-worker --fixture recorded.json";

/// Runs the command.
pub(super) fn run(app: &dyn Subject, screen: &Screen, options: &Options) -> Result<(), Failed> {
    let entry = app.function(&options.name)?;
    let devhost = Devhost::running()?;
    let outgoing = match &entry.trigger.route {
        Some(route) => Outgoing::to_route(entry, route, options, &devhost)?,
        None => Outgoing::to_admin(entry, options, &devhost)?,
    };
    let (method, target) = (outgoing.method(), outgoing.target());
    let line = format!("{method} {}{target}", devhost.host);
    screen.remark(&screen.paint_remark(Tone::Strong, &line));
    let started = Instant::now();
    let answer = send(&devhost.host, outgoing.into_request()?)?;
    let milliseconds = started.elapsed().as_millis();
    if screen.wants_json() {
        screen.document(&document(&line, &answer, milliseconds));
    } else {
        show(screen, &answer, milliseconds);
    }
    if !answer.status.is_success() {
        return Err(refused(options, &answer));
    }
    if entry.trigger.route.is_none() {
        screen.remark("Started. What came of it stands in the terminal of cargo fn dev.");
    }
    Ok(())
}

/// Status and headers as remarks, the body as output: it can be piped on.
fn show(screen: &Screen, answer: &Answer, milliseconds: u128) {
    let tone = if answer.status.is_success() {
        Tone::Good
    } else {
        Tone::Bad
    };
    let status = screen.paint_remark(tone, &answer.status.to_string());
    screen.remark(&format!("{status}  ({milliseconds} ms)"));
    for (name, value) in worth_seeing(&answer.headers) {
        let name = screen.paint_remark(Tone::Quiet, &format!("{name}:"));
        screen.remark(&format!("{name} {value}"));
    }
    if answer.body.is_empty() {
        return;
    }
    screen.remark("");
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(json) => screen.document(&json),
        Err(_) => match std::str::from_utf8(&answer.body) {
            Ok(text) => screen.text(&printable(text)),
            Err(_) => screen.remark(&format!("{} bytes that are not text", answer.body.len())),
        },
    }
}

/// Control characters in an answer must not steer the terminal.
fn printable(text: &str) -> String {
    let steers = |letter: char| letter.is_control() && !['\n', '\t'].contains(&letter);
    text.trim_end().replace(steers, "\u{fffd}")
}

fn document(line: &str, answer: &Answer, milliseconds: u128) -> Value {
    let headers: Map<_, _> = answer
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), Value::from(value))
        })
        .collect();
    let body: Value = serde_json::from_slice(&answer.body)
        .unwrap_or_else(|_| String::from_utf8_lossy(&answer.body).into());
    json!({
        "request": line,
        "status": answer.status.as_u16(),
        "headers": headers,
        "body": body,
        "milliseconds": u64::try_from(milliseconds).unwrap_or(u64::MAX),
    })
}

fn worth_seeing(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, String)> {
    let wanted = [
        CONTENT_TYPE,
        LOCATION,
        WWW_AUTHENTICATE,
        RETRY_AFTER,
        CACHE_CONTROL,
    ];
    headers
        .iter()
        .filter(move |(name, _)| wanted.contains(name))
        .map(|(name, value)| (name, printable(&String::from_utf8_lossy(value.as_bytes()))))
}

/// Says what to try, going by the status.
fn refused(options: &Options, answer: &Answer) -> Failed {
    let name = &options.name;
    let gave_input = options.sample || options.data.is_some() || options.fixture.is_some();
    let next = match answer.status.as_u16() {
        401 | 403 if options.token.is_some() || options.anonymous => {
            let input = if options.sample { " --sample" } else { "" };
            format!("cargo fn invoke {name}{input}  (with a token that opens it)")
        }
        401 | 403 => "cargo fn list  (who may call), then cargo fn token --help".to_owned(),
        400..=499 if !gave_input => format!("cargo fn invoke {name} --sample"),
        400..=499 => format!("cargo fn sample {name}  (input that is accepted)"),
        _ => "look at the terminal of cargo fn dev".to_owned(),
    };
    Failed::work(
        format!("The call was answered with {}.", answer.status),
        next,
    )
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
