//! Shows invocations in the terminal, once nothing more is heard of them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use crate::log::{Log, Severity};

use super::Telemetry;
use super::store::{Place, Store};
use super::tree;

/// How often it is looked for what to show, and how much is shown then.
const PERIOD: Duration = Duration::from_secs(1);
const SHOWN: usize = 5;
/// How long nothing may have come of a trace. Exporters send what belongs together at about the same time.
const QUIET: Duration = Duration::from_secs(1);
const MAX_WAITING: usize = 2000;

/// Invocations that are yet to be shown.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    places: VecDeque<Place>,
    /// How many were too many to wait.
    missed: usize,
}

impl Waiting {
    pub(super) fn push(&mut self, place: Place) {
        if self.places.len() == MAX_WAITING {
            self.places.pop_front();
            self.missed += 1;
        }
        self.places.push_back(place);
    }

    /// Those of which nothing came for long enough; whoever is not there any more is left out.
    pub(super) fn take(&mut self, age: impl Fn(&Place) -> Option<Duration>) -> Vec<Place> {
        let mut quiet = Vec::new();
        self.places.retain(|place| match age(place) {
            Some(age) if age < QUIET => true,
            Some(_) => {
                quiet.push(place.clone());
                false
            }
            None => false,
        });
        quiet
    }
}

/// A line for the terminal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) severity: Severity,
    pub(super) text: String,
}

impl Telemetry {
    /// Shows invocations for ever.
    pub(crate) async fn show(self, log: Log) -> Infallible {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let page = self.page();
        loop {
            ticks.tick().await;
            let lines = self.lock().next_lines(Instant::now(), &page);
            for line in lines {
                log.picture(line.severity, &line.text);
            }
        }
    }
}

impl Store {
    /// The trees of what became quiet, bad ends first, and how many there is no room for.
    pub(super) fn next_lines(&mut self, now: Instant, page: &str) -> Vec<Line> {
        let mut quiet = self.take_quiet(now);
        let missed = std::mem::take(&mut self.waiting.missed);
        quiet.sort_by_key(|place| {
            let found = self.find(place);
            found.is_none_or(|(_, span)| span.outcome() == "succeeded")
        });
        let more = quiet.len().saturating_sub(SHOWN) + missed;
        quiet.truncate(SHOWN);
        let found = quiet.iter().filter_map(|place| self.find(place));
        let mut lines: Vec<Line> = found
            .flat_map(|(trace, span)| tree::draw(trace, span))
            .collect();
        if more > 0 {
            lines.push(Line {
                severity: Severity::Information,
                text: format!("… and {more} more; see {page}"),
            });
        }
        lines
    }
}
