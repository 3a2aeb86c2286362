//! How the host writes single values (host 4.1037, ScriptInvocationContextExtensions).

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use memchr::memchr;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

/// A value that the host wrote as its JSON text inside a string: `"\"id\""`, `"5"`.
#[derive(Debug)]
pub(crate) struct JsonText<T>(T);

impl<T> JsonText<T> {
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for JsonText<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        serde_json::from_str(&text.0)
            .map(Self)
            .map_err(|_| D::Error::custom("not the JSON text of the value"))
    }
}

/// A string, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The text that a JSON string stands for, in a single allocation: bodies are long and full of
/// quotes, and `serde_json` would let a buffer grow with them and then copy it.
pub(super) fn unquoted(quoted: &str) -> serde_json::Result<String> {
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let mut rest = inner.ok_or_else(|| serde_json::Error::custom("not a string"))?;
    let mut text = String::with_capacity(rest.len());
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        text.push(match rest.as_bytes().get(at + 1) {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            // The rare ones, which stand for control characters.
            _ => return serde_json::from_str(quoted),
        });
        rest = &rest[at + 2..];
    }
    text.push_str(rest);
    Ok(text)
}

/// The text of a payload: the host writes a string as its JSON text, and some pages show it bare, so
/// both are taken (host 4.1037, GetHttpScriptInvocationContextValue).
pub(super) fn payload_text(text: &str) -> Cow<'_, str> {
    if text.starts_with('"')
        && let Ok(inner) = serde_json::from_str::<Text<'_>>(text)
    {
        inner.0
    } else {
        Cow::Borrowed(text)
    }
}

/// A point in time as the host writes it: ISO 8601, whole seconds or finer, with or without an
/// offset; without one it is UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OffsetTime(Option<SystemTime>);

impl OffsetTime {
    /// The time; none for the first and the last year that .NET knows, which stand for "never".
    pub(crate) fn system_time(self) -> Option<SystemTime> {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once('T')?;
        let mut date = date.splitn(3, '-');
        let (year, month, day) = (
            digits(date.next()?)?,
            digits(date.next()?)?,
            digits(date.next()?)?,
        );
        let zone = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
        let (time, zone) = rest.split_at(zone);
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let mut time = time.splitn(3, ':');
        let (hour, minute, second) = (
            digits(time.next()?)?,
            digits(time.next()?)?,
            digits(time.next()?)?,
        );
        let sound = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60
            && fraction.len() <= 9;
        if !sound {
            return None;
        }
        if year <= 1 || year >= 9999 {
            return Some(Self(None));
        }
        let nanos = digits(fraction)? * 10_i64.pow(9 - u32::try_from(fraction.len()).ok()?);
        let seconds =
            days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
                - offset_seconds(zone)?;
        let since = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanos).ok()?);
        Some(Self(SystemTime::UNIX_EPOCH.checked_add(since)))
    }
}

impl<'de> Deserialize<'de> for OffsetTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        Self::parse(&text.0).ok_or_else(|| D::Error::custom("not a time"))
    }
}

fn digits(text: &str) -> Option<i64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

fn offset_seconds(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first() {
        None | Some(b'Z') => return Some(0),
        Some(b'-') => -1,
        Some(_) => 1,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    Some(sign * (digits(hours)? * 3600 + digits(minutes)? * 60))
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years count from March, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_an_offset() {
        let at = |text| OffsetTime::parse(text).unwrap().system_time().unwrap();
        let epoch = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);

        assert_eq!(at("2026-11-21T23:15:20+00:00"), epoch(1_795_302_920));
        assert_eq!(at("2026-11-22T00:15:20+01:00"), epoch(1_795_302_920));
        assert_eq!(at("2026-11-21T23:15:20"), epoch(1_795_302_920));
        assert_eq!(
            at("2026-11-21T23:15:20.5Z"),
            epoch(1_795_302_920) + Duration::from_millis(500)
        );
    }

    #[test]
    fn the_ends_of_dotnets_calendar_stand_for_never() {
        for never in ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"] {
            assert_eq!(OffsetTime::parse(never).unwrap().system_time(), None);
        }
    }

    #[test]
    fn a_text_is_unquoted_whatever_its_escapes() {
        let quoted = r#""a \" \\ \/ \n\r\t ä \b\f\u0000\ud83d\ude00 z""#;

        let text = unquoted(quoted).unwrap();

        assert_eq!(text, "a \" \\ / \n\r\t ä \u{8}\u{c}\0😀 z");
        for other in ["", "\"", "7", "null", r#"["a"]"#, r#""\x""#, r#""\ud800""#] {
            assert!(unquoted(other).is_err(), "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_quoted_is_unquoted_to_the_same_text(text in "[a-z\"\\\\/\n\r\t\u{0}-\u{1f}é😀]{0,40}") {
            let quoted = serde_json::to_string(&text).unwrap();

            proptest::prop_assert_eq!(unquoted(&quoted).unwrap(), text);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = OffsetTime::parse(&text);
            let _ = payload_text(&text);
        }
    }
}
