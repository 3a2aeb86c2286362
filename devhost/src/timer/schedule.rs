//! Schedules: NCRONTAB expressions and fixed intervals.

use std::time::Duration;

use super::cron::Cron;
use crate::newtonsoft::{Date, DateKind, TICKS_PER_SECOND};

/// When a timer is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// At the times an NCRONTAB expression names.
    Cron(Cron),
    /// Again and again after this long.
    Every(Duration),
}

/// Why text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// It has neither five or six fields nor the form of a time span.
    #[error("{0:?} is neither a cron expression of six fields nor a time span like 00:05:00")]
    Form(String),
    /// One field of the expression is wrong.
    #[error("{text:?} is no valid {field}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What it says.
        text: String,
    },
    /// The time span is zero.
    #[error("a timer cannot be due all the time")]
    Zero,
}

impl Schedule {
    /// Reads `schedule` of function.json: six NCRONTAB fields (or five, without the seconds), or a
    /// time span as `TimeSpan.Parse` takes it: `00:05:00`, `1.12:00`, `7` for seven days.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] names what is wrong.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        match fields.len() {
            5 | 6 => Cron::parse(&fields).map(Self::Cron),
            1 => match time_span(fields[0]) {
                Some(Duration::ZERO) => Err(ScheduleError::Zero),
                Some(interval) => Ok(Self::Every(interval)),
                None => Err(ScheduleError::Form(text.to_owned())),
            },
            _ => Err(ScheduleError::Form(text.to_owned())),
        }
    }

    /// The first time after this one; `None` when there is none before the year 10000.
    pub fn next_after(&self, date: Date) -> Option<Date> {
        match self {
            Self::Cron(cron) => cron.next_after(date),
            Self::Every(interval) => {
                let ticks = i64::try_from(interval.as_nanos() / 100).ok()?;
                let next = date
                    .ticks()
                    .checked_add(ticks)
                    .filter(|next| *next <= Date::MAX.ticks())?;
                Some(Date::from_ticks(next, DateKind::Local))
            }
        }
    }

    pub(super) fn adjusts_for_daylight_saving(&self) -> bool {
        matches!(self, Self::Cron(_))
    }

    /// Whether two of the next ten runs are less than a minute apart.
    pub(super) fn is_too_frequent_to_monitor(&self, now: Date) -> bool {
        let runs = std::iter::successors(self.next_after(now), |run| self.next_after(*run));
        let runs: Vec<i64> = runs.take(10).map(Date::ticks).collect();
        runs.windows(2)
            .any(|pair| pair[1] - pair[0] < 60 * TICKS_PER_SECOND)
    }
}

/// `d`, `[d.]hh:mm[:ss[.fffffff]]` or `d:hh:mm:ss[.fffffff]`; never negative.
fn time_span(text: &str) -> Option<Duration> {
    if let Some(days) = number(text, 10_675_199) {
        return Some(Duration::from_secs(days * 86_400));
    }
    let (days, time) = match text.split_once('.') {
        Some((days, time)) if !days.contains(':') => (number(days, 10_675_198)?, time),
        _ => (0, text),
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let parts: Vec<&str> = time.split(':').collect();
    let (days, [hours, minutes, seconds]) = match parts.as_slice() {
        [hours, minutes] if fraction.is_empty() => (days, [hours, minutes, &"0"]),
        [hours, minutes, seconds] => (days, [hours, minutes, seconds]),
        [more, hours, minutes, seconds] if days == 0 => {
            (number(more, 10_675_198)?, [hours, minutes, seconds])
        }
        _ => return None,
    };
    let seconds = number(hours, 23)? * 3600 + number(minutes, 59)? * 60 + number(seconds, 59)?;
    let nanos = if fraction.is_empty() {
        0
    } else {
        number(&format!("{fraction:0<9}"), 999_999_999)?
    };
    let whole = Duration::from_secs(days * 86_400 + seconds);
    (fraction.len() <= 7 && !text.ends_with('.')).then(|| whole + Duration::from_nanos(nanos))
}

fn number(text: &str, most: u64) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= most)
}
