//! `TimeSpan` as configuration spells it.

use std::time::Duration;

/// Reads `[d.]hh:mm[:ss[.fffffff]]`, or a bare number of days as .NET does.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let Some((first, rest)) = text.split_once(':') else {
        return Some(Duration::from_secs(text.parse::<u32>().ok()?.into()) * 86_400);
    };
    let (days, hours) = match first.split_once('.') {
        Some((days, hours)) => (days.parse::<u32>().ok()?, hours.parse::<u32>().ok()?),
        None => (0, first.parse::<u32>().ok()?),
    };
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
    let minutes = minutes.parse::<u32>().ok()?;
    let seconds = seconds.parse::<f64>().ok()?;
    if hours > 23 || minutes > 59 || !(0.0..60.0).contains(&seconds) {
        return None;
    }
    let whole = u64::from(days) * 86_400 + u64::from(hours) * 3600 + u64::from(minutes) * 60;
    Some(Duration::from_secs(whole) + Duration::from_secs_f64(seconds))
}
