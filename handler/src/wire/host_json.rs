//! host.json, as far as it decides what arrives: the HTTP mode, the route prefix, the time limit.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::function::Entry;
use crate::settings::{Problems, Source};

/// How HTTP requests reach functions that have no second output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Mode {
    /// In the host's envelope, like every other trigger.
    Envelope,
    /// As the caller's own request, copied.
    Forwarding,
    /// As the caller's own request, streamed; hosts that do not know it forward.
    #[default]
    Proxying,
}

impl Mode {
    /// Whether the host hands requests for `entry` over as they are (host 4.1037,
    /// FunctionMetadataExtensions.IsHttpInAndOutFunction).
    pub(crate) fn is_direct(self, entry: &Entry) -> bool {
        self != Self::Envelope && entry.trigger.route.is_some() && entry.plan.bindings.is_empty()
    }

    /// Whether the host hands over more than the app allows.
    pub(crate) fn is_wider_than(self, allowed: Self) -> bool {
        self > allowed
    }

    /// The mode's name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Envelope => "envelope",
            Self::Forwarding => "forwarding",
            Self::Proxying => "proxying",
        }
    }
}

/// What host.json says, with the overrides of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostJson {
    pub(crate) mode: Mode,
    pub(crate) route_prefix: String,
    /// None where the app may run without end.
    pub(crate) function_timeout: Option<Duration>,
}

impl HostJson {
    /// Reads the text of host.json. Settings named `AzureFunctionsJobHost__…` win (Microsoft:
    /// "host.json reference for Azure Functions").
    pub(crate) fn read(text: &str, source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        let mut json: Value = match serde_json::from_str(text) {
            Ok(json @ Value::Object(_)) => json,
            Ok(_) | Err(_) => {
                problems.push("host.json", "is not a JSON object");
                return None;
            }
        };
        for name in source.names() {
            if let Some(path) = strip_prefix_ignoring_case(&name, "AzureFunctionsJobHost__")
                && let Some(text) = source.get(&name)
            {
                let value = serde_json::from_str(&text.to_ascii_lowercase())
                    .ok()
                    .filter(|value: &Value| value.is_boolean() || value.is_number());
                set(&mut json, path, value.unwrap_or(Value::String(text)));
            }
        }
        match serde_json::from_value::<Raw>(lower_case_members(json)) {
            Ok(raw) => raw.settle(problems),
            Err(_) => {
                problems.push(
                    "host.json",
                    "has a member of another type than the host expects",
                );
                None
            }
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Raw {
    configurationprofile: String,
    functiontimeout: Option<String>,
    customhandler: CustomHandler,
    extensions: Extensions,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CustomHandler {
    enableforwardinghttprequest: bool,
    enableproxyinghttprequest: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Extensions {
    http: Http,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Http {
    routeprefix: Option<String>,
}

impl Raw {
    fn settle(self, problems: &mut Problems) -> Option<HostJson> {
        // Both profiles proxy and clear the prefix unless the file says otherwise (host
        // HostConfigurationProfile).
        let profiled = match self.configurationprofile.as_str() {
            "" | "default" => false,
            "mcp-custom-handler" | "web-app-custom-handler" => true,
            _ => {
                problems.push(
                    "host.json",
                    "names a configurationProfile that no host knows",
                );
                return None;
            }
        };
        let proxying = self
            .customhandler
            .enableproxyinghttprequest
            .unwrap_or(profiled);
        let prefix = self.extensions.http.routeprefix;
        let function_timeout = match self.functiontimeout.as_deref() {
            // Consumption plans end an invocation after 5 minutes, others after 30 (host 4.1037,
            // ScriptJobHostOptionsSetup); the shorter is the safe guess.
            None => Some(Duration::from_secs(300)),
            Some("-1") => None,
            Some(text) => match time_span(text) {
                Some(duration) => Some(duration),
                None => {
                    problems.push("host.json", "has a functionTimeout that is not hh:mm:ss");
                    return None;
                }
            },
        };
        Some(HostJson {
            mode: match (proxying, self.customhandler.enableforwardinghttprequest) {
                (true, _) => Mode::Proxying,
                (false, true) => Mode::Forwarding,
                (false, false) => Mode::Envelope,
            },
            route_prefix: prefix.unwrap_or_else(|| if profiled { "" } else { "api" }.to_owned()),
            function_timeout,
        })
    }
}

/// `[d.]hh:mm:ss`, as .NET's `TimeSpan` reads it.
fn time_span(text: &str) -> Option<Duration> {
    let (days, time) = match text.split_once('.') {
        Some((days, time)) => (days.parse::<u64>().ok()?, time),
        None => (0, text),
    };
    let mut parts = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let sound = hours < 24 && minutes < 60 && seconds < 60 && parts.next().is_none();
    sound.then(|| Duration::from_secs(days * 86_400 + hours * 3600 + minutes * 60 + seconds))
}

/// Configuration names ignore case in .NET.
fn lower_case_members(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), lower_case_members(value)))
            .collect(),
        other => other,
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Sets the member at `a__b__c`, whatever stood in the way.
fn set(json: &mut Value, path: &str, value: Value) {
    let mut at = json;
    for name in path.split("__") {
        if !at.is_object() {
            *at = Value::Object(serde_json::Map::new());
        }
        let members = at
            .as_object_mut()
            .expect("it was made an object just above");
        let known = members
            .keys()
            .find(|known| known.eq_ignore_ascii_case(name))
            .cloned();
        at = members
            .entry(known.unwrap_or_else(|| name.to_owned()))
            .or_insert(Value::Null);
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(text: &str, settings: &[(&str, &str)]) -> Option<HostJson> {
        let source: BTreeMap<String, String> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        HostJson::read(text, &source, &mut Problems::default())
    }

    #[test]
    fn proxying_wins_over_forwarding() {
        let both = r#"{"customHandler":{"enableForwardingHttpRequest":true,"enableProxyingHttpRequest":true}}"#;
        let one = r#"{"customHandler":{"enableForwardingHttpRequest":true}}"#;

        assert_eq!(read(both, &[]).unwrap().mode, Mode::Proxying);
        assert_eq!(read(one, &[]).unwrap().mode, Mode::Forwarding);
        assert_eq!(read("{}", &[]).unwrap().mode, Mode::Envelope);
    }

    #[test]
    fn a_setting_overrides_the_file() {
        let text =
            r#"{"customHandler":{"enableProxyingHttpRequest":true},"functionTimeout":"00:10:00"}"#;
        let settings = [
            (
                "AzureFunctionsJobHost__customHandler__enableProxyingHttpRequest",
                "False",
            ),
            ("azurefunctionsjobhost__extensions__http__routePrefix", "v1"),
        ];

        let host = read(text, &settings).unwrap();

        assert_eq!(host.mode, Mode::Envelope);
        assert_eq!(host.route_prefix, "v1");
        assert_eq!(host.function_timeout, Some(Duration::from_secs(600)));
    }

    #[test]
    fn a_profile_proxies_and_clears_the_prefix() {
        let host = read(r#"{"configurationProfile":"web-app-custom-handler"}"#, &[]).unwrap();

        assert_eq!(
            (host.mode, host.route_prefix.as_str()),
            (Mode::Proxying, "")
        );
    }

    #[test]
    fn what_the_host_would_refuse_is_a_problem() {
        for text in [
            "",
            "[]",
            r#"{"configurationProfile":"x"}"#,
            r#"{"functionTimeout":"5 minutes"}"#,
        ] {
            assert_eq!(read(text, &[]), None, "{text}");
        }
    }
}
