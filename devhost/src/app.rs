//! The app folder: what `host.json`, the `function.json` files and the settings say.

mod binding;
mod config;
mod function;
mod handler;
mod retry;
mod settings;
mod span;
#[cfg(test)]
mod tests;

pub(crate) use binding::{Binding, Direction};
pub(crate) use function::{AuthLevel, Function};
pub(crate) use handler::Description;
pub(crate) use retry::Retry;
pub(crate) use settings::Settings;

use crate::newtonsoft::Token;
use crate::queue;
use config::Config;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Everything devhost knows about the app, read once at the start.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) root: PathBuf,
    pub(crate) host: HostOptions,
    pub(crate) functions: Vec<Arc<Function>>,
    pub(crate) settings: Settings,
}

/// The part of `host.json` that devhost follows.
#[derive(Debug)]
pub(crate) struct HostOptions {
    pub(crate) description: Description,
    /// `None` lets an invocation run for ever.
    pub(crate) function_timeout: Option<Duration>,
    pub(crate) initialization_timeout: Duration,
    /// The handler's port, where the app fixes it.
    pub(crate) port: Option<u16>,
    pub(crate) mode: HttpMode,
    pub(crate) queues: queue::Settings,
}

/// How HTTP functions reach the handler (host 4.1037, `DefaultHttpWorkerService.InvokeAsync`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpMode {
    Envelope,
    Forwarding,
    Proxying,
}

/// Why the folder is not an app that can be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error("{0} is not there")]
    Missing(PathBuf),
    #[error("{}", .0.join("\n"))]
    Problems(Vec<String>),
}

impl App {
    /// Reads the folder, with the settings of this process.
    ///
    /// # Errors
    ///
    /// A missing folder or `host.json`, or every problem found in the files.
    pub(crate) fn read(
        root: &Path,
        environment: BTreeMap<String, String>,
    ) -> Result<Self, AppError> {
        let root = root
            .canonicalize()
            .map_err(|_| AppError::Missing(root.to_owned()))?;
        let file = root.join("host.json");
        if !file.is_file() {
            return Err(AppError::Missing(file));
        }
        let mut problems = Vec::new();
        let settings = Settings::read(&root, environment, &mut problems);
        let mut config = match read_json(&file) {
            Ok(json) => Config::from_json(&json),
            Err(problem) => return Err(AppError::Problems(vec![problem])),
        };
        config.apply_overrides(settings.iter());
        config.apply_profile(&mut problems);
        let host = HostOptions::read(&config, &settings, &mut problems);
        let functions = function::read_all(&root, &config, &settings, &mut problems);
        if problems.is_empty() {
            Ok(Self {
                root,
                host,
                functions: functions.into_iter().map(Arc::new).collect(),
                settings,
            })
        } else {
            Err(AppError::Problems(problems))
        }
    }

    /// The function of this name; the host's API ignores case.
    pub(crate) fn function(&self, name: &str) -> Option<&Arc<Function>> {
        self.functions
            .iter()
            .find(|function| function.name.eq_ignore_ascii_case(name))
    }

    /// How a request for this function travels: the direct modes take only functions with one HTTP
    /// input and one HTTP output (host 4.1037, `IsHttpInAndOutFunction`).
    pub(crate) fn mode_of(&self, function: &Function) -> HttpMode {
        if function.is_http_in_and_out() {
            self.host.mode
        } else {
            HttpMode::Envelope
        }
    }
}

impl HostOptions {
    fn read(config: &Config, settings: &Settings, problems: &mut Vec<String>) -> Self {
        // Elsewhere than on a Consumption plan the host allows 30 minutes
        // (host 4.1037, `ScriptJobHostOptionsSetup`).
        let function_timeout = match config.text("functionTimeout") {
            None => Some(Duration::from_secs(30 * 60)),
            Some("-1") => None,
            Some(text) => {
                let parsed = span::parse(text);
                if parsed.is_none() {
                    problems.push(format!(
                        "host.json: functionTimeout is {text:?}; write it as \"00:05:00\""
                    ));
                }
                parsed
            }
        };
        let mode = if config.flag("customHandler:enableProxyingHttpRequest") {
            HttpMode::Proxying
        } else if config.flag("customHandler:enableForwardingHttpRequest") {
            HttpMode::Forwarding
        } else {
            HttpMode::Envelope
        };
        Self {
            description: Description::read(config, settings, problems),
            function_timeout,
            initialization_timeout: config
                .span("customHandler:initializationTimeout")
                .unwrap_or(Duration::from_secs(30)),
            port: config
                .text("customHandler:port")
                .and_then(|text| text.trim().parse().ok()),
            mode,
            queues: queue_settings(config),
        }
    }
}

/// `extensions.queues` (Storage extension, `QueuesOptions`).
fn queue_settings(config: &Config) -> queue::Settings {
    let text = |name: &str| config.text(&format!("extensions:queues:{name}"));
    let number = |name: &str| text(name).and_then(|text| text.parse::<u16>().ok());
    let defaults = queue::Settings::default();
    let batch_size = number("batchSize").map_or(defaults.batch_size, usize::from);
    queue::Settings {
        batch_size,
        new_batch_threshold: number("newBatchThreshold").map_or(batch_size / 2, usize::from),
        max_dequeue_count: number("maxDequeueCount").map_or(defaults.max_dequeue_count, u32::from),
        visibility_timeout: config
            .span("extensions:queues:visibilityTimeout")
            .unwrap_or(defaults.visibility_timeout),
        encoding: text("messageEncoding")
            .and_then(queue::Encoding::parse)
            .unwrap_or_default(),
    }
}

/// Reads a JSON file with the parser the host uses: comments are allowed.
fn read_json(file: &Path) -> Result<Token, String> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Token::parse(text).map_err(|error| format!("{}: {error}", file.display()))
}
