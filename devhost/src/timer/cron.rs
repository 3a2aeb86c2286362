//! NCRONTAB: `{second} {minute} {hour} {day} {month} {day-of-week}`.
//!
//! The dialect is NCrontab's, not cron's: a day has to match both day fields, a value with a step
//! runs to the end of its field (`5/15`), a range the wrong way round is turned, names may be cut or
//! spelled out, Sunday is 0 and never 7, and `?`, `L`, `W` and `#` do not exist.

use super::ScheduleError;
use crate::newtonsoft::date::{civil, days_in_month};
use crate::newtonsoft::{Date, DateKind, TICKS_PER_SECOND};

const SECONDS_PER_DAY: i64 = 86_400;

const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: &[&str] = &[
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A field of an expression.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 6] = [
    Field {
        name: "second",
        least: 0,
        most: 59,
        names: &[],
    },
    Field {
        name: "minute",
        least: 0,
        most: 59,
        names: &[],
    },
    Field {
        name: "hour",
        least: 0,
        most: 23,
        names: &[],
    },
    Field {
        name: "day",
        least: 1,
        most: 31,
        names: &[],
    },
    Field {
        name: "month",
        least: 1,
        most: 12,
        names: MONTHS,
    },
    Field {
        name: "day of the week",
        least: 0,
        most: 6,
        names: DAYS,
    },
];

/// A parsed expression: for each field the values it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    seconds: Set,
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    days_of_week: Set,
}

/// Values below 64, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set(u64);

impl Set {
    fn has(self, value: i64) -> bool {
        self.0 >> value & 1 == 1
    }

    /// The least value that is not below this one.
    fn from(self, value: i64) -> Option<i64> {
        let rest = self.0.checked_shr(u32::try_from(value).ok()?).unwrap_or(0);
        (rest != 0).then(|| value + i64::from(rest.trailing_zeros()))
    }
}

impl Cron {
    /// Reads six fields, or five without the seconds, which are then zero.
    pub(super) fn parse(fields: &[&str]) -> Result<Self, ScheduleError> {
        let without_seconds = fields.len() == 5;
        let mut texts = without_seconds
            .then_some("0")
            .into_iter()
            .chain(fields.iter().copied());
        let mut next = |at: usize| FIELDS[at].parse(texts.next().unwrap_or_default());
        Ok(Self {
            seconds: next(0)?,
            minutes: next(1)?,
            hours: next(2)?,
            days: next(3)?,
            months: next(4)?,
            days_of_week: next(5)?,
        })
    }

    /// The first second after this date that matches every field.
    pub(super) fn next_after(&self, date: Date) -> Option<Date> {
        let first = date.ticks() / TICKS_PER_SECOND + 1;
        let last_day = Date::MAX.ticks() / TICKS_PER_SECOND / SECONDS_PER_DAY;
        let mut day = first / SECONDS_PER_DAY;
        let mut second = first % SECONDS_PER_DAY;
        while day <= last_day {
            let (year, month, of_month) = civil(day);
            if !self.months.has(month) {
                day += days_in_month(year, month) - of_month + 1;
                second = 0;
                continue;
            }
            if self.days.has(of_month)
                && self.days_of_week.has((day + 1) % 7)
                && let Some(found) = self.time_from(second)
            {
                let ticks = (day * SECONDS_PER_DAY + found) * TICKS_PER_SECOND;
                return Some(Date::from_ticks(ticks, DateKind::Local));
            }
            day += 1;
            second = 0;
        }
        None
    }

    /// The first matching second of a day from this one on.
    fn time_from(&self, second: i64) -> Option<i64> {
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let least = |set: Set| set.from(0);
        let first = self.hours.from(hour)?;
        if first == hour {
            // In the same hour: the rest of this minute, then the minutes after it.
            let same_minute = self
                .minutes
                .has(minute)
                .then(|| self.seconds.from(second))
                .flatten();
            if let Some(second) = same_minute {
                return Some(hour * 3600 + minute * 60 + second);
            }
            if let Some(minute) = self.minutes.from(minute + 1) {
                return Some(hour * 3600 + minute * 60 + least(self.seconds)?);
            }
        }
        let hour = self
            .hours
            .from(if first == hour { hour + 1 } else { first })?;
        Some(hour * 3600 + least(self.minutes)? * 60 + least(self.seconds)?)
    }
}

impl Field {
    fn parse(&self, text: &str) -> Result<Set, ScheduleError> {
        let wrong = || ScheduleError::Field {
            field: self.name,
            text: text.to_owned(),
        };
        text.split(',')
            .try_fold(Set(0), |set, part| Some(Set(set.0 | self.part(part)?.0)))
            .ok_or_else(wrong)
    }

    /// One part of a list: `*`, a value or a range, each with a step or without.
    fn part(&self, text: &str) -> Option<Set> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(number(step)?.max(1))),
            None => (text, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.most),
            Some((from, to)) => (self.value(from)?, self.value(to)?),
            None if step.is_some_and(|step| step > 1) => (self.value(range)?, self.most),
            None => (self.value(range)?, self.value(range)?),
        };
        let values =
            (from.min(to)..=from.max(to)).step_by(usize::try_from(step.unwrap_or(1)).ok()?);
        Some(Set(values.fold(0, |set, value| set | 1 << value)))
    }

    /// A number, or the beginning of a name.
    fn value(&self, text: &str) -> Option<u32> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return number(text).filter(|value| (self.least..=self.most).contains(value));
        }
        let begins = |name: &str| {
            name.get(..text.len())
                .is_some_and(|n| n.eq_ignore_ascii_case(text))
        };
        let at = self
            .names
            .iter()
            .position(|name| !text.is_empty() && begins(name))?;
        Some(self.least + u32::try_from(at).ok()?)
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}
