//! What the commands print, where, and in which colours.

use std::io::{self, IsTerminal as _};

use clap::ColorChoice;
use clap::builder::styling::{AnsiColor, Effects, Style};
use serde::Serialize;
use serde_json::json;

use super::failed::Failed;

/// Standard output for what was asked for, standard error for remarks.
#[derive(Debug)]
pub(super) struct Screen {
    json: bool,
    output: Paint,
    remarks: Paint,
    width: usize,
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
    /// Something is the matter; a line that goes.
    Bad,
    /// Where in a file.
    Place,
}

impl Screen {
    pub(super) fn new(choice: ColorChoice, json: bool) -> Self {
        Self {
            json,
            output: Paint::decide(choice, io::stdout().is_terminal()),
            remarks: Paint::decide(choice, io::stderr().is_terminal()),
            width: terminal_size::terminal_size()
                .map_or(NARROW, |(width, _)| usize::from(width.0))
                .clamp(NARROWEST, WIDEST),
        }
    }

    /// Whether the output is to be one JSON document.
    pub(super) fn wants_json(&self) -> bool {
        self.json
    }

    /// How many columns a line may fill.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Prints the JSON document.
    pub(super) fn document(&self, document: &impl Serialize) {
        let text = serde_json::to_string_pretty(document).expect("documents have string keys only");
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

    /// Says why the command failed, and what to type.
    pub(super) fn failed(&self, failed: &Failed) {
        if self.json {
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
    /// `NO_COLOR` (no-color.org) and dumb terminals count only while nobody decides.
    fn decide(choice: ColorChoice, terminal: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
        let coloured = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !set("NO_COLOR") && !dumb,
        };
        if coloured {
            Self::Coloured
        } else {
            Self::Plain
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
