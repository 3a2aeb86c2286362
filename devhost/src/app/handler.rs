//! `customHandler.description`: how the handler is started.

use super::{Config, Settings};
use std::path::{Path, PathBuf};

/// The command line and folders of the handler (host 4.1037, `HttpWorkerDescription`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) executable: String,
    /// Split already: the host joins everything with blanks and lets the system split it again.
    pub(crate) arguments: Vec<String>,
    pub(crate) working_directory: String,
    pub(crate) worker_directory: String,
}

impl Description {
    pub(crate) fn read(config: &Config, settings: &Settings, problems: &mut Vec<String>) -> Self {
        // `httpWorker` is the old name of the section; `customHandler` wins.
        let section = if config.has_section("customHandler") {
            "customHandler"
        } else {
            "httpWorker"
        };
        let text = |name: &str| {
            let found = config
                .text(&format!("{section}:description:{name}"))
                .unwrap_or_default();
            settings.expand_or_empty(found)
        };
        let list = |name: &str| config.list(&format!("{section}:description:{name}"));
        let executable = text("defaultExecutablePath");
        if executable.trim().is_empty() {
            problems.push(
                "host.json: customHandler.description.defaultExecutablePath names no program; set it to the handler's file name".into(),
            );
        }
        let mut line = list("arguments").join(" ");
        let worker = text("defaultWorkerPath");
        if !worker.is_empty() {
            line.push_str(&format!(" \"{worker}\""));
        }
        for argument in list("workerArguments") {
            line.push(' ');
            line.push_str(argument);
        }
        Self {
            executable,
            arguments: split(&settings.expand_or_empty(&line)),
            working_directory: text("workingDirectory"),
            worker_directory: text("workerDirectory"),
        }
    }

    /// The program to run: a file of the worker folder if there is one, else a name for PATH.
    pub(crate) fn program(&self, root: &Path) -> PathBuf {
        let file = root.join(&self.worker_directory).join(&self.executable);
        if file.is_file() {
            file
        } else {
            PathBuf::from(&self.executable)
        }
    }

    pub(crate) fn directory(&self, root: &Path) -> PathBuf {
        root.join(&self.working_directory)
    }
}

/// Splits a command line at blanks outside double quotes (.NET on Unix, `ParseArgumentsIntoList`).
fn split(line: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut current: Option<String> = None;
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&'"') => {
                characters.next();
                current.get_or_insert_default().push('"');
            }
            '"' => {
                quoted = !quoted;
                current.get_or_insert_default();
            }
            ' ' | '\t' if !quoted => arguments.extend(current.take()),
            other => current.get_or_insert_default().push(other),
        }
    }
    arguments.extend(current);
    arguments
}
