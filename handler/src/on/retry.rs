//! Retry policies: what the host does with a failed event of a trigger that supports them.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// A retry policy in function.json (Microsoft: "Azure Functions error handling and retries").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    attempts: u32,
    strategy: Strategy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strategy {
    Fixed { delay: Duration },
    Exponential { least: Duration, most: Duration },
}

impl Retry {
    /// Tries `attempts` times more, `delay` apart (whole seconds).
    pub fn fixed(attempts: u32, delay: Duration) -> Self {
        Self {
            attempts,
            strategy: Strategy::Fixed { delay },
        }
    }

    /// Tries `attempts` times more, with a pause that grows from `least` to `most` (whole seconds).
    pub fn exponential(attempts: u32, least: Duration, most: Duration) -> Self {
        Self {
            attempts,
            strategy: Strategy::Exponential { least, most },
        }
    }
}

impl Serialize for Retry {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.strategy {
            Strategy::Fixed { delay } => {
                map.serialize_entry("strategy", "fixedDelay")?;
                map.serialize_entry("maxRetryCount", &self.attempts)?;
                map.serialize_entry("delayInterval", &time_span(delay))?;
            }
            Strategy::Exponential { least, most } => {
                map.serialize_entry("strategy", "exponentialBackoff")?;
                map.serialize_entry("maxRetryCount", &self.attempts)?;
                map.serialize_entry("minimumInterval", &time_span(least))?;
                map.serialize_entry("maximumInterval", &time_span(most))?;
            }
        }
        map.end()
    }
}

/// A duration as .NET's `TimeSpan` reads it: `[d.]hh:mm:ss`.
fn time_span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let day = if days > 0 {
        format!("{days}.")
    } else {
        String::new()
    };
    format!("{day}{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_written_as_the_host_reads_it() {
        let fixed = Retry::fixed(4, Duration::from_secs(10));
        let growing = Retry::exponential(5, Duration::from_secs(5), Duration::from_secs(90_000));

        assert_eq!(
            serde_json::to_string(&fixed).unwrap(),
            r#"{"strategy":"fixedDelay","maxRetryCount":4,"delayInterval":"00:00:10"}"#
        );
        assert_eq!(
            serde_json::to_string(&growing).unwrap(),
            r#"{"strategy":"exponentialBackoff","maxRetryCount":5,"minimumInterval":"00:00:05","maximumInterval":"1.01:00:00"}"#
        );
    }
}
