//! Writing tokens as JSON, byte for byte as Newtonsoft does.

use std::fmt::Write as _;

use super::{Token, number};

pub(super) fn compact(token: &Token) -> String {
    let mut out = String::new();
    write(&mut out, token, None);
    out
}

pub(super) fn indented(token: &Token) -> String {
    let mut out = String::new();
    write(&mut out, token, Some(0));
    out
}

fn write(out: &mut String, token: &Token, level: Option<usize>) {
    match token {
        Token::Null => out.push_str("null"),
        Token::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Token::Integer(digits) => out.push_str(digits),
        Token::Float(value) => out.push_str(&number::json(*value)),
        Token::String(text) => quote(out, text),
        Token::Date(date) => {
            out.push('"');
            out.push_str(&date.to_iso());
            out.push('"');
        }
        Token::Array(items) => container(out, ['[', ']'], items, level, |out, item, level| {
            write(out, item, level);
        }),
        Token::Object(members) => {
            container(
                out,
                ['{', '}'],
                members,
                level,
                |out, (name, value), level| {
                    quote(out, name);
                    out.push_str(if level.is_some() { ": " } else { ":" });
                    write(out, value, level);
                },
            );
        }
    }
}

fn container<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: &[T],
    level: Option<usize>,
    mut each: impl FnMut(&mut String, &T, Option<usize>),
) {
    out.push(open);
    let inner = level.map(|level| level + 1);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        new_line(out, inner);
        each(out, item, inner);
    }
    if !items.is_empty() {
        new_line(out, level);
    }
    out.push(close);
}

fn new_line(out: &mut String, level: Option<usize>) {
    if let Some(level) = level {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            // Line ends of JavaScript are escaped like control characters.
            '\0'..='\u{1f}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                write!(out, "\\u{:04x}", u32::from(c)).expect("writing to a string succeeds");
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
