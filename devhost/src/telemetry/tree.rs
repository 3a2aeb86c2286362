//! An invocation as a tree of its spans, for a terminal of 80 columns.

use std::time::Duration;

use crate::log::Severity;

use super::record::{Level, Log, Span, Time};
use super::show::Line;
use super::trace::{Joined, Trace};
use super::view::function;

const COLUMNS: usize = 80;
/// How much of an outcome or a rule is shown.
const WORD_COLUMNS: usize = 32;
/// How much of a trace's id is worth the room.
const USEFUL_COLUMNS: usize = 17;
const MAX_LINES: usize = 40;
const MAX_DEPTH: usize = 10;

/// The lines of an invocation: its own, then what it did and what was said of that, as it came.
pub(super) fn draw(trace: &Trace, root: &Joined<Span>) -> Vec<Line> {
    let mut drawing = Drawing {
        trace,
        lines: vec![head(trace, root)],
        more: 0,
    };
    drawing.branches(root, "", 0);
    if drawing.more > 0 {
        let text = format!("… and {} more", drawing.more);
        drawing.push(Severity::Information, text);
    }
    drawing.lines
}

/// The invocation itself, with as much of its trace's id as there is room for: the page finds it by a part.
fn head(trace: &Trace, root: &Joined<Span>) -> Line {
    let outcome = trace.outcome(root);
    let mut text = described("", function(root), outcome, root);
    let id = format!("  trace {}", clean(&root.best().trace));
    let room = COLUMNS - columns(&text);
    if room >= columns(&id).min(USEFUL_COLUMNS) {
        text.push_str(&clip(&id, room));
    }
    Line {
        severity: severity(outcome),
        text,
    }
}

struct Drawing<'a> {
    trace: &'a Trace,
    lines: Vec<Line>,
    /// What there was no room for.
    more: usize,
}

enum Branch<'a> {
    Span(&'a Joined<Span>),
    Log(&'a Log),
}

impl Branch<'_> {
    fn time(&self) -> Time {
        match self {
            Self::Span(span) => span.best().start,
            Self::Log(log) => log.time,
        }
    }
}

impl<'a> Drawing<'a> {
    fn branches(&mut self, above: &Joined<Span>, prefix: &str, depth: usize) {
        let mut branches = self.of(&above.best().id);
        branches.sort_by_key(Branch::time);
        let last = branches.len().saturating_sub(1);
        for (index, branch) in branches.into_iter().enumerate() {
            if self.lines.len() >= MAX_LINES || depth == MAX_DEPTH {
                self.more += 1;
                continue;
            }
            let (corner, under) = match index == last {
                true => ("└─ ", "   "),
                false => ("├─ ", "│  "),
            };
            let before = format!("{prefix}{corner}");
            match branch {
                Branch::Span(span) => {
                    let outcome = self.trace.outcome(span);
                    let text = described(&before, &span.best().name, outcome, span);
                    self.push(severity(outcome), text);
                    self.branches(span, &format!("{prefix}{under}"), depth + 1);
                }
                Branch::Log(log) => {
                    let said = format!("{} {}", log.level.word(), clean(&log.message));
                    let room = COLUMNS - columns(&before);
                    let text = format!("{before}{}", clip(&said, room));
                    self.push(severity_of(log), text);
                }
            }
        }
    }

    /// What is right below a span. Another invocation has a tree of its own.
    fn of(&self, id: &str) -> Vec<Branch<'a>> {
        let is_below = |parent: Option<&str>| parent == Some(id);
        let spans = self.trace.spans.iter().filter(|span| {
            let span = span.best();
            is_below(span.parent.as_deref()) && !span.kind.begins() && span.id != id
        });
        let logs = self.trace.logs.iter().map(Joined::best);
        let logs = logs.filter(|log| is_below(log.span.as_deref()) && log.level >= Level::Warn);
        spans
            .map(Branch::Span)
            .chain(logs.map(Branch::Log))
            .collect()
    }

    fn push(&mut self, severity: Severity, text: String) {
        self.lines.push(Line { severity, text });
    }
}

/// A span's name, how long it took, and how it ended where that has to be said.
fn described(before: &str, name: &str, outcome: &str, span: &Joined<Span>) -> String {
    let mut after = format!("  {}", took(span.best().duration));
    let begins = span.best().kind.begins();
    if begins || outcome != "succeeded" {
        let word = |text: &str| clip(&clean(text), WORD_COLUMNS);
        after.push_str(&format!("  {}", word(outcome)));
        if let Some(rule) = span.rule() {
            after.push_str(&format!(": {}", word(rule)));
        }
        if let Some(status) = span.number("http.response.status_code").filter(|_| begins) {
            after.push_str(&format!(" ({status})"));
        }
    }
    let name = clean(name);
    let after = clip(
        &after,
        COLUMNS - columns(before) - columns(&name).clamp(1, 12),
    );
    let room = COLUMNS - columns(before) - columns(&after);
    format!("{before}{}{after}", clip(&name, room))
}

fn took(duration: Duration) -> String {
    match duration.as_micros() {
        micros @ 0..1000 => format!("{micros} µs"),
        micros @ 1000..1_000_000 => format!("{:.1} ms", micros as f64 / 1000.0),
        micros => format!("{:.1} s", micros as f64 / 1_000_000.0),
    }
}

fn severity(outcome: &str) -> Severity {
    match outcome {
        "succeeded" => Severity::Information,
        "failed" => Severity::Error,
        _ => Severity::Warning,
    }
}

fn severity_of(log: &Log) -> Severity {
    match log.level {
        Level::Error => Severity::Error,
        _ => Severity::Warning,
    }
}

/// The text without what moves a cursor, changes colours, or shows text in another order.
fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{61c}'
            | '\u{feff}' => '\u{fffd}',
            control if control.is_control() => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// The text, cut so that it takes no more than so many columns.
fn clip(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut clipped = String::new();
    let mut taken = 1;
    for character in text.chars() {
        taken += width(character);
        if taken > most {
            break;
        }
        clipped.push(character);
    }
    clipped.push('…');
    clipped
}

fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// How many columns a character takes, or may take: wide ones begin with Hangul.
fn width(character: char) -> usize {
    match character {
        '…' | '\u{fffd}' | '\u{2500}'..='\u{257f}' => 1,
        '\u{1100}'.. => 2,
        _ => 1,
    }
}
