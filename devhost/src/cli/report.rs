//! What devhost says when it starts.

use super::notes::Noted;
use crate::app::{App, AuthLevel, Function, HttpMode};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything a person or a tool needs to begin.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    url: String,
    port: u16,
    handler_port: u16,
    master_key: String,
    #[serde(flatten)]
    stands: Stands,
    mode: &'static str,
    functions: Vec<Line>,
    /// `%NAME%` without a value, and what stands for it.
    assumed: Vec<Assumed>,
    /// For the notes alone.
    #[serde(skip)]
    given: BTreeMap<String, String>,
}

/// Where the stand-ins for Azure are; what there is none of is left out.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stands {
    /// The stand-in tenant's origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identity_endpoint: Option<String>,
    /// What `X-IDENTITY-HEADER` has to say there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identity_header: Option<String>,
    /// The stand-in Key Vault's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vault: Option<String>,
    /// The page that shows invocations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) telemetry: Option<String>,
    /// The roots that vouch for the stand-ins that speak TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ca_file: Option<PathBuf>,
    /// The secrets that got a random value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) random_secrets: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    name: String,
    trigger: String,
    /// The address of an HTTP function, else what sets the function off.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    about: String,
}

#[derive(Debug, Serialize)]
struct Assumed {
    setting: String,
    value: String,
}

impl Report {
    pub(super) fn new(
        app: &App,
        port: u16,
        handler_port: u16,
        master_key: &str,
        stands: Stands,
    ) -> Self {
        let url = format!("http://127.0.0.1:{port}");
        let functions = app
            .functions
            .iter()
            .map(|function| line(app, function, &url))
            .collect();
        for binding in app.functions.iter().flat_map(|function| &function.bindings) {
            binding.expand_all(&app.settings);
        }
        let assumed = app
            .settings
            .assumed()
            .into_iter()
            .map(|(setting, value)| Assumed { setting, value })
            .collect();
        Self {
            url,
            port,
            handler_port,
            master_key: master_key.to_owned(),
            stands,
            mode: match app.host.mode {
                HttpMode::Envelope => "envelope",
                HttpMode::Forwarding => "forwarding",
                HttpMode::Proxying => "proxying",
            },
            functions,
            assumed,
            given: app.settings.given(),
        }
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers are always JSON")
    }

    /// What other tools need to find this devhost.
    pub(super) fn noted(&self) -> Noted<'_> {
        Noted {
            host: &self.url,
            tenant: self.stands.tenant.as_deref(),
            telemetry: self.stands.telemetry.as_deref(),
            master_key: &self.master_key,
            pid: std::process::id(),
            settings: &self.given,
        }
    }

    pub(super) fn text(&self) -> String {
        let width = self
            .functions
            .iter()
            .map(|line| line.name.len())
            .max()
            .unwrap_or_default();
        let mut text = format!(
            "\nHTTP functions travel by {}; the handler is on 127.0.0.1:{}.\n\n",
            self.mode, self.handler_port
        );
        for line in &self.functions {
            text.push_str(&format!("  {:width$}  {}\n", line.name, line.about));
        }
        for Assumed { setting, value } in &self.assumed {
            text.push_str(&format!("\n%{setting}% has no value; {value} stands for it. Set it in local.settings.json.\n"));
        }
        if let Some(tenant) = &self.stands.tenant {
            text.push_str(&format!(
                "\nTenant: {tenant}\nA token for the app:  curl -X POST {tenant}/stand-in/token\n"
            ));
        }
        if let (Some(vault), Some(roots)) = (&self.stands.vault, &self.stands.ca_file) {
            text.push_str(&format!(
                "Key Vault: {vault}  (its CA: {})\n",
                roots.display()
            ));
            for name in &self.stands.random_secrets {
                text.push_str(&format!(
                    "Secret {name} has a random value; local.secrets.json gives it one of yours.\n"
                ));
            }
        }
        if let Some(page) = &self.stands.telemetry {
            text.push_str(&format!("Invocations, traces and audit events: {page}\n"));
        }
        text.push_str(&format!(
            "\nMaster key: {}\n\nRun any function:  curl -X POST {}/admin/functions/NAME -H 'x-functions-key: {}' -d '{{}}'\nStop:              Ctrl-C\n",
            self.master_key, self.url, self.master_key
        ));
        text
    }
}

fn line(app: &App, function: &Function, url: &str) -> Line {
    let trigger = function.trigger();
    let (address, about) = match &function.http {
        Some(http) => {
            let methods = http
                .methods
                .as_ref()
                .map_or_else(|| "any method".to_owned(), |methods| methods.join(","));
            let address = format!("{url}/{}", http.route.text());
            let key = match http.auth {
                AuthLevel::Anonymous => "no key",
                AuthLevel::Function => "function key",
                AuthLevel::Admin => "master key",
            };
            (
                Some(address.clone()),
                format!("{methods} {address} ({key})"),
            )
        }
        None => {
            let source = [
                "queueName",
                "schedule",
                "path",
                "topicName",
                "eventHubName",
                "hubName",
                "toolName",
            ]
            .iter()
            .find_map(|property| trigger.text(property, &app.settings));
            let source = source
                .map(|source| format!(" {source}"))
                .unwrap_or_default();
            (None, format!("{}{source}", trigger.kind))
        }
    };
    Line {
        name: function.name.clone(),
        trigger: trigger.kind.clone(),
        url: address,
        about,
    }
}
