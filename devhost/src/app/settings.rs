//! Application settings: the environment, and what `local.settings.json` adds to it.

use super::read_json;
use crate::newtonsoft::Token;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Names and values, as the handler will find them in its environment.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    values: BTreeMap<String, String>,
    /// The names that devhost itself has set.
    given: BTreeSet<String>,
    /// `%NAME%` that had no value, and what stands for it.
    assumed: Mutex<BTreeSet<(String, String)>>,
}

impl Settings {
    pub(crate) fn new(values: BTreeMap<String, String>) -> Self {
        Self {
            values,
            given: BTreeSet::new(),
            assumed: Mutex::default(),
        }
    }

    /// The environment first: `local.settings.json` fills in what is not set (as Core Tools does).
    pub(crate) fn read(
        root: &Path,
        environment: BTreeMap<String, String>,
        problems: &mut Vec<String>,
    ) -> Self {
        let mut values = environment;
        let file = root.join("local.settings.json");
        if file.is_file() {
            match read_json(&file) {
                Ok(json) => {
                    if json.property("IsEncrypted") == Some(&Token::Bool(true)) {
                        problems.push("local.settings.json is encrypted; run `func settings decrypt` in the app folder".into());
                    }
                    if let Some(Token::Object(members)) = json.property("Values") {
                        for (name, value) in members {
                            values
                                .entry(name.clone())
                                .or_insert_with(|| value.to_dotnet_string());
                        }
                    }
                }
                Err(problem) => problems.push(problem),
            }
        }
        Self::new(values)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Sets what the app has not set itself.
    pub(crate) fn set_default(&mut self, name: &str, value: impl Into<String>) {
        if !self.values.contains_key(name) {
            self.set(name, value);
        }
    }

    /// Sets what has to be so, whatever the app has set.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
        self.given.insert(name.to_owned());
    }

    /// What devhost itself has set, so that the handler finds the stand-ins.
    pub(crate) fn given(&self) -> BTreeMap<String, String> {
        let given = self.given.iter();
        given
            .filter_map(|name| Some((name.clone(), self.get(name)?.to_owned())))
            .collect()
    }

    /// Puts values in place of `%NAME%`. A name without a value stands for itself, in lower case
    /// and with hyphens, so that an app runs before anything is configured.
    pub(crate) fn expand(&self, text: &str) -> String {
        replace_names(text, |name| {
            self.get(name).map_or_else(
                || {
                    let stand_in = name.to_lowercase().replace('_', "-");
                    let mut assumed = self.assumed.lock().unwrap_or_else(PoisonError::into_inner);
                    assumed.insert((name.to_owned(), stand_in.clone()));
                    stand_in
                },
                str::to_owned,
            )
        })
    }

    /// Puts values in place of `%NAME%` and nothing where there is none, as the host does in the
    /// handler's command line (host 4.1037, `DefaultWorkerProcessFactory`).
    pub(crate) fn expand_or_empty(&self, text: &str) -> String {
        replace_names(text, |name| self.get(name).unwrap_or_default().to_owned())
    }

    /// What [`Settings::expand`] had to assume so far.
    pub(crate) fn assumed(&self) -> Vec<(String, String)> {
        self.assumed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}

fn replace_names(text: &str, value: impl Fn(&str) -> String) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        expanded.push_str(before);
        match after.split_once('%') {
            Some((name, tail)) if is_name(name) => {
                expanded.push_str(&value(name));
                rest = tail;
            }
            _ => {
                expanded.push('%');
                rest = after;
            }
        }
    }
    expanded + rest
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
}
