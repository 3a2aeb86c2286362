//! Tables of pairs: a call that is accepted, and the calls that are refused though they differ from
//! it in one thing.

use std::collections::HashMap;

use serde_json::{Value, json};
use stockade_tests::log::PREFIX;
use stockade_tests::process::poll;
use stockade_tests::{Host, Line};

use super::call::{Call, Got, Way};
use super::world::World;

/// A call that is accepted, and what is refused beside it.
pub(crate) struct Pair {
    name: String,
    accepted: Box<dyn Fn() -> Call>,
    ways: &'static [Way],
    refused: Vec<Refusal>,
}

struct Refusal {
    name: String,
    /// Outside the envelope, and in it.
    rules: [&'static str; 2],
    change: Box<dyn Fn(Call) -> Call>,
}

/// The whole body of every answer to a bad token, but for the invocation's id.
fn unauthorized() -> Value {
    json!({
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "A valid access token is required.",
        "code": "unauthorized",
    })
}

/// What a refusal by a rule has to look like: its status and its challenge (RFC 6750 §3, §3.1).
pub(crate) fn expected(rule: &str, function: &str) -> (u16, String) {
    let scope = match function {
        "quote" => "Orders.Read",
        _ => "Orders.Write",
    };
    match rule {
        "missing_token" | "not_bearer" => (401, "Bearer".to_owned()),
        "missing_permission" => (
            403,
            format!(r#"Bearer error="insufficient_scope", scope="{scope}""#),
        ),
        "contradictory_permissions" | "client" => {
            (403, r#"Bearer error="insufficient_scope""#.to_owned())
        }
        _ => (401, r#"Bearer error="invalid_token""#.to_owned()),
    }
}

/// Begins a pair.
pub(crate) fn accepting(name: impl Into<String>, accepted: impl Fn() -> Call + 'static) -> Pair {
    Pair {
        name: name.into(),
        accepted: Box::new(accepted),
        ways: &Way::ALL,
        refused: Vec::new(),
    }
}

impl Pair {
    /// Adds a call that differs in one thing and is refused by this rule.
    pub(crate) fn but_not(
        self,
        name: impl Into<String>,
        rule: &'static str,
        change: impl Fn(Call) -> Call + 'static,
    ) -> Self {
        self.but_not_by(name, [rule; 2], change)
    }

    /// The same for a call that the host hands over as two different things.
    pub(crate) fn but_not_by(
        mut self,
        name: impl Into<String>,
        rules: [&'static str; 2],
        change: impl Fn(Call) -> Call + 'static,
    ) -> Self {
        self.refused.push(Refusal {
            name: name.into(),
            rules,
            change: Box::new(change),
        });
        self
    }

    /// Only in one way, since the other cannot carry it.
    pub(crate) fn only(mut self, ways: &'static [Way]) -> Self {
        self.ways = ways;
        self
    }
}

/// An answer whose line in the log is still to be looked at.
struct Open {
    name: String,
    rule: &'static str,
    id: String,
}

/// Sends everything in every way, and shows all that is not as it should be.
pub(crate) fn check(world: &'static World, pairs: &[Pair]) {
    let mut faults = Vec::new();
    let mut open = Vec::new();
    let mut secrets = Vec::new();
    let log = Log::from_now(world);
    for pair in pairs {
        for &way in pair.ways {
            let call = (pair.accepted)();
            let got = call.send(way);
            secrets.extend(hidden(&call, &got));
            if !got.is_accepted() {
                faults.push(format!("{} ({way:?}) is not accepted: {got:?}", pair.name));
            }
            for refusal in &pair.refused {
                let call = (refusal.change)((pair.accepted)());
                let name = format!("{}, but not {} ({way:?})", pair.name, refusal.name);
                let rule = refusal.rules[usize::from(way == Way::Envelope)];
                let got = call.send(way);
                let hidden = hidden(&call, &got);
                match look_at(&got, rule, &hidden) {
                    Ok(id) => open.push(Open { name, rule, id }),
                    Err(fault) => faults.push(format!("{name}: {fault}")),
                }
                secrets.extend(hidden);
            }
        }
    }
    look_into(&log, &open, &secrets, &mut faults);
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// The texts that nobody may ever see again: the token, its segments, the name of its key.
fn hidden(call: &Call, got: &Got) -> Vec<String> {
    let segments = got.token.split('.').map(str::to_owned);
    let key_id = call
        .key_id()
        .filter(|name| !PUBLIC_NAMES.contains(&name.as_str()));
    std::iter::once(got.token.clone())
        .chain(segments)
        .chain(key_id)
        .filter(|text| text.len() >= SHORTEST_HIDDEN)
        .collect()
}

/// The answer to a refusal; gives the invocation's id.
fn look_at(got: &Got, rule: &str, hidden: &[String]) -> Result<String, String> {
    let (status, challenge) = expected(rule, got.function);
    if got.status != status {
        return Err(format!("{status} by `{rule}` expected, got {got:?}"));
    }
    if got.header("www-authenticate") != Some(&challenge) {
        return Err(format!("{challenge} expected, got {:?}", got.headers));
    }
    if got.header("content-type") != Some("application/problem+json; charset=utf-8") {
        return Err(format!("no problem document: {:?}", got.headers));
    }
    let (problem, id) = got
        .problem()
        .ok_or_else(|| format!("no problem: {}", got.body))?;
    if status == 401 && problem != unauthorized() {
        return Err(format!("another body than for other bad tokens: {problem}"));
    }
    if problem["status"] != status {
        return Err(format!("the problem has another status: {problem}"));
    }
    let answer = format!("{:?}\n{}", got.headers, got.body);
    match hidden.iter().find(|text| answer.contains(*text)) {
        Some(text) => Err(format!("the answer holds {text}: {answer}")),
        None => Ok(id),
    }
}

/// What the handlers of a world write from a moment on.
struct Log {
    world: &'static World,
    /// How much each had written before, by its port.
    before: HashMap<u16, usize>,
}

impl Log {
    fn from_now(world: &'static World) -> Self {
        let before = |host: &Host| (host.port, host.output().len());
        Self {
            world,
            before: world.hosts().map(before).collect(),
        }
    }

    fn lines(&self) -> Vec<String> {
        let since = |host: &Host| {
            let before = self.before.get(&host.port).copied().unwrap_or_default();
            host.output().split_off(before)
        };
        let lines = self.world.hosts().flat_map(since);
        lines.filter(|line| line.starts_with(PREFIX)).collect()
    }
}

/// The line of each refusal names the rule, and no line holds a secret.
fn look_into(log: &Log, open: &[Open], secrets: &[String], faults: &mut Vec<String>) {
    let output = poll("the line of each refusal", || {
        let output = log.lines();
        let text = output.join("\n");
        let is_whole = open.iter().all(|open| text.contains(&open.id));
        is_whole.then_some(output)
    });
    let mut rules: HashMap<String, (String, String)> = HashMap::new();
    for line in output.iter().filter_map(|line| Line::read(line)) {
        if let Some(outcome) = line.outcome() {
            let rule = (outcome.to_owned(), line.text("rule").to_owned());
            rules.insert(line.invocation_id().to_owned(), rule);
        }
    }
    let text = output.join("\n");
    for open in open {
        let denied = ("denied".to_owned(), open.rule.to_owned());
        let found = rules.get(&open.id);
        if found != Some(&denied) {
            faults.push(format!(
                "{}: denied by `{}` expected, the log has {found:?}",
                open.name, open.rule
            ));
        }
    }
    let found = secrets.iter().filter(|secret| text.contains(*secret));
    faults.extend(found.map(|secret| format!("the log holds {secret}")));
}

/// Names of keys that a log may hold, since they are words of ours.
const PUBLIC_NAMES: [&str; 4] = ["ours", "ours-v1", "sister", "stranger"];

/// Anything shorter is bound to occur by chance.
const SHORTEST_HIDDEN: usize = 6;
