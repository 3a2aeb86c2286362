//! What is wrong with an app that its types cannot refuse.

use std::collections::BTreeSet;

use crate::function::Entry;
use crate::input::open_variants;
use crate::routes::{self, RouteTable};
use crate::wire::Mode;

/// Every problem, each naming its function.
pub(super) fn of<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    mode: Mode,
    prefix: &str,
) -> Vec<String> {
    let entries: Vec<_> = entries.collect();
    let mut problems = Vec::new();
    if entries.is_empty() {
        problems.push("the app has no functions".to_owned());
    }
    names(&entries, &mut problems);
    for entry in &entries {
        let of_function = |text: &str| format!("function `{}`: {text}", entry.name);
        problems.extend(entry.trigger.problems.iter().map(|text| of_function(text)));
        if entry.plan.binary && !mode.is_direct(entry) {
            problems.push(of_function(
                "it answers with bytes, which the host's envelope cannot carry; let host.json forward or proxy",
            ));
        }
        destinations(entry, &mut problems);
        inputs(entry, &mut problems);
    }
    invocation_paths(&entries, prefix, &mut problems);
    ambiguous_routes(&entries, prefix, &mut problems);
    problems
}

/// A function's name is a folder, a path on the wire and a name in Azure.
fn names(entries: &[&Entry], problems: &mut Vec<String>) {
    let mut known = BTreeSet::new();
    for entry in entries {
        let name = entry.name;
        let sound = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.len() <= 127
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !sound {
            problems.push(format!(
                "function `{name}`: a name begins with a letter and holds letters, digits, `-` and `_`"
            ));
        }
        if ["admin", "runtime", "host"].contains(&name.to_ascii_lowercase().as_str()) {
            problems.push(format!(
                "function `{name}`: the host keeps this name to itself"
            ));
        }
        // The host's file systems and routes ignore case.
        if !known.insert(name.to_ascii_lowercase()) {
            problems.push(format!("function `{name}`: the name is taken"));
        }
    }
}

/// Outputs that write to one place are one output.
fn destinations(entry: &Entry, problems: &mut Vec<String>) {
    let quarantine = entry.trigger.quarantine.map(crate::output::Sink::binding);
    if let Some(sink) = entry.trigger.quarantine {
        let mut found = Vec::new();
        sink.problems(&mut found);
        problems.extend(
            found
                .into_iter()
                .map(|text| format!("function `{}`: {text}", entry.name)),
        );
    }
    let mut known = BTreeSet::new();
    for binding in entry.plan.bindings.iter().chain(&quarantine) {
        let to = binding.destination().unwrap_or_default();
        if to.contains(['{', '}']) {
            problems.push(format!(
                "function `{}`: the output `{to}` has braces in its name, and what stands in them is the payload's to choose",
                entry.name
            ));
        }
        if !known.insert((binding.kind(), to.to_ascii_lowercase())) {
            problems.push(format!(
                "function `{}`: two outputs write to `{to}`; return them as one with `Enqueue::many`",
                entry.name
            ));
        }
    }
}

/// Types that the strict reader cannot see into, and path parameters that the route does not have.
fn inputs(entry: &Entry, problems: &mut Vec<String>) {
    for (source, schema) in entry.inputs.types() {
        problems.extend(open_variants(schema).into_iter().map(|place| {
            format!(
                "function `{}`: the {source} has an enum at `{place}` whose variants take any member; add `#[serde(deny_unknown_fields)]`",
                entry.name
            )
        }));
    }
    let Some(route) = &entry.trigger.route else {
        return;
    };
    let wanted = entry
        .inputs
        .path
        .as_ref()
        .and_then(|path| path.as_value()["properties"].as_object());
    for name in wanted.into_iter().flat_map(serde_json::Map::keys) {
        if !route
            .template
            .parameters()
            .any(|parameter| parameter == name)
        {
            problems.push(format!(
                "function `{}`: the handler reads the path parameter `{name}`, which the route `{}` does not have",
                entry.name,
                route.template.as_str()
            ));
        }
    }
}

/// A route that matches the path of another function's invocations would let an outside caller run
/// that function with a body of its choice (seen on host 4.1037).
fn invocation_paths(entries: &[&Entry], prefix: &str, problems: &mut Vec<String>) {
    for http in entries {
        let Some(route) = &http.trigger.route else {
            continue;
        };
        for event in entries.iter().filter(|entry| entry.trigger.route.is_none()) {
            if routes::overlaps(prefix, &route.template, event.name) {
                problems.push(format!(
                    "function `{}`: its route `{}` under the prefix `{prefix}` matches `/{}`, where the host delivers to `{}`, so a caller from outside could run that function; give one of them another route or name",
                    http.name,
                    route.template.as_str(),
                    event.name,
                    event.name
                ));
            }
        }
    }
}

/// Two routes that differ in nothing by which one could be preferred.
fn ambiguous_routes(entries: &[&Entry], prefix: &str, problems: &mut Vec<String>) {
    let routes = entries.iter().filter_map(|entry| {
        let route = entry.trigger.route.as_ref()?;
        Some((route.methods.clone(), route.template.clone(), entry.name))
    });
    for (first, second) in RouteTable::new(prefix, routes).ambiguities() {
        problems.push(format!(
            "functions `{first}` and `{second}`: their routes match the same requests"
        ));
    }
}

#[cfg(test)]
mod tests;
