//! Inline constraints (ASP.NET Core 8, `RouteOptions.ConstraintMap`). Values are read in the
//! invariant culture.

use super::TemplateError;
use regex_lite::{Regex, RegexBuilder};

#[derive(Clone, Debug)]
pub(super) enum Constraint {
    Int,
    Long,
    Bool,
    DateTime,
    Decimal,
    Double,
    Guid,
    Alpha,
    Required,
    Length { least: usize, most: usize },
    Range { least: i64, most: i64 },
    Regex(Regex),
    File,
    NonFile,
}

impl Constraint {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let unknown = || TemplateError::Constraint(text.to_owned());
        let (name, argument) = match text.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').ok_or_else(unknown)?),
            None => (text, ""),
        };
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| unknown());
        let size = |text: &str| text.trim().parse::<usize>().map_err(|_| unknown());
        let pair = argument.split_once(',');
        match (name.to_lowercase().as_str(), argument) {
            ("int", "") => Ok(Self::Int),
            ("long", "") => Ok(Self::Long),
            ("bool", "") => Ok(Self::Bool),
            ("datetime", "") => Ok(Self::DateTime),
            ("decimal", "") => Ok(Self::Decimal),
            ("double" | "float", "") => Ok(Self::Double),
            ("guid", "") => Ok(Self::Guid),
            ("alpha", "") => Ok(Self::Alpha),
            ("required", "") => Ok(Self::Required),
            ("file", "") => Ok(Self::File),
            ("nonfile", "") => Ok(Self::NonFile),
            ("minlength", argument) => Ok(Self::Length {
                least: size(argument)?,
                most: usize::MAX,
            }),
            ("maxlength", argument) => Ok(Self::Length {
                least: 0,
                most: size(argument)?,
            }),
            ("length", argument) => match pair {
                Some((least, most)) => Ok(Self::Length {
                    least: size(least)?,
                    most: size(most)?,
                }),
                None => Ok(Self::Length {
                    least: size(argument)?,
                    most: size(argument)?,
                }),
            },
            ("min", argument) => Ok(Self::Range {
                least: number(argument)?,
                most: i64::MAX,
            }),
            ("max", argument) => Ok(Self::Range {
                least: i64::MIN,
                most: number(argument)?,
            }),
            ("range", _) => {
                let (least, most) = pair.ok_or_else(unknown)?;
                Ok(Self::Range {
                    least: number(least)?,
                    most: number(most)?,
                })
            }
            ("regex", pattern) => {
                let pattern = pattern.replace("{{", "{").replace("}}", "}");
                let built = RegexBuilder::new(&pattern).case_insensitive(true).build();
                built.map(Self::Regex).map_err(|_| unknown())
            }
            _ => Err(unknown()),
        }
    }

    pub(super) fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Int => integer(value).is_some_and(|number| i32::try_from(number).is_ok()),
            Self::Long => integer(value).is_some(),
            Self::Bool => matches!(value.trim().to_lowercase().as_str(), "true" | "false"),
            Self::DateTime => is_date_time(value),
            Self::Decimal => is_number(value, Exponent::Refused),
            Self::Double => is_number(value, Exponent::Accepted),
            Self::Guid => is_guid(value),
            Self::Alpha => value.chars().all(|c| c.is_ascii_alphabetic()),
            Self::Required => !value.is_empty(),
            Self::Length { least, most } => {
                (*least..=*most).contains(&value.encode_utf16().count())
            }
            Self::Range { least, most } => {
                integer(value).is_some_and(|number| (*least..=*most).contains(&number))
            }
            Self::Regex(regex) => regex.is_match(value),
            Self::File => is_file(value),
            Self::NonFile => !is_file(value),
        }
    }
}

/// `NumberStyles.Integer`: blanks around and a leading sign.
fn integer(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Exponent {
    Accepted,
    Refused,
}

/// `NumberStyles.Number` and `Float | AllowThousands`, as far as URLs use them.
fn is_number(text: &str, exponent: Exponent) -> bool {
    let text = text.trim();
    let is_plain = text
        .chars()
        .all(|c| c.is_ascii_digit() || "+-.,".contains(c));
    let text = text.replace(',', "");
    match exponent {
        Exponent::Refused => is_plain && text.parse::<f64>().is_ok(),
        Exponent::Accepted => {
            let has_digit = text.contains(|c: char| c.is_ascii_digit());
            (has_digit && text.parse::<f64>().is_ok())
                || matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity" | "∞")
        }
    }
}

/// The formats N, D, B and P.
fn is_guid(text: &str) -> bool {
    let text = text.trim();
    let inner = [('{', '}'), ('(', ')')]
        .iter()
        .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close));
    let hyphens: Vec<usize> = inner
        .unwrap_or(text)
        .match_indices('-')
        .map(|(at, _)| at)
        .collect();
    let digits = inner.unwrap_or(text).replace('-', "");
    let spaced = hyphens == [8, 13, 18, 23];
    digits.len() == 32
        && digits.chars().all(|c| c.is_ascii_hexdigit())
        && (spaced || (hyphens.is_empty() && inner.is_none()))
}

/// `DateTime.TryParse` for dates of numbers: year first or last, and a time, in either order of
/// presence.
fn is_date_time(text: &str) -> bool {
    let text = text.trim();
    let split = text.find(['T', ' ']);
    let (date, time) = match split {
        Some(at) => (&text[..at], Some(text[at + 1..].trim())),
        None if text.contains(':') => return is_time(text),
        None => (text, None),
    };
    is_date(date) && time.is_none_or(is_time)
}

fn is_date(text: &str) -> bool {
    let Some(separator) = ['-', '/', '.']
        .into_iter()
        .find(|separator| text.contains(*separator))
    else {
        return false;
    };
    let fields: Option<Vec<(usize, u32)>> = text
        .split(separator)
        .map(|field| Some((field.len(), field.parse().ok()?)))
        .collect();
    let (year, month, day) = match fields.as_deref() {
        Some([(3.., year), (_, month), (_, day)]) | Some([(_, month), (_, day), (_, year)]) => {
            (*year, *month, *day)
        }
        Some([(3.., year), (_, month)]) | Some([(_, month), (3.., year)]) => (*year, *month, 1),
        Some([(_, month), (_, day)]) => (2000, *month, *day),
        _ => return false,
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day) && year <= 9999
}

fn is_time(text: &str) -> bool {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (text, offset) = match text.rfind(['+', '-']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let upper = text.trim().to_uppercase();
    let half = upper
        .strip_suffix("AM")
        .or_else(|| upper.strip_suffix("PM"));
    let fields: Vec<&str> = half.unwrap_or(&upper).trim().split(':').collect();
    let below = |field: &str, limit: f64| {
        field.starts_with(|c: char| c.is_ascii_digit())
            && field
                .parse::<f64>()
                .is_ok_and(|number| (0.0..limit).contains(&number))
    };
    let hours = if half.is_some() { 13.0 } else { 24.0 };
    let is_clock = match fields.as_slice() {
        [hour] => half.is_some() && below(hour, hours),
        [hour, minute] => below(hour, hours) && below(minute, 60.0),
        [hour, minute, second] => below(hour, hours) && below(minute, 60.0) && below(second, 60.0),
        _ => false,
    };
    is_clock && offset.is_none_or(|offset| offset.split(':').all(|field| below(field, 60.0)))
}

/// Whether the last segment looks like a file's name.
fn is_file(value: &str) -> bool {
    let last = value.rsplit('/').next().unwrap_or_default();
    last.find('.').is_some_and(|dot| dot + 1 < last.len())
}
