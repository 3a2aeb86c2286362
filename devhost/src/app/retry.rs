//! Retry policies: another attempt of the same invocation, inside the host.

use super::{Binding, Config, span};
use crate::newtonsoft::Token;
use std::time::Duration;

/// A retry policy (host 4.1037, `RetryOptions`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    /// `None` retries for ever.
    pub(crate) max_retry_count: Option<u32>,
    pub(crate) strategy: Strategy,
}

/// How long to wait before another attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    FixedDelay {
        delay: Duration,
    },
    ExponentialBackoff {
        minimum: Duration,
        maximum: Duration,
    },
}

impl Retry {
    /// The policy of a function, or the one for all in host.json.
    pub(crate) fn of(
        function: &Token,
        at: &str,
        config: &Config,
        problems: &mut Vec<String>,
    ) -> Option<Self> {
        match function.property("retry") {
            Some(retry) => Self::read(
                |name| retry.property(name).map(Token::to_dotnet_string),
                at,
                problems,
            ),
            None if config.has_section("retry") => Self::read(
                |name| config.text(&format!("retry:{name}")).map(str::to_owned),
                "host.json",
                problems,
            ),
            None => None,
        }
    }

    fn read(
        text: impl Fn(&str) -> Option<String>,
        at: &str,
        problems: &mut Vec<String>,
    ) -> Option<Self> {
        let mut duration = |name: &str| {
            let found = text(name).as_deref().and_then(span::parse);
            if found.is_none() {
                problems.push(format!(
                    "{at}: retry.{name} has to be a time span such as \"00:00:10\""
                ));
            }
            found
        };
        let strategy = match text("strategy").unwrap_or_default().to_lowercase().as_str() {
            "fixeddelay" => Strategy::FixedDelay {
                delay: duration("delayInterval")?,
            },
            "exponentialbackoff" => Strategy::ExponentialBackoff {
                minimum: duration("minimumInterval")?,
                maximum: duration("maximumInterval")?,
            },
            other => {
                problems.push(format!("{at}: retry.strategy is {other:?}; the host knows fixedDelay and exponentialBackoff"));
                return None;
            }
        };
        let Some(count) = text("maxRetryCount").and_then(|count| count.parse::<i64>().ok()) else {
            problems.push(format!(
                "{at}: retry.maxRetryCount has to be a number; -1 retries for ever"
            ));
            return None;
        };
        Some(Self {
            max_retry_count: u32::try_from(count).ok(),
            strategy,
        })
    }

    /// The wait after this many attempts have failed.
    pub(crate) fn delay(&self, failed: u32) -> Duration {
        match self.strategy {
            Strategy::FixedDelay { delay } => delay,
            Strategy::ExponentialBackoff { minimum, maximum } => minimum
                .saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)))
                .min(maximum),
        }
    }
}

/// The triggers that retry policies are for; elsewhere the host ignores them
/// (host 4.1037, `SupportsRetryAttribute`).
pub(crate) fn takes_retries(trigger: &Binding) -> bool {
    [
        "timerTrigger",
        "eventHubTrigger",
        "cosmosDBTrigger",
        "kafkaTrigger",
    ]
    .iter()
    .any(|kind| trigger.is_kind(kind))
}
