//! Checks the app's host.json before the host does.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::settings::Problems;
use crate::wire::HostJson;

use super::assembly::HANDLER;
use super::failed::Failed;
use super::places::Places;
use super::subject::Subject;

/// host.json and what is wrong with it, and with the app under it.
#[derive(Debug)]
pub(super) struct HostFile {
    json: Value,
    problems: Vec<String>,
}

impl HostFile {
    /// Reads and checks it.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not JSON.
    pub(super) fn read(places: &Places, app: &dyn Subject) -> Result<Self, Failed> {
        let path = places.host_json();
        let shown = places.shown(&path);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failed::work(
                format!("{shown} cannot be read: {error}."),
                format!("cat {shown}"),
            )
        })?;
        let json: Value = serde_json::from_str(&text).map_err(|error| {
            Failed::work(
                format!("{shown} is not JSON: {error}."),
                format!("mend {shown}, then run this again"),
            )
        })?;
        Ok(Self::check(json, app))
    }

    /// What is wrong, a sentence each.
    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The file for the assembled folder.
    pub(super) fn assembled(&self, app: &dyn Subject) -> Value {
        crate::manifest::host_json(&self.json, app.mode())
    }

    fn check(json: Value, app: &dyn Subject) -> Self {
        let assembled = crate::manifest::host_json(&json, app.mode());
        let mut problems = Problems::new();
        // What counts is the file: the machine that assembles is not the one that runs.
        let no_settings = BTreeMap::new();
        let read = HostJson::read(&assembled.to_string(), &no_settings, &mut problems);
        let mut problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        if let Some(host) = read {
            problems.extend(app.problems_under(host.mode, &host.route_prefix));
            deadlines(&host, app, &mut problems);
        }
        members(&json, app, &mut problems);
        Self { json, problems }
    }
}

fn members(json: &Value, app: &dyn Subject, problems: &mut Vec<String>) {
    let mut problem = |text: String| problems.push(format!("host.json: {text}"));
    if json["version"] != "2.0" {
        problem("`version` has to be \"2.0\"".to_owned());
    }
    let handler = &json["customHandler"];
    let description = &handler["description"];
    if description["defaultExecutablePath"] != HANDLER {
        problem(format!(
            "`customHandler.description.defaultExecutablePath` has to be \"{HANDLER}\", the program in the assembled folder"
        ));
    }
    let arguments = description["arguments"].as_array();
    if arguments.is_some_and(|arguments| !arguments.is_empty()) {
        problem(
            "`customHandler.description.arguments` has to go: the handler takes none".to_owned(),
        );
    }
    // The host then refuses to run functions that have a function.json (host 4.1037 with the later
    // files of 2025, seen).
    if !handler["http"]["routes"].is_null() {
        problem(
            "`customHandler.http.routes` has to go: each function has its own route".to_owned(),
        );
    }
    let mode = app.mode();
    for flag in ["enableForwardingHttpRequest", "enableProxyingHttpRequest"] {
        let wanted = &crate::manifest::host_json(json, mode)["customHandler"][flag];
        let said = &handler[flag];
        if !said.is_null() && said != wanted {
            problem(format!(
                "`customHandler.{flag}` is {said}, but the app's HTTP mode ({}) makes it {wanted}; take it out, `App::http` decides",
                mode.name()
            ));
        }
    }
}

/// A function that asks for longer than the host grants is ended by the host, which kills the
/// process and everything else in it (seen on host 4.1037).
fn deadlines(host: &HostJson, app: &dyn Subject, problems: &mut Vec<String>) {
    let Some(most) = host.function_timeout else {
        return;
    };
    for entry in app.entries() {
        if let Some(deadline) = entry.deadline.filter(|deadline| *deadline > most) {
            problems.push(format!(
                "function `{}`: its deadline is {} s, but `functionTimeout` in host.json is {} s",
                entry.name,
                deadline.as_secs(),
                most.as_secs()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::app::App;
    use crate::function::Function;
    use crate::wire::Mode;
    use crate::{access, on};

    fn app() -> App<()> {
        App::new("test").function(Function::new(
            "up",
            on::get("up", access::anonymous("a test")),
            async || crate::Reply::ok(true),
        ))
    }

    fn sound() -> Value {
        json!({
            "version": "2.0",
            "customHandler": {"description": {"defaultExecutablePath": "handler"}}
        })
    }

    fn problems(json: Value, app: &dyn Subject) -> Vec<String> {
        HostFile::check(json, app).problems
    }

    #[test]
    fn a_sound_file_has_no_problem() {
        assert_eq!(problems(sound(), &app()), [""; 0]);
    }

    #[test]
    fn each_mistake_is_named() {
        let cases: [(&str, Value, &str); 6] = [
            ("/version", json!("3.0"), "`version`"),
            (
                "/customHandler/description/defaultExecutablePath",
                json!("server"),
                "defaultExecutablePath",
            ),
            (
                "/customHandler/description/arguments",
                json!(["-v"]),
                "arguments",
            ),
            ("/customHandler/http", json!({"routes": []}), "routes"),
            (
                "/customHandler/enableForwardingHttpRequest",
                json!(false),
                "enableForwardingHttpRequest",
            ),
            ("/functionTimeout", json!("soon"), "functionTimeout"),
        ];
        for (pointer, value, named) in cases {
            let mut json = sound();
            let (parent, member) = pointer.rsplit_once('/').unwrap();
            json.pointer_mut(parent).unwrap()[member] = value;

            let found = problems(json, &app());

            assert_eq!(found.len(), 1, "{pointer}: {found:?}");
            assert!(found[0].contains(named), "{pointer}: {found:?}");
        }
    }

    #[test]
    fn a_flag_that_says_what_the_app_says_is_let_be() {
        let mut json = sound();
        json["customHandler"]["enableProxyingHttpRequest"] = json!(false);

        assert_eq!(
            problems(json.clone(), &app().http(Mode::Forwarding)),
            [""; 0]
        );
        assert_eq!(problems(json, &app()).len(), 1);
    }

    #[test]
    fn a_deadline_beyond_the_hosts_is_a_problem() {
        let slow = |seconds| {
            let function = Function::new("slow", on::timer("0 0 3 * * *"), async || {});
            App::<()>::new("test").function(function.deadline(Duration::from_secs(seconds)))
        };
        let mut json = sound();
        json["functionTimeout"] = json!("00:01:00");

        assert_eq!(problems(json.clone(), &slow(60)), [""; 0]);
        assert_eq!(problems(json, &slow(61)).len(), 1);
    }
}
