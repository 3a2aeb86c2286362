//! Reads the app's settings and collects everything that is wrong with them.
//!
//! Settings come through a [`Source`], so that tests pass a map and never touch the process. Each
//! part of the app reads its own with a `read(source, problems)`; the start stops once, with every
//! problem told. A misspelt security setting must not pass in silence, hence [`unknown_names`], and
//! nothing that weakens a check is believed without [`insecure_allowed`].

mod reference;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use reqwest::Url;

use crate::failure::Error;
use crate::secrets::{Declaration, Declared, Secret, SecretWatch, Secrets};

#[cfg(any(test, feature = "cli"))]
pub(crate) use table::STANDARD;
pub use table::{Setting, TABLE};

/// Where settings come from.
pub trait Source {
    /// The value of a setting, if it is set.
    fn get(&self, name: &str) -> Option<String>;

    /// The names of all settings.
    fn names(&self) -> Vec<String>;
}

/// What the state of an app is built from: the settings of this process, and the app's secrets.
#[derive(Clone, Default)]
pub struct Environment {
    secrets: Secrets,
}

impl Environment {
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { secrets }
    }

    /// The value of a secret that counts now, declared by [`App::secret`](crate::App::secret) or by a
    /// handler's argument.
    ///
    /// It stays as it is when the secret is rotated. A state that has to follow asks for a
    /// [`watch`](Self::watch).
    ///
    /// # Errors
    ///
    /// The secret is not there, so building the state fails with it and is tried again as soon as the
    /// secret has come. Or the app does not declare it, and it never will.
    pub fn secret<K: Declared>(&self) -> Result<Secret<K>, Error> {
        self.declared::<K>()?;
        let secret = self.secrets.current();
        secret.ok_or_else(|| Error::retry(NoSecret::Missing(K::NAME)))
    }

    /// Follows a secret through its rotations, from what is there now.
    ///
    /// # Errors
    ///
    /// The app does not declare the secret.
    pub fn watch<K: Declared>(&self) -> Result<SecretWatch<K>, Error> {
        self.declared::<K>()?;
        Ok(self.secrets.watch())
    }

    fn declared<K: Declared>(&self) -> Result<(), Error> {
        if self.secrets.knows::<K>() {
            return Ok(());
        }
        Err(Error::fatal(NoSecret::Undeclared(K::NAME)))
    }
}

/// Why there is no secret to build the state with.
#[derive(Debug, thiserror::Error)]
enum NoSecret {
    #[error("the secret `{0}` is not there")]
    Missing(&'static str),
    #[error("the app does not declare the secret `{0}`; name it with `App::secret`")]
    Undeclared(&'static str),
}

impl Source for Environment {
    fn get(&self, name: &str) -> Option<String> {
        Process.get(name)
    }

    fn names(&self) -> Vec<String> {
        Process.names()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

/// The environment of this process, and the only place that reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process;

impl Source for Process {
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
        if !is_ours(&name) || known.iter().any(|setting| setting.name == name) {
            continue;
        }
        let text = match table::nearest(&name, known) {
            Some(meant) => format!("is not a setting; did you mean {meant}?"),
            None => "is not a setting".to_owned(),
        };
        problems.record(&name, text);
    }
}

/// Reports each setting that still holds the text of a Key Vault reference: the platform leaves it
/// there when it cannot read the secret (Microsoft Learn, "Use Key Vault references as app settings"),
/// and it would be taken for a value. Looked at are all names with our prefix, and `named`.
pub(crate) fn unresolved_references(
    source: &dyn Source,
    named: &BTreeSet<String>,
    declared: &[Declaration],
    problems: &mut Problems,
) {
    let ours = source.names().into_iter().filter(|name| is_ours(name));
    let names: BTreeSet<_> = ours.chain(named.iter().cloned()).collect();
    for name in names {
        let value = source.get(&name).unwrap_or_default();
        let Some(reference) = reference::in_value(&value) else {
            continue;
        };
        let typed = declared
            .iter()
            .map(|declaration| declaration.name.as_str())
            .find(|declared| reference.is_to(declared));
        let text = match typed {
            Some(secret) => format!(
                "holds a Key Vault reference to `{secret}`, which the app reads by itself: remove \
                 the reference and rely on the declared secret"
            ),
            None => {
                "holds a Key Vault reference that the platform has not resolved: let the app's \
                      identity read the secret, or mend the reference"
                    .to_owned()
            }
        };
        problems.record(&name, text);
    }
}

fn is_ours(name: &str) -> bool {
    name.get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
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
