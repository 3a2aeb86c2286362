//! Reads the app's settings and collects everything that is wrong with them.
//!
//! Settings come through a [`Source`], so that tests pass a map and never touch the process. Each
//! part of the app reads its own with a `read(source, problems)`; the start stops once, with every
//! problem told. A misspelt security setting must not pass in silence, hence [`unknown_names`], and
//! nothing that weakens a check is believed without [`insecure_allowed`].

mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use reqwest::Url;

pub use table::{Setting, TABLE};

/// Where settings come from.
pub trait Source {
    /// The value of a setting, if it is set.
    fn get(&self, name: &str) -> Option<String>;

    /// The names of all settings.
    fn names(&self) -> Vec<String>;
}

/// The environment of this process, and the only place that reads it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Environment;

impl Source for Environment {
    fn get(&self, name: &str) -> Option<String> {
        // Bytes that are no text are replaced, not passed over: a setting that is there must not
        // look as if it were not.
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os()
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .collect()
    }
}

impl Source for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// Everything that is wrong with the settings.
///
/// A problem names the setting and says what was expected. Values are left out: they may be secret.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
}

/// One thing that is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    name: String,
    text: String,
}

impl Problems {
    /// Nothing wrong so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The problems in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter()
    }

    /// Records a problem in words that are fixed, so that no value can slip into them.
    pub fn push(&mut self, name: &str, text: &'static str) {
        self.record(name, text.to_owned());
    }

    /// The text of a setting. One that is set to nothing is a problem: somebody meant to set it.
    pub fn text(&mut self, source: &dyn Source, name: &str) -> Option<String> {
        let value = source.get(name)?.trim().to_owned();
        if value.is_empty() {
            self.push(name, "is set but empty; give it a value or remove it");
            return None;
        }
        Some(value)
    }

    /// The value of a setting as a `T`.
    pub fn parse<T: FromStr>(&mut self, source: &dyn Source, name: &str) -> Option<T> {
        let parsed = self.text(source, name)?.parse().ok();
        if parsed.is_none() {
            let unit = table::find(name).map_or("another kind of value", |setting| setting.unit);
            self.record(name, format!("cannot be read; expected: {unit}"));
        }
        parsed
    }

    /// A whole number that has to lie within `allowed`.
    pub fn number(
        &mut self,
        source: &dyn Source,
        name: &str,
        allowed: RangeInclusive<u64>,
    ) -> Option<u64> {
        let number = self.parse(source, name)?;
        if allowed.contains(&number) {
            return Some(number);
        }
        let (least, most) = allowed.into_inner();
        self.record(name, format!("has to lie between {least} and {most}"));
        None
    }

    /// The items of a comma-separated setting, without the spaces around them.
    pub fn list(&mut self, source: &dyn Source, name: &str) -> Option<Vec<String>> {
        let text = self.text(source, name)?;
        let items: Vec<_> = text.split(',').map(|item| item.trim().to_owned()).collect();
        if items.iter().any(String::is_empty) {
            self.push(name, "has an empty item between its commas");
            return None;
        }
        Some(items)
    }

    /// Records a problem in words that hold no setting's value.
    pub(crate) fn describe(&mut self, name: &str, text: String) {
        self.record(name, text);
    }

    fn record(&mut self, name: &str, text: String) {
        self.found.push(Problem {
            name: name.to_owned(),
            text,
        });
    }
}

impl Problem {
    /// The setting that is wrong.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is wrong with it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An unknown name is outside input, and it ends up on a terminal.
        write!(f, "{}: {}", self.name.escape_debug(), self.text)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.found {
            writeln!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Reports each name with our prefix that is not in `known`, with the name that was probably meant.
///
/// The prefix is recognised in any case, since a misspelt name is what this looks for.
pub fn unknown_names(source: &dyn Source, known: &[Setting], problems: &mut Problems) {
    for name in source.names() {
        let ours = name
            .get(..PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
        if !ours || known.iter().any(|setting| setting.name == name) {
            continue;
        }
        let text = match table::nearest(&name, known) {
            Some(meant) => format!("is not a setting; did you mean {meant}?"),
            None => "is not a setting".to_owned(),
        };
        problems.record(&name, text);
    }
}

/// Whether a setting that weakens a check may be believed: only on a developer's machine, and only
/// for an address on that machine.
///
/// # Errors
///
/// What stands against it, in words for [`Problems::push`].
pub fn insecure_allowed(source: &dyn Source, url: &Url) -> Result<(), &'static str> {
    development(source)?;
    if !is_loopback(url) {
        return Err("has to name an address on this machine");
    }
    Ok(())
}

/// Whether this is a developer's machine.
///
/// # Errors
///
/// What stands against it, in words for [`Problems::push`].
pub(crate) fn development(source: &dyn Source) -> Result<(), &'static str> {
    let environment = source.get("AZURE_FUNCTIONS_ENVIRONMENT");
    if environment.as_deref() != Some("Development") {
        return Err("is accepted only when AZURE_FUNCTIONS_ENVIRONMENT is Development");
    }
    if DEPLOYED.iter().any(|name| source.get(name).is_some()) {
        return Err("is refused in Azure and in Kubernetes, whatever the environment is called");
    }
    Ok(())
}

/// Whether the host of an address is this machine: 127.0.0.0/8, `[::1]`, `localhost` or a name
/// below it (RFC 6761 §6.3).
///
/// The address has been parsed by the client's own parser, so both mean the same host.
pub fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    if host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

/// How every setting of ours begins.
const PREFIX: &str = "STOCKADE__";

/// What the platforms set in each process they start: App Service, its consumption plans (which have
/// no instance id; host 4.1037, EnvironmentExtensions.IsFlexConsumptionSku), Container Apps and
/// Kubernetes. `CONTAINER_NAME`, which some plans set, too, is left out: so do dev containers.
const DEPLOYED: [&str; 4] = [
    "WEBSITE_INSTANCE_ID",
    "WEBSITE_SKU",
    "CONTAINER_APP_NAME",
    "KUBERNETES_SERVICE_HOST",
];

#[cfg(test)]
mod tests;
