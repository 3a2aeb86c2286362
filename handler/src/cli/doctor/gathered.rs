//! The settings that the app would start with, and where each comes from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::run::{APP_ROOT, PORT};
use crate::settings::{Process, Source};

use super::super::exec::become_program;
use super::super::failed::Failed;

/// Settings by name: the environment's first, then those of local.settings.json, then what a running
/// devhost gives its handler.
#[derive(Debug)]
pub(super) struct Gathered {
    values: BTreeMap<String, (String, Origin)>,
    pub(super) devhost_runs: bool,
}

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Environment,
    LocalSettings,
    Devhost,
    /// The Functions host sets it at each start, so it is made up here.
    Host,
}

/// What local.settings.json says, or why it says nothing.
#[derive(Debug, Default)]
pub(super) struct LocalSettings {
    pub(super) values: BTreeMap<String, String>,
    pub(super) problem: Option<&'static str>,
}

impl LocalSettings {
    /// Reads the file, which may be absent.
    pub(super) fn read(path: &Path) -> Self {
        match std::fs::read(path) {
            Ok(text) => Self::of(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(_) => Self::wrong("cannot be read"),
        }
    }

    fn of(text: &[u8]) -> Self {
        let Ok(file) = serde_json::from_slice::<Value>(text) else {
            return Self::wrong("is not JSON, so nothing of it is read");
        };
        if file["IsEncrypted"] == true {
            return Self::wrong("is encrypted; run `func settings decrypt` beside it");
        }
        let values = file["Values"].as_object().into_iter().flatten();
        Self {
            values: values
                .map(|(name, value)| (name.clone(), text_of(value)))
                .collect(),
            problem: None,
        }
    }

    fn wrong(problem: &'static str) -> Self {
        Self {
            problem: Some(problem),
            ..Self::default()
        }
    }
}

/// A value as it reaches the environment: Core Tools prints it as .NET does.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

impl Gathered {
    /// Puts the sources together; `root` is the folder of host.json.
    pub(super) fn new(
        environment: &dyn Source,
        local: &LocalSettings,
        devhost: Option<&BTreeMap<String, String>>,
        root: &Path,
    ) -> Self {
        let named = environment.names().into_iter();
        let values = named.filter_map(|name| {
            let value = environment.get(&name)?;
            Some((name, (value, Origin::Environment)))
        });
        let mut gathered = Self {
            values: values.collect(),
            devhost_runs: devhost.is_some(),
        };
        for (name, value) in &local.values {
            gathered.fill(name, value, Origin::LocalSettings);
        }
        gathered.fill_from_devhost(devhost.into_iter().flatten());
        gathered.fill(PORT, "7071", Origin::Host);
        gathered.fill(APP_ROOT, &root.to_string_lossy(), Origin::Host);
        gathered
    }

    /// What belongs together is taken together: half of another's identity or vault would be worse
    /// than none.
    fn fill_from_devhost<'a>(&mut self, given: impl Iterator<Item = (&'a String, &'a String)>) {
        let has_identity = IDENTITY.iter().any(|name| self.values.contains_key(*name));
        let has_vault = self.values.contains_key(VAULT);
        for (name, value) in given {
            match name.as_str() {
                // They hold what was trusted before, too.
                ROOTS if !has_vault => {
                    self.values
                        .insert(name.clone(), (value.clone(), Origin::Devhost));
                }
                ROOTS => {}
                name if IDENTITY.contains(&name) && has_identity => {}
                name if OF_VAULT.contains(&name) && has_vault => {}
                name => self.fill(name, value, Origin::Devhost),
            }
        }
    }

    fn fill(&mut self, name: &str, value: &str, origin: Origin) {
        self.values
            .entry(name.to_owned())
            .or_insert_with(|| (value.to_owned(), origin));
    }

    /// How many names come from there; of the environment only those that are ours.
    pub(super) fn count(&self, origin: Origin) -> usize {
        let counts = |(name, (_, from)): (&String, &(String, Origin))| {
            *from == origin && (origin != Origin::Environment || name.starts_with("STOCKADE__"))
        };
        self.values.iter().filter(|entry| counts(*entry)).count()
    }

    /// Whether nobody has configured anything.
    pub(super) fn is_bare(&self) -> bool {
        !self.devhost_runs
            && !self
                .values
                .keys()
                .any(|name| name.starts_with("STOCKADE__"))
    }

    /// Whether a value is what devhost gives its handler.
    pub(super) fn is_given_by(
        &self,
        devhost: Option<&BTreeMap<String, String>>,
        name: &str,
    ) -> bool {
        let given = devhost.and_then(|given| given.get(name));
        given.is_some() && given == self.get(name).as_ref()
    }

    /// The variables that the Azure client and TLS read from the process itself, where the process has
    /// something else.
    fn beyond(&self, process: &dyn Source) -> Vec<(&'static str, String)> {
        let names = [IDENTITY_ENDPOINT, IDENTITY_HEADER, ROOTS].into_iter();
        let values = names.filter_map(|name| Some((name, self.get(name)?)));
        values
            .filter(|(name, value)| process.get(name).as_ref() != Some(value))
            .collect()
    }

    /// Sees to it that this process has these variables, by another in its place if it has not.
    ///
    /// # Errors
    ///
    /// The program cannot be run again.
    pub(super) fn settle_in(&self) -> Result<(), Failed> {
        let missing = self.beyond(&Process);
        if missing.is_empty() {
            return Ok(());
        }
        let program = std::env::current_exe().map_err(|error| {
            Failed::work(
                format!("This program does not find itself: {error}."),
                "cargo fn doctor",
            )
        })?;
        let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
        let mut command = Command::new(program);
        command.args(arguments).envs(missing);
        become_program(command)
    }
}

impl Source for Gathered {
    fn get(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|(value, _)| value.clone())
    }

    fn names(&self) -> Vec<String> {
        self.values.keys().cloned().collect()
    }
}

pub(super) const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";
const IDENTITY_HEADER: &str = "IDENTITY_HEADER";
const IDENTITY: [&str; 2] = [IDENTITY_ENDPOINT, IDENTITY_HEADER];
pub(super) const VAULT: &str = "STOCKADE__SECRETS__VAULT_URI";
const OF_VAULT: [&str; 2] = [VAULT, "STOCKADE__SECRETS__INSECURE_VAULT"];
/// The roots that TLS trusts (OpenSSL, and rustls-native-certs after it).
const ROOTS: &str = "SSL_CERT_FILE";

#[cfg(test)]
mod tests {
    use super::*;

    type Map = BTreeMap<String, String>;

    fn map<const N: usize>(entries: [(&str, &str); N]) -> Map {
        entries
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    fn given() -> Map {
        map([
            (IDENTITY_ENDPOINT, "http://127.0.0.1:1/msi/token"),
            (IDENTITY_HEADER, "header"),
            (ROOTS, "/roots.pem"),
            (VAULT, "https://devhost.vault.localhost:1"),
            ("STOCKADE__SECRETS__INSECURE_VAULT", "true"),
            ("STOCKADE__AUTH__TENANTS", "devhost's"),
        ])
    }

    fn gather(environment: &Map, local: &Map, devhost: Option<&Map>) -> Gathered {
        let local = LocalSettings {
            values: local.clone(),
            problem: None,
        };
        Gathered::new(environment, &local, devhost, Path::new("/app"))
    }

    #[test]
    fn the_environment_comes_before_the_file_and_the_file_before_devhost() {
        let environment = map([("STOCKADE__A", "environment"), ("HOME", "/")]);
        let local = map([("STOCKADE__A", "file"), ("STOCKADE__AUTH__TENANTS", "file")]);

        let found = gather(&environment, &local, Some(&given()));

        assert_eq!(found.get("STOCKADE__A").as_deref(), Some("environment"));
        assert_eq!(
            found.get("STOCKADE__AUTH__TENANTS").as_deref(),
            Some("file")
        );
        assert_eq!(found.get(VAULT), given().remove(VAULT));
        assert_eq!(found.get(APP_ROOT).as_deref(), Some("/app"));
        let counts = [Origin::Environment, Origin::LocalSettings, Origin::Devhost];
        assert_eq!(counts.map(|origin| found.count(origin)), [1, 1, 5]);
    }

    #[test]
    fn neither_half_of_an_identity_nor_half_of_a_vault_is_mixed_with_devhosts() {
        let environment = map([
            (IDENTITY_ENDPOINT, "http://169.254.1.1/"),
            (VAULT, "https://orders.vault.azure.net"),
            (ROOTS, "/own.pem"),
        ]);

        let found = gather(&environment, &Map::new(), Some(&given()));

        assert_eq!(found.get(IDENTITY_HEADER), None);
        assert_eq!(found.get("STOCKADE__SECRETS__INSECURE_VAULT"), None);
        assert_eq!(found.get(ROOTS).as_deref(), Some("/own.pem"));
        assert!(!found.is_given_by(Some(&given()), IDENTITY_ENDPOINT));
    }

    #[test]
    fn devhosts_vault_comes_with_the_roots_that_vouch_for_it() {
        let environment = map([(ROOTS, "/own.pem")]);

        let found = gather(&environment, &Map::new(), Some(&given()));

        assert_eq!(found.get(ROOTS).as_deref(), Some("/roots.pem"));
        let names: Vec<_> = found.beyond(&environment).into_iter().collect();
        assert_eq!(
            names.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            [IDENTITY_ENDPOINT, IDENTITY_HEADER, ROOTS]
        );
        assert_eq!(found.beyond(&given()), [], "it runs itself again once");
    }

    #[test]
    fn nothing_is_configured_where_no_name_is_ours_and_no_devhost_runs() {
        let nobodys = map([("HOME", "/")]);
        let ours = map([("STOCKADE__A", "1")]);

        assert!(gather(&nobodys, &Map::new(), None).is_bare());
        assert!(!gather(&ours, &Map::new(), None).is_bare());
        assert!(!gather(&nobodys, &ours, None).is_bare());
        assert!(!gather(&nobodys, &Map::new(), Some(&given())).is_bare());
    }

    #[test]
    fn values_of_the_file_are_texts_or_are_written_as_texts() {
        let file = br#"{"Values":{"A":"text","B":true,"C":7,"D":null}}"#;

        let found = LocalSettings::of(file);

        assert_eq!(
            found.values,
            map([("A", "text"), ("B", "True"), ("C", "7"), ("D", "")])
        );
        assert_eq!(found.problem, None);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_told() {
        for (file, told) in [
            ("{", "is not JSON"),
            (r#"{"IsEncrypted":true,"Values":{"A":"x"}}"#, "is encrypted"),
        ] {
            let found = LocalSettings::of(file.as_bytes());

            assert!(
                found.problem.is_some_and(|why| why.starts_with(told)),
                "{file}"
            );
            assert!(found.values.is_empty(), "{file}");
        }
        let absent = LocalSettings::read(Path::new("/nowhere/at/all"));
        assert_eq!(absent.problem, None);
    }
}
