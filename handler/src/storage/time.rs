//! Times as the Blob service writes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azure_core::time::OffsetDateTime;

/// The time in UTC to the second, `YYYY-MM-DDThh:mm:ssZ`: one of the forms that a SAS takes
/// (Microsoft Learn, "Formatting DateTime values").
pub(super) fn utc(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
    )
}

/// The time without what is left of a second.
pub(super) fn to_the_second(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_to_the_second() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_102_444_800, "2100-01-01T00:00:00Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(utc(time), text);
            assert_eq!(utc(time + Duration::from_millis(999)), text);
            assert_eq!(to_the_second(time + Duration::from_millis(999)), time);
        }
    }
}
