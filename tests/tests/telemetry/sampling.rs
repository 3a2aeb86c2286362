//! Which invocations are recorded, and who decides it.

use stockade_tests::process::poll;
use stockade_tests::{Request, Setup};

use crate::world::{Caller, INSIGHTS, OTLP, SOURCES, World, observed};

fn sampled(sampler: &str, argument: &str) -> Setup {
    observed()
        .setting("OTEL_TRACES_SAMPLER", sampler)
        .setting("OTEL_TRACES_SAMPLER_ARG", argument)
}

/// Calls the function that takes nobody without a token.
fn refused(world: &World, caller: &Caller) {
    let request = Request::post("/api/take/end").header("traceparent", &caller.traceparent());
    assert_eq!(request.send(world.host.port).status, 401);
}

/// A trace whose place among all ids, from 0 to 1, is about so.
fn caller_at(place: u8) -> Caller {
    let caller = Caller::new();
    let (before, after) = (&caller.trace[..18], &caller.trace[20..]);
    let trace = format!("{before}{place:02x}{after}");
    caller.with_trace(trace)
}

/// Waits until what was called before is exported: spans leave in the order in which they ended.
fn flush(world: &World) {
    let last = Caller::new();
    refused(world, &last);
    world.span(&last, "take");
}

fn is_recorded(world: &World, caller: &Caller) -> bool {
    let trace = world.trace(&caller.trace);
    let spans = SOURCES.map(|source| trace.spans_of(source));
    assert_eq!(spans[0], spans[1], "both tell of the same: {trace:?}");
    spans[0] > 0
}

#[test]
fn nothing_good_is_recorded_with_the_sampler_off_and_each_refusal_is() {
    let world = World::start(&sampled("always_off", ""));
    let (good, bad) = (Caller::new(), Caller::new());

    for _ in 0..3 {
        assert_eq!(world.get("/api/span", &good), 200);
    }
    refused(&world, &bad);
    flush(&world);

    assert!(!is_recorded(&world, &good));
    let span = world.span(&bad, "take");
    assert_eq!(span.attribute("error.type"), "missing_token");
    // What is odd about a good invocation is told all the same, and its ordinary lines are not.
    let trace = world.wait_for_trace("the warning", &good.trace, |trace| {
        (trace.lines().len() >= 3).then(|| trace.lines())
    });
    for [_, otlp] in trace {
        assert_eq!(otlp["body"], "inside, and odd");
    }
}

#[test]
fn a_fixed_share_is_taken_by_the_traces_id_and_told_with_each_span() {
    for sampler in ["microsoft.fixed_percentage", "traceidratio"] {
        let world = World::start(&sampled(sampler, "0.25"));
        let within: Vec<_> = [0x00, 0x20, 0x3f].map(caller_at).into();
        let beyond: Vec<_> = [0x40, 0x80, 0xff].map(caller_at).into();

        for caller in within.iter().chain(&beyond) {
            assert_eq!(world.get("/api/plain", caller), 200);
        }
        flush(&world);

        for caller in &within {
            let span = world.span(caller, "plain");
            assert_eq!(span.insights["sampleRate"], 25.0, "{span:?}");
            assert_eq!(span.attribute("microsoft.sample_rate"), 25.0, "{span:?}");
        }
        for caller in &beyond {
            assert!(!is_recorded(&world, caller), "{sampler}: {}", caller.trace);
            refused(&world, caller);
            let span = world.span(caller, "take");
            assert_eq!(span.insights["sampleRate"], 100.0, "{span:?}");
        }
    }
}

#[test]
fn a_callers_flag_decides_nothing() {
    for (sampler, is_on) in [("always_on", true), ("always_off", false)] {
        for sampler in [sampler.to_owned(), format!("parentbased_{sampler}")] {
            let world = World::start(&sampled(&sampler, ""));
            let callers = ["00", "01"].map(|flags| Caller::new().with_flags(flags));

            for caller in &callers {
                assert_eq!(world.get("/api/plain", caller), 200);
            }
            flush(&world);

            for caller in &callers {
                assert_eq!(is_recorded(&world, caller), is_on, "{sampler}");
            }
        }
    }
}

#[test]
fn the_usual_sampler_bounds_what_is_recorded_of_many_and_counts_them_all() {
    const CALLS: usize = 300;
    let world = World::start(
        &observed()
            .setting("OTEL_TRACES_SAMPLER", "microsoft.rate_limited")
            .setting("OTEL_TRACES_SAMPLER_ARG", "2"),
    );

    for _ in 0..CALLS {
        assert_eq!(world.get("/api/plain", &Caller::new()), 200);
    }
    flush(&world);
    // Application Insights gets spans that stand for the same share together, one share after the other.
    poll("both to have the same", || {
        let sources = &world.report()["sources"];
        let of = |source: &str| sources[source]["signals"]["traces"]["items"].as_u64();
        (of(INSIGHTS) == of(OTLP)).then_some(())
    });

    let spans = world.envelopes("RequestData");
    let plain = spans
        .iter()
        .filter(|span| span["tags"]["ai.operation.name"] == "plain");
    let rates: Vec<f64> = plain
        .filter_map(|span| span["sampleRate"].as_f64())
        .collect();
    assert!(!rates.is_empty(), "some are recorded");
    assert!(rates.len() < CALLS / 2, "{} are recorded", rates.len());
    assert!(rates.iter().any(|rate| *rate < 100.0), "{rates:?}");
    for source in [INSIGHTS, OTLP] {
        poll("the count of all", || {
            let count = crate::metrics::count(
                &world,
                source,
                "faas.invoke_duration",
                &[("faas.name", "plain")],
            );
            (count == CALLS as u64).then_some(())
        });
    }
}
