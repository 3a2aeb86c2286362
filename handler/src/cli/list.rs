//! `cargo fn` and `cargo fn list`: what the app consists of.

use crate::access::Shown;
use crate::manifest::{Described, Manifest};
use crate::on::TriggerKind;
use crate::settings::{Problems, Process};
use crate::wire::HostJson;

use super::failed::Failed;
use super::places::Places;
use super::screen::{Screen, Tone};
use super::subject::Subject;
use super::table::{Table, wrap};

/// The functions in short, and what to type next.
pub(super) fn overview(app: &dyn Subject, screen: &Screen) -> Result<(), Failed> {
    if screen.wants_json() {
        return list(app, screen);
    }
    let manifest = app.manifest();
    let functions = manifest.functions();
    let prefix = route_prefix();
    let mut table = Table::new(["FUNCTION", "TRIGGER", "WHERE", "WHO MAY CALL"]);
    for function in functions {
        table.row([
            function.name.to_owned(),
            function.trigger.name().to_owned(),
            place(function, &prefix),
            who(&function.access),
        ]);
    }
    screen.text(&format!("{}\n", heading(app, screen)));
    screen.text(&table.text(screen));
    let example = functions.first().map_or("NAME", |first| first.name);
    let invoke = format!("cargo fn invoke {example} --sample");
    let commands = [
        ("cargo fn dev", "run the app on this machine"),
        (invoke.as_str(), "call a function of the running app"),
        ("cargo fn list", "every function in full"),
        ("cargo fn --help", "all commands"),
    ];
    let widest = commands.iter().map(|(command, _)| command.len()).max();
    screen.text("\nNext:");
    for (command, purpose) in commands {
        let gap = " ".repeat(widest.unwrap_or_default() - command.len());
        let command = screen.paint(Tone::Typed, command);
        screen.text(&format!("  {command}{gap}  {purpose}"));
    }
    problems(app, screen, &prefix);
    Ok(())
}

/// The inventory in full.
pub(super) fn list(app: &dyn Subject, screen: &Screen) -> Result<(), Failed> {
    let manifest = app.manifest();
    if screen.wants_json() {
        screen.document(&manifest);
        return Ok(());
    }
    let prefix = route_prefix();
    let mut table = Table::new(["FUNCTION", "TRIGGER", "FROM AND TO", "WHO MAY CALL"]);
    for function in manifest.functions() {
        let mut lines = vec![place(function, &prefix)];
        lines.extend(function.outputs.iter().map(|to| format!("writes {to}")));
        lines.extend(
            function
                .secrets
                .iter()
                .map(|name| format!("reads secret {name}")),
        );
        let quarantine = function.quarantine.iter();
        lines.extend(quarantine.map(|to| format!("rejects to {to}")));
        let mut access = who(&function.access);
        if let Some(why) = function.validates_itself {
            access += &format!("\nchecks its own input: {why}");
        }
        table.row([
            function.name.to_owned(),
            function.trigger.name().to_owned(),
            lines.join("\n"),
            access,
        ]);
    }
    screen.text(&format!("{}\n", heading(app, screen)));
    screen.text(&table.text(screen));
    settings(manifest.functions(), screen);
    secrets(&manifest, screen);
    problems(app, screen, &prefix);
    Ok(())
}

/// Who may call, in words.
pub(super) fn who(access: &Shown) -> String {
    match access {
        Shown::Anonymous { reason } => format!("anyone: {reason}"),
        Shown::Scope(name) => format!("scope {name}"),
        Shown::Role(name) => format!("app role {name}"),
        Shown::UserRole(name) => format!("user role {name}"),
        Shown::AnyCallerOfThisApp => "any caller of this app".to_owned(),
        Shown::AnyOf(rules) => rules.iter().map(who).collect::<Vec<_>>().join(" or "),
        Shown::AuthenticationContext { id, rule } => match &**rule {
            several @ Shown::AnyOf(_) => {
                format!("({}) with authentication context {id}", who(several))
            }
            one => format!("{} with authentication context {id}", who(one)),
        },
        Shown::Host => "the Functions host".to_owned(),
    }
}

/// What the app is, in a line.
pub(super) fn heading(app: &dyn Subject, screen: &Screen) -> String {
    let count = app.entries().len();
    let functions = if count == 1 { "function" } else { "functions" };
    let name = screen.paint(Tone::Strong, app.name());
    format!("{name}: {count} {functions}, HTTP by {}", app.mode().name())
}

/// Where an invocation comes from: a path, a queue, a schedule.
fn place(function: &Described, prefix: &str) -> String {
    match (&function.route, &function.source) {
        (Some(route), _) => {
            let methods = function.methods.as_deref().unwrap_or_default();
            let methods = if methods.len() > MOST_METHODS {
                "any method".to_owned()
            } else {
                methods.join(", ")
            };
            let path = [prefix, route].map(|part| part.trim_matches('/')).join("/");
            format!("{methods} /{}", path.trim_start_matches('/'))
        }
        (None, Some(source)) if function.trigger == TriggerKind::Timer => format!("at {source}"),
        (None, Some(source)) => source.clone(),
        (None, None) => String::new(),
    }
}

/// The settings that the bindings name.
fn settings(functions: &[Described], screen: &Screen) {
    let names: std::collections::BTreeSet<_> = functions
        .iter()
        .flat_map(|function| function.settings.iter().map(String::as_str))
        .collect();
    if names.is_empty() {
        return;
    }
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    let lines = wrap(
        &format!("Settings of the bindings: {names}"),
        screen.width(),
    );
    screen.text(&format!("\n{}", lines.join("\n")));
}

/// The secrets that the app's identity has to be allowed to read.
fn secrets(manifest: &Manifest, screen: &Screen) {
    let shown = manifest.secrets().iter().map(|secret| {
        let version = secret
            .version
            .iter()
            .map(|version| format!(" at {version}"));
        let optional = (!secret.required).then_some(" (optional)");
        format!(
            "{}{}{}",
            secret.name,
            version.collect::<String>(),
            optional.unwrap_or_default()
        )
    });
    let shown: Vec<_> = shown.collect();
    if shown.is_empty() {
        return;
    }
    let text = format!("Secrets of the vault: {}", shown.join(", "));
    screen.text(&format!("\n{}", wrap(&text, screen.width()).join("\n")));
}

fn problems(app: &dyn Subject, screen: &Screen, prefix: &str) {
    let problems = app.problems_under(app.mode(), prefix);
    if !problems.is_empty() {
        let heading = screen.paint_remark(Tone::Bad, "The app would not start:");
        screen.remark(&format!("\n{heading}\n  {}", problems.join("\n  ")));
    }
}

/// The prefix of all routes, as the project's host.json has it; without a project, the host's own.
pub(super) fn route_prefix() -> String {
    let read = || {
        let path = Places::find(&Process).ok()?.host_json();
        let text = std::fs::read_to_string(path).ok()?;
        HostJson::read(&text, &Process, &mut Problems::new())
    };
    read().map_or_else(|| "api".to_owned(), |host| host.route_prefix)
}

const MOST_METHODS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{self, Access, Caller};
    use crate::{App, Function, Reply, on};

    fn who_may(access: Access<Caller>) -> String {
        let function = Function::<()>::new("it", on::get("it", access), async || Reply::ok(()));
        let manifest = App::new("one").function(function).manifest();
        who(&manifest.functions()[0].access)
    }

    #[test]
    fn a_context_is_said_of_the_rules_it_belongs_to() {
        let read = || access::scope("Read");
        let either = || access::any_of([read(), access::role("All")]);

        assert_eq!(
            who_may(access::any_of([
                access::role("All"),
                read().with_authentication_context("c1")
            ])),
            "app role All or scope Read with authentication context c1"
        );
        assert_eq!(
            who_may(either().with_authentication_context("c1")),
            "(scope Read or app role All) with authentication context c1"
        );
    }
}
