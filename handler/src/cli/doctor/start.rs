//! What can be checked without asking anybody: the settings and the app.

use serde_json::{Value, json};

use crate::settings::{Problem, Problems};

use super::super::failed::Failed;
use super::super::host_file::HostFile;
use super::super::places::LOCAL_SETTINGS;
use super::super::subject::Subject;
use super::gathered::{Gathered, LocalSettings, Origin};
use super::listed;
use super::report::{Check, Ends};

/// The checks of settings and app, by the same reading as at the start.
pub(super) fn checks(
    app: &dyn Subject,
    gathered: &Gathered,
    local: &LocalSettings,
    host: &Result<HostFile, Failed>,
) -> Vec<Check> {
    let host_json = match host {
        Ok(host) => host.assembled(app).to_string(),
        Err(_) => crate::manifest::own_host_json(app.mode()),
    };
    let mut found = Problems::new();
    if let Some(problem) = local.problem {
        found.push(LOCAL_SETTINGS, problem);
    }
    let at_start = app.problems_at_start(&host_json, gathered);
    let (of_app, of_settings): (Vec<_>, Vec<_>) =
        at_start.iter().partition(|problem| is_of_app(problem));
    let of_settings: Vec<_> = found.iter().chain(of_settings).collect();
    vec![
        settings(gathered, &of_settings),
        the_app(app, host, &of_app),
    ]
}

fn is_of_app(problem: &Problem) -> bool {
    ["app", "host.json"].contains(&problem.name())
}

fn settings(gathered: &Gathered, problems: &[&Problem]) -> Check {
    let count = |origin| gathered.count(origin);
    let sources = json!({
        "environment": count(Origin::Environment),
        "localSettings": count(Origin::LocalSettings),
        "devhost": count(Origin::Devhost),
    });
    let told: Vec<Value> = problems
        .iter()
        .map(|problem| json!({"name": problem.name(), "text": problem.text()}))
        .collect();
    let check = if problems.is_empty() {
        Check::ok(
            "settings",
            format!(
                "as the start reads them: {} from the environment, {} from {LOCAL_SETTINGS}, {} \
                 from devhost",
                count(Origin::Environment),
                count(Origin::LocalSettings),
                count(Origin::Devhost)
            ),
        )
    } else {
        wrong_settings(gathered, problems)
    };
    check.with("problems", told).with("sources", sources)
}

fn wrong_settings(gathered: &Gathered, problems: &[&Problem]) -> Check {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let check = if gathered.is_bare() {
        let intro = "nothing is configured, and devhost is not running:";
        Check::problem("settings", "nothing-configured", listed(intro, &lines))
            .next("cargo fn dev  (in a second terminal), or set the names in docs/settings.md")
    } else {
        Check::problem("settings", "wrong", listed("the start would stop:", &lines))
            .next("mend them where they are set; docs/settings.md says what each may hold")
    };
    check.ending(Ends::SettingsWrong)
}

fn the_app(app: &dyn Subject, host: &Result<HostFile, Failed>, at_start: &[&Problem]) -> Check {
    let mut lines = match host {
        Ok(host) => host.problems().to_vec(),
        Err(failed) => vec![failed.what().to_owned()],
    };
    for problem in at_start {
        let line = match problem.name() {
            "app" => problem.text().to_owned(),
            _ => problem.to_string(),
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        let count = app.entries().len();
        let functions = if count == 1 { "function" } else { "functions" };
        let mode = app.mode().name();
        return Check::ok("app", format!("{count} {functions}, HTTP by {mode}"));
    }
    let next = match host {
        Ok(_) => "mend that, then cargo fn manifest",
        Err(failed) => failed.next(),
    };
    Check::problem("app", "wrong", listed("the start would stop:", &lines))
        .next(next)
        .with("problems", lines)
}
