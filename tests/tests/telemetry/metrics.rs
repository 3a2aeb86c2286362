//! Metrics, which are exact whatever is sampled.

use serde_json::{Value, json};
use stockade_tests::process::poll;
use stockade_tests::{App, Request, Setup};

use crate::world::{Caller, INSIGHTS, SOURCES, World, observed, watched};

/// How often something was measured, or what a counter has come to, by one source.
///
/// Application Insights is told what came since the last time, OTLP the whole.
pub(crate) fn count(world: &World, source: &str, name: &str, wanted: &[(&str, &str)]) -> u64 {
    if source == INSIGHTS {
        let metrics = world.envelopes("MetricData");
        let points = metrics.iter().filter_map(|envelope| {
            let data = &envelope["data"]["baseData"];
            let point = &data["metrics"][0];
            let is_wanted = point["name"] == name && has(&data["properties"], wanted);
            is_wanted.then(|| number(&point["count"], &point["value"]))
        });
        return points.sum();
    }
    let report = world.report();
    let series = report["metrics"].as_array().into_iter().flatten();
    let series = series.filter(|series| {
        series["source"] == source && series["name"] == name && has(&series["attributes"], wanted)
    });
    series
        .map(|series| number(&series["count"], &series["value"]))
        .sum()
}

fn has(attributes: &Value, wanted: &[(&str, &str)]) -> bool {
    wanted
        .iter()
        .all(|(name, value)| attributes[name] == *value)
}

/// Of a histogram the count, of a counter the value.
fn number(count: &Value, value: &Value) -> u64 {
    let value = value.as_f64().unwrap_or_default();
    count.as_u64().unwrap_or(value as u64)
}

/// Waits until both sources have come to this.
fn comes_to(world: &World, name: &str, wanted: &[(&str, &str)], expected: u64) {
    for source in SOURCES {
        poll(&format!("{name} {wanted:?} of {source}"), || {
            let count = count(world, source, name, wanted);
            assert!(count <= expected, "{source}: {name} {wanted:?}: {count}");
            (count == expected).then_some(())
        });
    }
}

/// Waits until both sources have something.
fn is_there(world: &World, name: &str, wanted: &[(&str, &str)]) {
    for source in SOURCES {
        poll(&format!("{name} {wanted:?} of {source}"), || {
            (count(world, source, name, wanted) > 0).then_some(())
        });
    }
}

#[test]
fn calls_are_counted_by_function_and_outcome_and_refusals_by_rule() {
    let world = World::start(&observed());
    let body = json!({"name": "Ada", "email": "ada@example.org"});
    let token = world.host.token_with(&["Things.Write"]);
    let take = |request: Request| request.send(world.host.port).status;
    let with = |how: &str, token: &str| Request::post(&format!("/api/take/{how}")).bearer(token);

    for _ in 0..7 {
        assert_eq!(world.get("/api/plain", &Caller::new()), 200);
    }
    for _ in 0..3 {
        assert_eq!(take(with("end", &token).json(&body)), 200);
        assert_eq!(take(Request::post("/api/take/end").json(&body)), 401);
    }
    let other = world.host.token_with(&["Other"]);
    assert_eq!(take(with("end", &other).json(&body)), 403);
    assert_eq!(take(with("end", &token).json(&json!({}))), 400);
    assert_eq!(take(with("fail", &token).json(&body)), 500);
    world.send("observed", &json!({"name": 1}));

    for (function, outcome, expected) in [
        ("plain", "succeeded", 7),
        ("take", "succeeded", 3),
        ("take", "denied", 4),
        ("take", "rejected", 1),
        ("take", "failed", 1),
    ] {
        let wanted = [("faas.name", function), ("stockade.outcome", outcome)];
        comes_to(&world, "faas.invoke_duration", &wanted, expected);
    }
    let by_rule = |rule| [("faas.name", "take"), ("error.type", rule)];
    comes_to(&world, "stockade.refusals", &by_rule("missing_token"), 3);
    comes_to(
        &world,
        "stockade.refusals",
        &by_rule("missing_permission"),
        1,
    );
    comes_to(&world, "stockade.rejections", &by_rule("invalid_input"), 1);
    let kept = [("faas.name", "observe"), ("error.type", "invalid_input")];
    comes_to(&world, "stockade.quarantined", &kept, 1);
    comes_to(
        &world,
        "stockade.queue_time",
        &[("faas.name", "observe")],
        1,
    );
    is_there(&world, "stockade.key.refreshes", &[("result", "done")]);
    is_there(&world, "stockade.token_cache.lookups", &[("result", "hit")]);
    is_there(
        &world,
        "stockade.token_cache.lookups",
        &[("result", "miss")],
    );
}

#[test]
fn secrets_that_are_read_are_counted() {
    let world = World::start(&watched(Setup::of(App::Reference)));

    is_there(&world, "stockade.secret.refreshes", &[("result", "done")]);
}
