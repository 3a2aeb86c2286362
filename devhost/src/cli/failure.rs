//! Why devhost ends with something other than 0, and what to do about it.

use crate::app::{App, AppError};
use std::io;

/// An exit code and the words that go with it; the last of them say what to type.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) words: String,
}

impl Failure {
    /// 1: something failed.
    pub(super) fn failed(words: impl Into<String>) -> Self {
        Self {
            code: 1,
            words: words.into(),
        }
    }

    /// 2: what the app says cannot be followed.
    pub(super) fn problems(problems: &[String]) -> Self {
        Self {
            code: 2,
            words: format!(
                "The app cannot be started:\n  {}\nMend that and run devhost again.",
                problems.join("\n  ")
            ),
        }
    }

    /// 3: something needed is not there.
    fn missing(words: impl Into<String>) -> Self {
        Self {
            code: 3,
            words: words.into(),
        }
    }

    /// The handler's program could not be run.
    pub(super) fn cannot_run(app: &App, error: &io::Error) -> Self {
        let program = app.host.description.program(&app.root);
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                format!("Make it executable: chmod +x {}", program.display())
            }
            _ => format!(
                "Build the handler so that it stands in {}, or correct customHandler.description.defaultExecutablePath in host.json.",
                app.root.display()
            ),
        };
        Self::missing(format!(
            "The handler {} cannot be run: {error}. {hint}",
            program.display()
        ))
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Missing(path) => Self::missing(format!(
                "{} is not there. Name the app folder, the one with host.json: stockade-devhost APPDIR",
                path.display()
            )),
            AppError::Problems(problems) => Self::problems(&problems),
        }
    }
}
