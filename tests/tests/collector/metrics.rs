//! Metrics, compared with the table that docs/telemetry.md has of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::rotel::{Told, What};
use crate::world::Seen;

/// Unit and attributes of a metric.
type Described = (String, BTreeSet<String>);

/// What nothing in the reference app brings about, and what counts only what was lost.
const NOT_HERE: [&str; 2] = ["stockade.quarantined", "stockade.telemetry.lost"];

#[test]
fn metrics_are_read_as_they_are_documented() {
    let mut documented = documented();
    for name in NOT_HERE {
        assert!(documented.remove(name).is_some(), "{documented:?}");
    }

    let told: BTreeMap<_, _> = metrics(Seen::get())
        .map(|metric| (metric.member("Name").to_owned(), described(metric)))
        .collect();

    assert_eq!(told, documented);
}

#[test]
fn counters_and_durations_are_read_as_what_they_are() {
    for metric in metrics(Seen::get()) {
        let (data, is_monotonic) = match metric.member("Unit") {
            "s" => ("Histogram", None),
            _ => ("Sum", Some("true")),
        };
        assert_eq!(metric.member("DataType"), data, "{metric:?}");
        if let Some(is_monotonic) = is_monotonic {
            assert_eq!(metric.member("IsMonotonic"), is_monotonic, "{metric:?}");
        }
        assert!(!metric.member("Description").is_empty(), "{metric:?}");
    }
}

#[test]
fn points_add_up_or_follow_each_other_as_the_operator_wants_it() {
    let deltas = Seen::of("delta");
    for (seen, temporality) in [(Seen::get(), "CUMULATIVE"), (&deltas, "DELTA")] {
        let told = metrics(seen).map(|metric| metric.member("AggregationTemporality"));
        let told: BTreeSet<_> = told.collect();
        let expected = format!("AGGREGATION_TEMPORALITY_{temporality}");
        assert_eq!(told, BTreeSet::from([&*expected]));
    }
}

fn metrics(seen: &Seen) -> impl Iterator<Item = &Told> {
    seen.told.iter().filter(|told| told.what == What::Metric)
}

fn described(metric: &Told) -> Described {
    let attributes = metric.names().into_iter().map(str::to_owned);
    (metric.member("Unit").to_owned(), attributes.collect())
}

/// The rows of the table under "Metrics".
fn documented() -> BTreeMap<String, Described> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/telemetry.md");
    let text = std::fs::read_to_string(page).expect("the page is there");
    let (_, table) = text
        .split_once("\n## Metrics\n")
        .expect("the page tells of metrics");
    let rows = table.lines().skip_while(|line| !line.starts_with('|'));
    rows.skip(2)
        .map_while(|row| {
            let [name, unit, attributes] = row
                .strip_prefix('|')?
                .strip_suffix('|')?
                .split('|')
                .collect::<Vec<_>>()
                .try_into()
                .ok()?;
            let attributes = attributes.split(',').map(word).collect();
            Some((word(name), (word(unit), attributes)))
        })
        .collect()
}

fn word(cell: &str) -> String {
    cell.trim().trim_matches('`').to_owned()
}
