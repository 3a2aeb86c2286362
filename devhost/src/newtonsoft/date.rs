//! Dates: which strings are taken for one, and how it is written again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Ticks of 100 ns in a second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;

const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;
/// 1970-01-01, counted from 0001-01-01.
const UNIX_EPOCH_TICKS: i64 = 719_162 * TICKS_PER_DAY;
/// 9999-12-31T23:59:59.9999999.
const MAX_TICKS: i64 = 3_652_059 * TICKS_PER_DAY - 1;

/// What a date knows about its zone (`DateTimeKind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateKind {
    /// Nothing: written without a zone.
    Unspecified,
    /// It is UTC: written with `Z`.
    Utc,
    /// It is the host's local time, which is UTC too: written with `+00:00`.
    Local,
}

/// An instant between the years 1 and 9999, to 100 ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    ticks: i64,
    kind: DateKind,
}

impl Date {
    /// 0001-01-01T00:00:00, .NET's default.
    pub const MIN: Self = Self {
        ticks: 0,
        kind: DateKind::Local,
    };
    /// 9999-12-31T23:59:59.9999999, which stands for never.
    pub const MAX: Self = Self {
        ticks: MAX_TICKS,
        kind: DateKind::Local,
    };

    /// An instant, kept inside the years .NET knows.
    pub fn at(time: SystemTime, kind: DateKind) -> Self {
        let ticks = |d: Duration| i64::try_from(d.as_nanos() / 100).unwrap_or(i64::MAX);
        let ticks = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => UNIX_EPOCH_TICKS.saturating_add(ticks(after)),
            Err(before) => UNIX_EPOCH_TICKS.saturating_sub(ticks(before.duration())),
        };
        Self {
            ticks: ticks.clamp(0, MAX_TICKS),
            kind,
        }
    }

    /// Now, as the host's clock tells it.
    pub fn now(kind: DateKind) -> Self {
        Self::at(SystemTime::now(), kind)
    }

    /// So many ticks of 100 ns after 0001-01-01, kept inside the years .NET knows.
    pub fn from_ticks(ticks: i64, kind: DateKind) -> Self {
        Self {
            ticks: ticks.clamp(0, MAX_TICKS),
            kind,
        }
    }

    /// Ticks of 100 ns since 0001-01-01.
    pub fn ticks(self) -> i64 {
        self.ticks
    }

    /// The same instant with another kind.
    #[must_use]
    pub fn with_kind(self, kind: DateKind) -> Self {
        Self { kind, ..self }
    }

    /// Reads a string the way Newtonsoft does when it decides whether the string is a date:
    /// `2026-03-14T09:26:51` with optional fraction and zone, or `/Date(milliseconds)/`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        match bytes.first()? {
            b'/' => microsoft(text),
            b'0'..=b'9' if (19..=40).contains(&bytes.len()) && bytes[10] == b'T' => iso(bytes),
            _ => None,
        }
    }

    /// ISO with as much of the fraction as is not zero: `2026-03-14T09:26:51.5Z`.
    pub fn to_iso(self) -> String {
        let mut text = self.to_iso_seconds();
        let fraction = self.ticks % TICKS_PER_SECOND;
        if fraction != 0 {
            text.push('.');
            text.push_str(format!("{fraction:07}").trim_end_matches('0'));
        }
        text.push_str(match self.kind {
            DateKind::Unspecified => "",
            DateKind::Utc => "Z",
            DateKind::Local => "+00:00",
        });
        text
    }

    /// ISO cut to whole seconds, without a zone: `2026-03-14T09:26:51`.
    pub fn to_iso_seconds(self) -> String {
        let Parts {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self.parts();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }

    /// What `ToString()` gives under the invariant culture: `03/14/2026 09:26:51`.
    pub fn to_dotnet_string(self) -> String {
        let Parts {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self.parts();
        format!("{month:02}/{day:02}/{year:04} {hour:02}:{minute:02}:{second:02}")
    }

    /// Year, month (from 1) and day (from 1), and the time of day.
    pub(crate) fn parts(self) -> Parts {
        let (year, month, day) = civil(self.ticks / TICKS_PER_DAY);
        let second = self.ticks % TICKS_PER_DAY / TICKS_PER_SECOND;
        Parts {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }
}

/// A date taken apart.
pub(crate) struct Parts {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
}

/// Days since 0001-01-01 for a day of the proleptic Gregorian calendar.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 306
}

/// The day that is this many days after 0001-01-01.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 306;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// How many days the month has.
pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn digits(bytes: &[u8], start: usize, count: usize) -> Option<i64> {
    let digits = bytes.get(start..start + count)?;
    digits.iter().try_fold(0, |sum, b| {
        b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0'))
    })
}

fn iso(bytes: &[u8]) -> Option<Date> {
    let marks = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| bytes[*at] != *mark) {
        return None;
    }
    let (year, month, day) = (
        digits(bytes, 0, 4)?,
        digits(bytes, 5, 2)?,
        digits(bytes, 8, 2)?,
    );
    let (hour, minute, second) = (
        digits(bytes, 11, 2)?,
        digits(bytes, 14, 2)?,
        digits(bytes, 17, 2)?,
    );
    let (fraction, end) = fraction(bytes)?;
    let date_holds =
        year >= 1 && (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    let midnight = hour == 24 && minute == 0 && second == 0 && fraction == 0;
    if !date_holds || !(hour < 24 || midnight) || minute > 59 || second > 59 {
        return None;
    }
    let ticks = days(year, month, day) * TICKS_PER_DAY
        + ((hour * 60 + minute) * 60 + second) * TICKS_PER_SECOND
        + fraction;
    if ticks > MAX_TICKS {
        return None;
    }
    let (kind, offset_minutes) = zone(bytes, end)?;
    let ticks = (ticks - offset_minutes * 60 * TICKS_PER_SECOND).clamp(0, MAX_TICKS);
    Some(Date { ticks, kind })
}

/// Up to seven digits after the seconds, in ticks, and where they end.
fn fraction(bytes: &[u8]) -> Option<(i64, usize)> {
    if bytes.get(19) != Some(&b'.') {
        return Some((0, 19));
    }
    let count = bytes[20..]
        .iter()
        .take(7)
        .take_while(|b| b.is_ascii_digit())
        .count();
    if count == 0 {
        return None;
    }
    let missing = u32::try_from(7 - count).expect("at most seven digits are counted");
    Some((digits(bytes, 20, count)? * 10_i64.pow(missing), 20 + count))
}

/// The zone from `start` on, which must reach to the end. Newtonsoft is loose here: hours and minutes
/// run to 99, the colon may be missing, and minutes without a sign leave the kind open.
fn zone(bytes: &[u8], start: usize) -> Option<(DateKind, i64)> {
    let mut at = start;
    let (mut kind, mut sign, mut hours, mut minutes) = (DateKind::Unspecified, 1, 0, 0);
    match bytes.get(at) {
        None => {}
        Some(b'Z' | b'z') => {
            kind = DateKind::Utc;
            at += 1;
        }
        Some(mark) => {
            if let (b'+' | b'-', Some(found)) = (mark, digits(bytes, at + 1, 2)) {
                kind = DateKind::Local;
                (sign, hours) = (if *mark == b'-' { -1 } else { 1 }, found);
                at += 3;
            }
            if bytes.get(at) == Some(&b':') {
                at += 1;
            }
            if let Some(found) = digits(bytes, at, 2) {
                minutes = found;
                at += 2;
            }
        }
    }
    let offset = if kind == DateKind::Local {
        sign * (hours * 60 + minutes)
    } else {
        0
    };
    (at == bytes.len()).then_some((kind, offset))
}

/// `/Date(1234567890)/`, milliseconds since 1970. An offset after them is checked and changes
/// nothing but the kind.
fn microsoft(text: &str) -> Option<Date> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let sign = inner.get(1..)?.find(['+', '-']).map(|at| at + 1);
    let (number, kind) = match sign {
        None => (inner, DateKind::Utc),
        Some(at) => {
            let offset = &inner.as_bytes()[at + 1..];
            digits(offset, 0, 2)?;
            if offset.len() > 2 {
                digits(offset, offset.len().min(4) - 2, 2)?;
            }
            (&inner[..at], DateKind::Local)
        }
    };
    let milliseconds: i64 = number.parse().ok().filter(|_| !number.starts_with('+'))?;
    let ticks = milliseconds
        .checked_mul(10_000)?
        .checked_add(UNIX_EPOCH_TICKS)?;
    (0..=MAX_TICKS)
        .contains(&ticks)
        .then_some(Date { ticks, kind })
}
