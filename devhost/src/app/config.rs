//! `host.json` as .NET configuration: flat names that ignore case, and overrides from settings.

use super::span;
use crate::newtonsoft::Token;
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings of this prefix replace what host.json says, `__` standing for one level.
const OVERRIDE_PREFIX: &str = "azurefunctionsjobhost__";

/// Paths such as `customHandler:description:arguments:0` with their values.
#[derive(Debug, Default)]
pub(crate) struct Config(BTreeMap<String, String>);

impl Config {
    pub(crate) fn from_json(json: &Token) -> Self {
        let mut config = Self::default();
        config.flatten("", json);
        config
    }

    fn flatten(&mut self, path: &str, json: &Token) {
        let below = |name: &str| match path {
            "" => name.to_lowercase(),
            path => format!("{path}:{}", name.to_lowercase()),
        };
        match json {
            Token::Object(members) => {
                for (name, member) in members {
                    self.flatten(&below(name), member);
                }
            }
            Token::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.flatten(&below(&index.to_string()), item);
                }
            }
            Token::Null => {}
            scalar => {
                self.0.insert(path.to_owned(), scalar.to_dotnet_string());
            }
        }
    }

    /// Lets `AzureFunctionsJobHost__section__name` settings win over the file.
    pub(crate) fn apply_overrides<'a>(
        &mut self,
        settings: impl Iterator<Item = (&'a str, &'a str)>,
    ) {
        for (name, value) in settings {
            if let Some(path) = name.to_lowercase().strip_prefix(OVERRIDE_PREFIX) {
                self.0.insert(path.replace("__", ":"), value.to_owned());
            }
        }
    }

    /// Fills in what a configuration profile presets (host, `HostConfigurationProfile`).
    pub(crate) fn apply_profile(&mut self, problems: &mut Vec<String>) {
        match self.text("configurationProfile").unwrap_or_default() {
            "" | "default" => {}
            "mcp-custom-handler" | "web-app-custom-handler" => {
                for (path, value) in [
                    ("customhandler:enableproxyinghttprequest", "true"),
                    ("extensions:http:routeprefix", ""),
                    ("customhandler:http:routes:0:route", "{*route}"),
                ] {
                    self.0.entry(path.to_owned()).or_insert_with(|| value.to_owned());
                }
            }
            other => problems.push(format!(
                "host.json: configurationProfile is {other:?}; the host knows default, mcp-custom-handler and web-app-custom-handler"
            )),
        }
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.0.get(&path.to_lowercase()).map(String::as_str)
    }

    pub(crate) fn flag(&self, path: &str) -> bool {
        self.text(path)
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    pub(crate) fn span(&self, path: &str) -> Option<Duration> {
        span::parse(self.text(path)?)
    }

    /// The values `path:0`, `path:1`, … (or `path:0:member`), in order.
    pub(crate) fn list(&self, path: &str) -> Vec<&str> {
        (0..)
            .map_while(|index| self.text(&format!("{path}:{index}")))
            .collect()
    }

    pub(crate) fn has_section(&self, path: &str) -> bool {
        let below = format!("{}:", path.to_lowercase());
        self.0
            .range(below.clone()..)
            .next()
            .is_some_and(|(name, _)| name.starts_with(&below))
    }
}
