//! What the app looks like from outside: function.json for each function, host.json, and the
//! inventory that a reviewer reads.

use std::collections::BTreeSet;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::access;
use crate::function::Entry;
use crate::on::{Retry, TriggerKind};
use crate::secrets::{Declaration, Need};
use crate::wire::Mode;

/// One binding of function.json, its members in the order in which the docs of Azure show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    kind: &'static str,
    direction: &'static str,
    name: String,
    properties: Vec<(&'static str, Value)>,
}

impl Binding {
    pub(crate) fn new(kind: &'static str, direction: &'static str, name: &str) -> Self {
        Self {
            kind,
            direction,
            name: name.to_owned(),
            properties: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.properties.push((name, value.into()));
        self
    }

    pub(crate) fn named(mut self, name: String) -> Self {
        self.name = name;
        self
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn property(&self, name: &str) -> Option<&Value> {
        self.properties
            .iter()
            .find_map(|(known, value)| (*known == name).then_some(value))
    }

    /// `dataType: "binary"`: an input that arrives as bytes.
    pub(crate) fn is_binary(&self) -> bool {
        self.property("dataType").and_then(Value::as_str) == Some("binary")
    }

    /// Where an output goes, if two of them must not be the same.
    pub(crate) fn destination(&self) -> Option<&str> {
        self.property("queueName").and_then(Value::as_str)
    }

    /// The settings that the binding needs: the connection, and each `%NAME%`.
    fn settings(&self, into: &mut BTreeSet<String>) {
        for (name, value) in &self.properties {
            let Some(text) = value.as_str() else { continue };
            if *name == "connection" {
                into.insert(text.to_owned());
            } else {
                into.extend(text.split('%').skip(1).step_by(2).map(str::to_owned));
            }
        }
    }
}

impl Serialize for Binding {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut map = serializer.serialize_map(Some(3 + self.properties.len()))?;
        map.serialize_entry("type", self.kind)?;
        map.serialize_entry("direction", self.direction)?;
        map.serialize_entry("name", &self.name)?;
        for (name, value) in &self.properties {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The inventory of an app.
#[derive(Debug, Serialize)]
pub struct Manifest {
    app: &'static str,
    /// How HTTP requests reach functions that answer and write nothing else.
    http: &'static str,
    /// The secrets that the app's identity has to be allowed to read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<DescribedSecret>,
    functions: Vec<Described>,
}

/// One secret of the inventory.
#[derive(Debug, Serialize)]
pub struct DescribedSecret {
    pub(crate) name: &'static str,
    /// The one version that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    pub(crate) required: bool,
}

impl DescribedSecret {
    fn of(declaration: &Declaration) -> Self {
        let version = declaration
            .version
            .map(|version| version.as_str().to_owned());
        Self {
            name: declaration.name.as_str(),
            version,
            required: declaration.need == Need::Required,
        }
    }

    /// Its name in the vault.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// One function of the inventory.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    pub(crate) name: &'static str,
    pub(crate) trigger: TriggerKind,
    pub(crate) access: access::Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) methods: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    pub(crate) outputs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quarantine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validates_itself: Option<&'static str>,
    pub(crate) settings: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) secrets: BTreeSet<&'static str>,
    #[serde(rename = "function.json")]
    pub(crate) function_json: FunctionJson,
}

/// function.json of one function.
#[derive(Debug, Serialize)]
pub struct FunctionJson {
    bindings: Vec<Binding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<Retry>,
}

impl Manifest {
    pub(crate) fn of<'a>(
        app: &'static str,
        mode: Mode,
        secrets: &[Declaration],
        functions: impl IntoIterator<Item = &'a Entry>,
    ) -> Self {
        Self {
            app,
            http: mode.name(),
            secrets: described(secrets),
            functions: functions.into_iter().map(Described::of).collect(),
        }
    }

    /// The secrets, by name.
    pub fn secrets(&self) -> &[DescribedSecret] {
        &self.secrets
    }

    /// The functions, in the order in which the app registers them.
    pub fn functions(&self) -> &[Described] {
        &self.functions
    }
}

/// The secrets by name and version; one that is read in two ways is still one secret.
fn described(secrets: &[Declaration]) -> Vec<DescribedSecret> {
    let mut all: Vec<_> = secrets.iter().map(DescribedSecret::of).collect();
    all.sort_by_key(|one| (one.name, one.version.clone(), !one.required));
    all.dedup_by(|one, kept| one.name == kept.name && one.version == kept.version);
    all
}

impl Described {
    fn of(entry: &Entry) -> Self {
        let function_json = FunctionJson::of(entry);
        let mut settings = BTreeSet::new();
        for binding in &function_json.bindings {
            binding.settings(&mut settings);
        }
        let route = entry.trigger.route.as_ref();
        Self {
            name: entry.name,
            trigger: entry.trigger.kind,
            access: (&entry.trigger.gate).into(),
            methods: route.map(|route| {
                let methods = route.methods.iter();
                methods.map(|method| method.as_str().to_owned()).collect()
            }),
            route: route.map(|route| route.template.as_str().to_owned()),
            source: ["queueName", "schedule"]
                .into_iter()
                .find_map(|name| entry.trigger.binding.property(name)?.as_str())
                .map(str::to_owned),
            outputs: entry
                .plan
                .bindings
                .iter()
                .map(|binding| {
                    let to = binding.destination().unwrap_or_default();
                    format!("{} {to}", binding.kind())
                })
                .collect(),
            quarantine: entry
                .trigger
                .quarantine
                .and_then(|sink| sink.binding().destination().map(str::to_owned)),
            validates_itself: entry.trigger.validates_itself,
            settings,
            secrets: entry
                .inputs
                .secrets
                .iter()
                .map(|declaration| declaration.name.as_str())
                .collect(),
            function_json,
        }
    }

    /// The function's name, which is also its folder.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What starts it.
    pub fn trigger(&self) -> TriggerKind {
        self.trigger
    }

    /// The file that the host reads.
    pub fn function_json(&self) -> &FunctionJson {
        &self.function_json
    }
}

impl FunctionJson {
    fn of(entry: &Entry) -> Self {
        let mut bindings = vec![entry.trigger.binding.clone()];
        if entry.trigger.kind == TriggerKind::Http {
            bindings.push(Binding::new("http", "out", "res"));
        }
        bindings.extend(entry.plan.bindings.iter().cloned());
        bindings.extend(entry.trigger.quarantine.map(crate::output::Sink::binding));
        Self {
            bindings,
            retry: entry.trigger.retry,
        }
    }
}

/// host.json for the package: the app's own, with the flags of the HTTP mode set.
///
/// Both flags are set for proxying, so that hosts which do not know it forward.
pub(crate) fn host_json(root: &Value, mode: Mode) -> Value {
    let mut host = root.clone();
    if !host["customHandler"].is_object() {
        host["customHandler"] = json!({});
    }
    host["customHandler"]["enableForwardingHttpRequest"] = (mode != Mode::Envelope).into();
    host["customHandler"]["enableProxyingHttpRequest"] = (mode == Mode::Proxying).into();
    host
}

/// host.json of an app that is run without a folder: the mode it asks for, all else by default.
pub(crate) fn own_host_json(mode: Mode) -> String {
    host_json(&json!({}), mode).to_string()
}

/// A name that the host expands may hold `%SETTING%` and nothing else that varies: what stands in
/// braces would be the payload's to choose (host 4.1037, Utility.ApplyBindingData).
pub(crate) fn setting_problem(what: &str, name: &str, problems: &mut Vec<String>) {
    if name.contains(['{', '}']) {
        problems.push(format!(
            "{what} is named `{name}`, and what stands in braces is the payload's to choose"
        ));
    }
    if name.is_empty() || name.matches('%').count() % 2 == 1 {
        problems.push(format!("{what} is named `{name}`, which is no name"));
    }
}
