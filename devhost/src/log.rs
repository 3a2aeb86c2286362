//! What devhost prints while it runs.

use std::io::{IsTerminal, Write};

/// How loud devhost is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Volume {
    /// One line for each invocation, and everything the handler prints.
    Full,
    /// What the handler prints, and what fails.
    Quiet,
}

/// Prints lines, coloured where a person reads them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    volume: Volume,
    place: Place,
    colour: bool,
}

/// Where lines go that are no complaints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Stdout,
    /// Stdout is kept for a tool.
    Stderr,
}

/// How a line of the handler is shown (host 4.1037, `WorkerProcess.ParseErrorMessageAndLog`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Information,
    Warning,
    Error,
}

impl Severity {
    /// A handler's stderr is an error, unless the line speaks of a warning.
    pub(crate) fn of_stderr(line: &str) -> Self {
        if line.to_lowercase().contains("warn") {
            Self::Warning
        } else {
            Self::Error
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Information => "36",
            Self::Warning => "33",
            Self::Error => "31",
        }
    }
}

impl Log {
    /// Colours only a terminal, and none at all when `NO_COLOR` is set (no-color.org).
    pub(crate) fn new(volume: Volume, place: Place) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            volume,
            place,
            colour: !refused && std::io::stdout().is_terminal() && std::io::stderr().is_terminal(),
        }
    }

    /// Whether there is anybody to show pictures to.
    pub(crate) fn is_full(&self) -> bool {
        self.volume == Volume::Full
    }

    /// Something went as it should.
    pub(crate) fn info(&self, text: &str) {
        if self.is_full() {
            self.say(text);
        }
    }

    /// A line of a picture of what went on, good or bad.
    pub(crate) fn picture(&self, severity: Severity, line: &str) {
        if self.is_full() {
            match severity {
                Severity::Information => self.say(line),
                bad => self.say(&self.paint(bad, line)),
            }
        }
    }

    /// Something the reader has to act on.
    pub(crate) fn warn(&self, text: &str) {
        print(&mut std::io::stderr(), &self.paint(Severity::Warning, text));
    }

    /// Something failed.
    pub(crate) fn error(&self, text: &str) {
        print(&mut std::io::stderr(), &self.paint(Severity::Error, text));
    }

    /// A line the handler printed.
    pub(crate) fn handler(&self, severity: Severity, line: &str) {
        let prefix = self.paint(severity, "[handler]");
        match severity {
            Severity::Information => self.say(&format!("{prefix} {line}")),
            Severity::Warning | Severity::Error => {
                print(&mut std::io::stderr(), &format!("{prefix} {line}"));
            }
        }
    }

    fn say(&self, text: &str) {
        match self.place {
            Place::Stdout => print(&mut std::io::stdout(), text),
            Place::Stderr => print(&mut std::io::stderr(), text),
        }
    }

    fn paint(&self, severity: Severity, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{}m{text}\u{1b}[0m", severity.code())
        } else {
            text.to_owned()
        }
    }
}

/// A closed pipe is no reason to stop serving.
fn print(stream: &mut impl Write, line: &str) {
    let _ = writeln!(stream, "{line}");
}
