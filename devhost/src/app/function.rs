//! The functions of the app: one folder with a function.json each, or the routes of host.json.

use super::retry::takes_retries;
use super::{Binding, Config, Direction, Retry, Settings, read_json};
use crate::front::Template;
use crate::newtonsoft::Token;
use crate::outputs::{self, Collector};
use std::path::Path;

/// One function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) http: Option<HttpTrigger>,
    pub(crate) retry: Option<Retry>,
}

/// What function.json says of an HTTP trigger.
#[derive(Debug)]
pub(crate) struct HttpTrigger {
    pub(crate) auth: AuthLevel,
    /// `None` takes every method.
    pub(crate) methods: Option<Vec<String>>,
    pub(crate) route: Template,
}

/// Which key a caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthLevel {
    Anonymous,
    Function,
    Admin,
}

impl Function {
    pub(crate) fn trigger(&self) -> &Binding {
        self.bindings
            .iter()
            .find(|binding| binding.is_trigger())
            .expect("a function without a trigger is a problem, and problems end the start")
    }

    pub(crate) fn outputs(&self) -> impl Iterator<Item = &Binding> {
        self.bindings
            .iter()
            .filter(|binding| binding.direction == Direction::Out)
    }

    /// The outputs as the rules for values see them.
    pub(crate) fn output_bindings(&self) -> Vec<outputs::Binding> {
        self.outputs()
            .map(|binding| outputs::Binding {
                name: binding.name.clone(),
                collector: Collector::of(&binding.kind),
                data_type: binding.data_type(),
            })
            .collect()
    }

    pub(crate) fn is_http_in_and_out(&self) -> bool {
        let inputs = self
            .bindings
            .iter()
            .filter(|binding| binding.direction == Direction::In);
        let kinds = (
            inputs.collect::<Vec<_>>(),
            self.outputs().collect::<Vec<_>>(),
        );
        matches!(kinds, (ref inputs, ref outputs)
            if matches!(inputs.as_slice(), [one] if one.is_kind("httpTrigger"))
            && matches!(outputs.as_slice(), [one] if one.is_kind("http")))
    }

    fn read(
        name: &str,
        json: &Token,
        config: &Config,
        settings: &Settings,
        problems: &mut Vec<String>,
    ) -> Option<Self> {
        let at = format!("{name}/function.json");
        let prefix = config.text("extensions:http:routePrefix").unwrap_or("api");
        let Some(Token::Array(bindings)) = json.property("bindings") else {
            problems.push(format!("{at}: there is no \"bindings\" array"));
            return None;
        };
        let count = problems.len();
        let bindings: Vec<Binding> = bindings
            .iter()
            .filter_map(|one| Binding::read(one, &at, problems))
            .collect();
        let triggers: Vec<&Binding> = bindings.iter().filter(|one| one.is_trigger()).collect();
        match triggers.as_slice() {
            [trigger] if trigger.direction == Direction::Out => {
                problems.push(format!(
                    "{at}: the trigger {} has direction \"out\"",
                    trigger.name
                ));
            }
            [_] => {}
            [] => problems.push(format!(
                "{at}: no binding is a trigger; one type has to end in \"Trigger\""
            )),
            _ => problems.push(format!(
                "{at}: {} bindings are triggers; a function has one",
                triggers.len()
            )),
        }
        for (index, binding) in bindings.iter().enumerate() {
            if bindings[..index]
                .iter()
                .any(|other| other.name == binding.name)
            {
                problems.push(format!("{at}: two bindings are named {}", binding.name));
            }
        }
        let retry = triggers
            .first()
            .filter(|trigger| takes_retries(trigger))
            .and_then(|_| Retry::of(json, &at, config, problems));
        let http = triggers
            .first()
            .filter(|trigger| trigger.is_kind("httpTrigger"))
            .and_then(|trigger| HttpTrigger::read(trigger, name, prefix, settings, &at, problems));
        (problems.len() == count).then_some(Self {
            name: name.to_owned(),
            bindings,
            http,
            retry,
        })
    }
}

impl HttpTrigger {
    fn read(
        trigger: &Binding,
        function: &str,
        prefix: &str,
        settings: &Settings,
        at: &str,
        problems: &mut Vec<String>,
    ) -> Option<Self> {
        let level = trigger.raw("authLevel").unwrap_or("function");
        let Some(auth) = AuthLevel::parse(level) else {
            problems.push(format!(
                "{at}: authLevel is {level:?}; the host knows anonymous, function and admin"
            ));
            return None;
        };
        let methods = match trigger.properties.property("methods") {
            Some(Token::Array(methods)) if !methods.is_empty() => Some(
                methods
                    .iter()
                    .filter_map(Token::as_str)
                    .map(str::to_uppercase)
                    .collect(),
            ),
            _ => None,
        };
        let route = trigger
            .text("route", settings)
            .filter(|route| !route.is_empty());
        let route = route.unwrap_or_else(|| function.to_owned());
        let whole = if prefix.is_empty() {
            route
        } else {
            format!("{prefix}/{route}")
        };
        match Template::parse(&whole) {
            Ok(route) => Some(Self {
                auth,
                methods,
                route,
            }),
            Err(error) => {
                problems.push(format!("{at}: the route {whole:?} cannot be used: {error}"));
                None
            }
        }
    }
}

impl AuthLevel {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.to_lowercase().as_str() {
            "anonymous" => Some(Self::Anonymous),
            "function" => Some(Self::Function),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// Every function of the app, in the order of their names.
pub(crate) fn read_all(
    root: &Path,
    config: &Config,
    settings: &Settings,
    problems: &mut Vec<String>,
) -> Vec<Function> {
    let mut functions = read_folders(root, config, settings, problems);
    let routes = read_routes(config, settings, problems);
    if !routes.is_empty() && !functions.is_empty() {
        problems.push(format!(
            "host.json has customHandler.http.routes, and {}/function.json is there too; the host takes one or the other",
            functions[0].name
        ));
    }
    functions.extend(routes);
    functions
}

fn read_folders(
    root: &Path,
    config: &Config,
    settings: &Settings,
    problems: &mut Vec<String>,
) -> Vec<Function> {
    let mut names: Vec<String> = match std::fs::read_dir(root) {
        Ok(entries) => entries
            .flatten()
            .filter(|entry| entry.path().join("function.json").is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect(),
        Err(error) => {
            problems.push(format!("{}: {error}", root.display()));
            return Vec::new();
        }
    };
    names.sort();
    let mut functions = Vec::new();
    for name in names {
        if settings.is_true(&format!("AzureWebJobs.{name}.Disabled")) {
            continue;
        }
        match read_json(&root.join(&name).join("function.json")) {
            Ok(json) if json.property("disabled") == Some(&Token::Bool(true)) => {}
            Ok(json) => functions.extend(Function::read(&name, &json, config, settings, problems)),
            Err(problem) => problems.push(problem),
        }
    }
    functions
}

/// `customHandler.http.routes`: functions `http-handler1`, `http-handler2`, …
/// (host, `HttpWorkerFunctionProvider`).
fn read_routes(config: &Config, settings: &Settings, problems: &mut Vec<String>) -> Vec<Function> {
    let at = |index: usize, name: &str| {
        config.text(&format!("customHandler:http:routes:{index}:{name}"))
    };
    let level = config
        .text("customHandler:http:defaultAuthorizationLevel")
        .unwrap_or("function");
    (0..)
        .map_while(|index| at(index, "route").map(|route| (index, route)))
        .filter_map(|(index, route)| {
            let level = at(index, "authorizationLevel").unwrap_or(level);
            let binding = |kind: &str, direction: &str, name: &str| {
                Token::object([
                    ("type", Token::text(kind)),
                    ("direction", Token::text(direction)),
                    ("name", Token::text(name)),
                    ("route", Token::text(route)),
                    ("authLevel", Token::text(level)),
                ])
            };
            let bindings = vec![
                binding("httpTrigger", "in", "req"),
                binding("http", "out", "res"),
            ];
            let json = Token::object([("bindings", Token::Array(bindings))]);
            Function::read(
                &format!("http-handler{}", index + 1),
                &json,
                config,
                settings,
                problems,
            )
        })
        .collect()
}
