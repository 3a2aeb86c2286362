//! What the commands print, where, and in which colours.

use std::cell::Cell;
use std::io::{self, IsTerminal as _};

use clap::ColorChoice;
use clap::builder::styling::{AnsiColor, Effects, Style};
use serde::Serialize;
use serde_json::json;

use crate::settings::{Process, Source};

use super::failed::Failed;

/// Standard output for what was asked for, standard error for remarks.
#[derive(Debug)]
pub(super) struct Screen {
    json: bool,
    output: Paint,
    remarks: Paint,
    width: usize,
    /// Whether the one JSON document is printed.
    told: Cell<bool>,
}

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    Plain,
    Coloured,
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A heading, or a name that the eye looks for.
    Strong,
    /// What can be read past.
    Quiet,
    /// Something to type.
    Typed,
    /// All is well; a line that comes in.
    Good,
    /// Works, and may not for long.
    Doubtful,
    /// Something is the matter; a line that goes.
    Bad,
    /// Where in a file.
    Place,
}

impl Screen {
    pub(super) fn new(choice: ColorChoice, json: bool) -> Self {
        let environment = Paint::of_environment(&Process);
        Self {
            json,
            output: Paint::decide(choice, io::stdout().is_terminal(), environment),
            remarks: Paint::decide(choice, io::stderr().is_terminal(), environment),
            width: terminal_size::terminal_size()
                .map_or(NARROW, |(width, _)| usize::from(width.0))
                .clamp(NARROWEST, WIDEST),
            told: Cell::new(false),
        }
    }

    /// Whether the output is to be one JSON document.
    pub(super) fn wants_json(&self) -> bool {
        self.json
    }

    /// Whether nothing is coloured, for whatever reason.
    pub(super) fn is_plain(&self) -> bool {
        self.output == Paint::Plain
    }

    /// How many columns a line may fill.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Prints the JSON document.
    pub(super) fn document(&self, document: &impl Serialize) {
        let text = serde_json::to_string_pretty(document).expect("documents have string keys only");
        self.told.set(true);
        self.text(&text);
    }

    /// Prints what was asked for, with a line end.
    pub(super) fn text(&self, text: &str) {
        write(io::stdout(), text);
    }

    /// Prints a remark beside it, with a line end. Tools do not ask for remarks.
    pub(super) fn remark(&self, text: &str) {
        if !self.json {
            write(io::stderr(), text);
        }
    }

    /// Prints a remark for whoever waits at a terminal.
    pub(super) fn progress(&self, text: &str) {
        if io::stderr().is_terminal() {
            self.remark(&self.paint_remark(Tone::Quiet, text));
        }
    }

    /// Says why the command failed, and what to type. Tools read it in the document, unless the
    /// document was printed already and says what was found.
    pub(super) fn failed(&self, failed: &Failed) {
        if self.json && !self.told.get() {
            self.document(&json!({"error": failed.what(), "next": failed.next()}));
            return;
        }
        let error = self.remarks.paint(Tone::Bad, "error:");
        let next = self.remarks.paint(Tone::Typed, failed.next());
        write(
            io::stderr(),
            &format!("{error} {}\nNext:  {next}", failed.what()),
        );
    }

    /// Colours a piece of the output.
    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        self.output.paint(tone, text)
    }

    /// Colours a piece of a remark.
    pub(super) fn paint_remark(&self, tone: Tone, text: &str) -> String {
        self.remarks.paint(tone, text)
    }
}

impl Paint {
    /// What the environment says counts only while the command line leaves it open.
    fn decide(choice: ColorChoice, terminal: bool, environment: Self) -> Self {
        match choice {
            ColorChoice::Always => Self::Coloured,
            ColorChoice::Never => Self::Plain,
            ColorChoice::Auto if terminal => environment,
            ColorChoice::Auto => Self::Plain,
        }
    }

    /// What a terminal is given: `NO_COLOR` (no-color.org) and dumb terminals ask for none.
    fn of_environment(source: &dyn Source) -> Self {
        let unwanted = source
            .get("NO_COLOR")
            .is_some_and(|value| !value.is_empty());
        let dumb = source.get("TERM").is_some_and(|kind| kind == "dumb");
        if unwanted || dumb {
            Self::Plain
        } else {
            Self::Coloured
        }
    }

    fn paint(self, tone: Tone, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => {
                let style = tone.style();
                format!("{style}{text}{style:#}")
            }
        }
    }
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Strong => Style::new().effects(Effects::BOLD),
            Self::Quiet => Style::new().effects(Effects::DIMMED),
            Self::Typed => AnsiColor::Cyan.on_default(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Doubtful => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Place => AnsiColor::Magenta.on_default(),
        }
    }
}

/// A reader that has seen enough (`| head`) is no failure.
fn write(mut to: impl io::Write, text: &str) {
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}

/// What counts where there is no terminal.
const NARROW: usize = 80;
const NARROWEST: usize = 40;
const WIDEST: usize = 120;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn environment(name: &str, value: &str) -> Paint {
        Paint::of_environment(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn no_color_takes_the_colours_away() {
        assert_eq!(environment("NO_COLOR", "1"), Paint::Plain);
        assert_eq!(environment("NO_COLOR", ""), Paint::Coloured);
        assert_eq!(environment("TERM", "dumb"), Paint::Plain);
        assert_eq!(environment("TERM", "xterm"), Paint::Coloured);
    }

    #[test]
    fn colours_are_for_terminals_unless_somebody_decides() {
        let cases = [
            (ColorChoice::Auto, true, Paint::Coloured, Paint::Coloured),
            (ColorChoice::Auto, true, Paint::Plain, Paint::Plain),
            (ColorChoice::Auto, false, Paint::Coloured, Paint::Plain),
            (ColorChoice::Always, false, Paint::Plain, Paint::Coloured),
            (ColorChoice::Never, true, Paint::Coloured, Paint::Plain),
        ];
        for (choice, terminal, environment, expected) in cases {
            let found = Paint::decide(choice, terminal, environment);
            assert_eq!(found, expected, "{choice} {terminal} {environment:?}");
        }
    }
}
