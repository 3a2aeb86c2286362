//! Log lines: one JSON object for each event, written whole.
//!
//! The host makes one record of each line and joins none of them to an invocation (host 4.1037,
//! WorkerProcess.OnOutputDataReceived), so the fields of the spans around an event are repeated on
//! its line. Text is JSON-escaped, so nothing that came from outside can begin a line of its own.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::fields::{Fields, Passing, WITHHELD, is_unsafe};

/// Writes events as JSON lines.
pub(crate) struct JsonLines<W> {
    sink: W,
    fields: Fields,
}

/// Where lines go.
pub(crate) trait Sink: Send + Sync + 'static {
    /// Takes one line, its newline included.
    fn line(&self, line: &str, when: When);
}

/// When a line has to be on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// At once.
    Now,
    /// Before the host is told, at the latest: with the next line, or when [`Held`] is dropped.
    BeforeTheAnswer,
}

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stdout;

/// Lines that wait for each other. Invocations that end together are answered together, and then one
/// write carries the lines of all of them.
static HELD: Mutex<String> = Mutex::new(String::new());

impl Sink for Stdout {
    fn line(&self, line: &str, when: When) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.push_str(line);
        if when == When::Now || held.len() > MOST_HELD_BYTES {
            write_out(&mut held);
        }
    }
}

/// Sees to it that the lines which are held are written when it is dropped.
#[derive(Debug)]
pub(crate) struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        write_out(&mut HELD.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn write_out(held: &mut String) {
    if !held.is_empty() {
        // A closed standard output means that the host has gone, which is noticed elsewhere.
        let _ = std::io::stdout().lock().write_all(held.as_bytes());
        held.clear();
    }
}

const MOST_HELD_BYTES: usize = 64 * 1024;

impl JsonLines<Stdout> {
    pub(crate) fn to_stdout() -> Self {
        Self::to(Stdout)
    }
}

impl<W: Sink> JsonLines<W> {
    /// Lines with the library's own fields.
    pub(crate) fn to(sink: W) -> Self {
        let fields = Fields::declared(&[]);
        Self { sink, fields }
    }

    /// Lines with these fields.
    pub(crate) fn with(self, fields: Fields) -> Self {
        Self { fields, ..self }
    }
}

/// The fields of a span, already written: `,"invocation.id":"…"`.
pub(super) struct Written(pub(super) String);

thread_local! {
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Sink,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() == super::call::TARGET {
            return;
        }
        let mut written = String::with_capacity(128);
        let passing = self.fields.passing(attributes.metadata());
        attributes.record(&mut Members::of(&mut written, passing));
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Written(written));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(Written(written)) = span.extensions_mut().get_mut::<Written>()
        {
            let passing = self.fields.passing(span.metadata());
            values.record(&mut Members::of(written, passing));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        LINE.with(|line| {
            // An event inside a field's own formatting would find the buffer taken.
            let mut own = String::new();
            let mut shared = line.try_borrow_mut();
            let line = shared.as_deref_mut().unwrap_or(&mut own);
            line.clear();
            line.push_str("{\"timestamp\":\"");
            write_time(line, SystemTime::now());
            line.push_str("\",\"level\":\"");
            line.push_str(event.metadata().level().as_str());
            line.push('"');
            let passing = self.fields.passing(event.metadata());
            event.record(&mut Members::of(line, passing));
            if let Some(scope) = context.event_scope(event) {
                for span in scope.from_root() {
                    if let Some(Written(written)) = span.extensions().get::<Written>() {
                        line.push_str(written);
                    }
                }
            }
            if !event.metadata().target().starts_with("stockade") {
                write_member(line, "target", event.metadata().target());
            }
            line.push_str("}\n");
            let when = match event.metadata().target() {
                super::CLOSING => When::BeforeTheAnswer,
                _ => When::Now,
            };
            self.sink.line(line, when);
        });
    }
}

/// Writes fields as members of a JSON object, each after a comma.
struct Members<'a> {
    out: &'a mut String,
    passing: Passing,
}

impl<'a> Members<'a> {
    fn of(out: &'a mut String, passing: Passing) -> Self {
        Self { out, passing }
    }

    /// Writes the name of a field, and what takes the place of a value that is withheld.
    fn may_write(&mut self, field: &Field) -> bool {
        let passes = self.passing.lets(field);
        if passes {
            write_name(self.out, field.name());
        } else {
            write_member(self.out, field.name(), WITHHELD);
        }
        passes
    }
}

impl Visit for Members<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.may_write(field) {
            self.out.push('"');
            let _ = write!(Escaped(self.out), "{value:?}");
            self.out.push('"');
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if self.may_write(field) {
            write_text(self.out, value);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if self.may_write(field) {
            write_number(self.out, value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if self.may_write(field) {
            let _ = write!(self.out, "{value}");
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if self.may_write(field) {
            let _ = write!(self.out, "{value}");
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if self.may_write(field) {
            self.out.push_str(if value { "true" } else { "false" });
        }
    }
}

fn write_name(out: &mut String, name: &str) {
    out.push(',');
    write_text(out, name);
    out.push(':');
}

fn write_member(out: &mut String, name: &str, value: &str) {
    write_name(out, name);
    write_text(out, value);
}

fn write_number(out: &mut String, value: f64) {
    let thousandths = (value * 1000.0).round();
    if (0.0..1e15).contains(&thousandths) {
        // A duration, most of the time; exact to the last digit would take ten times as long.
        let thousandths = thousandths as u64;
        let _ = write!(out, "{}.", thousandths / 1000);
        write_digits(out, thousandths % 1000, 3);
    } else if value.is_finite() {
        let _ = write!(out, "{value:.3}");
    } else {
        out.push_str("null");
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let _ = Escaped(out).write_str(text);
    out.push('"');
}

/// Escapes what JSON requires, and beyond it everything that can move a terminal's cursor, break a line
/// or turn it round ([`is_unsafe`]).
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A loop without a way out looks at many bytes at once.
        if text
            .bytes()
            .fold(true, |plain, byte| plain & is_plain_ascii(byte))
        {
            self.0.push_str(text);
            return Ok(());
        }
        let mut plain_from = 0;
        for (at, character) in text.char_indices() {
            if !needs_escape(character) {
                continue;
            }
            self.0.push_str(&text[plain_from..at]);
            plain_from = at + character.len_utf8();
            match character {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                other => write!(self.0, "\\u{:04x}", u32::from(other))?,
            }
        }
        self.0.push_str(&text[plain_from..]);
        Ok(())
    }
}

/// Most texts hold nothing else, and a byte is judged more quickly than a character.
fn is_plain_ascii(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\')
}

fn needs_escape(character: char) -> bool {
    matches!(character, '"' | '\\') || is_unsafe(character)
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn write_time(out: &mut String, time: SystemTime) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second_of_day) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil_from_days(days);
    for (number, digits, after) in [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (second_of_day / 3600, 2, ':'),
        (second_of_day / 60 % 60, 2, ':'),
        (second_of_day % 60, 2, '.'),
        (u64::from(since.subsec_millis()), 3, 'Z'),
    ] {
        write_digits(out, number, digits);
        out.push(after);
    }
}

/// The last `digits` digits of a number. The machinery of `write!` would cost more than all else that
/// a line takes.
fn write_digits(out: &mut String, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_u64.pow(place) % 10;
        out.push(char::from(b'0' + digit as u8));
    }
}

/// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    // Years count from March, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests;
