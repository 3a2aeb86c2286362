//! Files that commands make and the repository keeps: written, or compared with what is there.

use std::io;
use std::path::PathBuf;

use similar::{ChangeTag, TextDiff};

use super::failed::Failed;
use super::screen::{Screen, Tone};

/// Whether to write or to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    Write,
    Check,
}

impl Intent {
    /// As `--check` says.
    pub(super) fn of(check: bool) -> Self {
        if check { Self::Check } else { Self::Write }
    }
}

/// A file as it should be.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    shown: String,
    text: String,
}

/// A file beside what is there now.
#[derive(Debug)]
pub(super) struct Compared {
    kept: Kept,
    found: String,
}

impl Kept {
    /// The file at `path`, called `shown` in messages, that should hold `text`.
    pub(super) fn new(path: PathBuf, shown: String, text: String) -> Self {
        Self { path, shown, text }
    }

    /// Reads what is there; no file is an empty one.
    ///
    /// # Errors
    ///
    /// A file that is there and cannot be read.
    pub(super) fn compare(self) -> Result<Compared, Failed> {
        match std::fs::read_to_string(&self.path) {
            // A checkout may have turned the line ends into those of the machine.
            Ok(found) => Ok(Compared {
                found: found.replace("\r\n", "\n"),
                kept: self,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Compared {
                found: String::new(),
                kept: self,
            }),
            Err(error) => Err(Failed::work(
                format!("{} cannot be read: {error}.", self.shown),
                format!("ls -l {}", self.shown),
            )),
        }
    }
}

impl Compared {
    /// Whether the file holds what it should.
    pub(super) fn is_in_step(&self) -> bool {
        self.found == self.kept.text
    }

    /// The file's name in messages.
    pub(super) fn shown(&self) -> &str {
        &self.kept.shown
    }

    /// Writes the file, if it is out of step.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(super) fn write(&self) -> Result<(), Failed> {
        if self.is_in_step() {
            return Ok(());
        }
        let folder = self.kept.path.parent();
        folder
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&self.kept.path, &self.kept.text))
            .map_err(|error| {
                Failed::work(
                    format!("{} cannot be written: {error}.", self.kept.shown),
                    format!("ls -l {}", self.kept.shown),
                )
            })
    }

    /// The difference in unified form: `-` is in the file, `+` is what the code says now.
    pub(super) fn difference(&self, screen: &Screen) -> String {
        let difference = TextDiff::from_lines(self.found.as_str(), self.kept.text.as_str());
        let mut lines = vec![
            screen.paint(Tone::Strong, &format!("--- {}", self.kept.shown)),
            screen.paint(
                Tone::Strong,
                &format!("+++ {} (as the code has it)", self.kept.shown),
            ),
        ];
        for hunk in difference.unified_diff().context_radius(3).iter_hunks() {
            lines.push(screen.paint(Tone::Place, &hunk.header().to_string()));
            for change in hunk.iter_changes() {
                let text = format!("{}{}", change.tag(), change.value().trim_end_matches('\n'));
                lines.push(match change.tag() {
                    ChangeTag::Equal => text,
                    ChangeTag::Delete => screen.paint(Tone::Bad, &text),
                    ChangeTag::Insert => screen.paint(Tone::Good, &text),
                });
            }
        }
        lines.join("\n")
    }
}
