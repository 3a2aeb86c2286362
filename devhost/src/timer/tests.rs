use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::sleep;

use super::*;
use crate::call::Outcome;
use crate::clock::Clock;
use crate::newtonsoft::TICKS_PER_SECOND;
use crate::testing::recorded;

fn date(text: &str) -> Date {
    Date::parse(&format!("{text}+00:00")).unwrap()
}

fn next(schedule: &str, after: &str) -> String {
    let next = Schedule::parse(schedule).unwrap().next_after(date(after));
    next.map_or_else(|| "never".to_owned(), Date::to_iso_seconds)
}

#[test]
fn an_expression_is_due_where_ncrontab_says() {
    let cases = [
        (
            "*/10 * * * * *",
            "2026-11-21T23:08:20",
            "2026-11-21T23:08:30",
        ),
        (
            "*/10 * * * * *",
            "2026-11-21T23:08:19.9999999",
            "2026-11-21T23:08:20",
        ),
        (
            "0 */5 * * * *",
            "2026-12-31T23:59:00",
            "2027-01-01T00:00:00",
        ),
        (
            "0 0 3 * * *",
            "2026-11-21T23:11:58.3272186",
            "2026-11-22T03:00:00",
        ),
        ("0 3 * * *", "2026-11-21T23:11:58", "2026-11-22T03:00:00"),
        (
            "30 5/20 9-17 * * MON-FRI",
            "2026-11-20T17:45:31",
            "2026-11-23T09:05:30",
        ),
        ("0 0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 13 * 5", "2026-04-01T00:00:00", "2026-11-13T00:00:00"),
        (
            "0 0 12 1 jan,JULY *",
            "2026-02-01T00:00:00",
            "2026-07-01T12:00:00",
        ),
        (
            "0 0 0 * * Sat-Su",
            "2026-11-23T00:00:00",
            "2026-11-24T00:00:00",
        ),
        ("0 0 0 31 11 *", "2026-01-01T00:00:00", "never"),
        ("0 0 0 1 1 *", "9999-06-01T00:00:00", "never"),
        (
            "59 59 23 31 12 *",
            "0001-01-01T00:00:00",
            "0001-12-31T23:59:59",
        ),
    ];
    for (schedule, after, due) in cases {
        assert_eq!(next(schedule, after), due, "{schedule} after {after}");
    }
}

#[test]
fn an_interval_is_due_so_long_after() {
    let cases = [
        ("00:05:00", "2026-11-21T00:05:00"),
        ("1.12:00", "2026-11-22T12:00:00"),
        ("7", "2026-11-28T00:00:00"),
        ("1:02:03:04", "2026-11-22T02:03:04"),
        ("00:00:01.5", "2026-11-21T00:00:01"),
    ];
    for (schedule, due) in cases {
        assert_eq!(next(schedule, "2026-11-21T00:00:00"), due, "{schedule}");
    }
}

#[test]
fn what_is_no_schedule_is_refused() {
    for text in [
        "",
        "* * * *",
        "* * * * * * *",
        "60 * * * * *",
        "* 60 * * * *",
        "* * 24 * * *",
        "* * * 0 * *",
        "* * * 32 * *",
        "* * * * 13 *",
        "* * * * * 7",
        "* * * * * ?",
        "* * * L * *",
        "a * * * * *",
        "1- * * * * *",
        "-1 * * * * *",
        "1,, * * * * *",
        "*/x * * * * *",
        "* * * * * Xyz",
        "é * * * * *",
        "00:00:00",
        "24:00:00",
        "00:60:00",
        "-00:05:00",
        "x",
        "1.",
        "1:2:3:4:5",
        "00:00:00.12345678",
        "99999999",
        "99999999999999999999",
    ] {
        assert!(Schedule::parse(text).is_err(), "{text}");
    }
}

fn timer(schedule: &str) -> Timer {
    Timer {
        function: "tick".to_owned(),
        binding: "timer".to_owned(),
        schedule: Schedule::parse(schedule).unwrap(),
        run_on_startup: false,
        use_monitor: true,
    }
}

/// The runs of a timer: when it was called, and with what.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<Vec<(String, String)>>>);

impl Runs {
    /// Runs the timer from `start` for so many seconds; each call takes `takes` seconds.
    async fn of(
        timer: Timer,
        monitor: &Monitor,
        start: &str,
        seconds: u64,
        takes: u64,
    ) -> Vec<(String, String)> {
        let (runs, clock) = (Self::default(), Clock::starting_at(date(start)));
        let invoke = {
            let runs = runs.clone();
            move |call: Call| {
                let data = call.value.wire().to_compact();
                let run = (clock.now().to_iso_seconds(), data);
                runs.0.lock().unwrap().push(run);
                async move {
                    sleep(Duration::from_secs(takes)).await;
                    Outcome::Failed
                }
            }
        };
        let runner = Runner::new(monitor.clone(), clock, invoke);
        let _ = tokio::time::timeout(Duration::from_secs(seconds), runner.run(timer)).await;
        runs.0.lock().unwrap().clone()
    }

    async fn times(timer: Timer, start: &str, seconds: u64, takes: u64) -> Vec<String> {
        let runs = Self::of(timer, &Monitor::new(), start, seconds, takes).await;
        runs.into_iter()
            .map(|(time, _)| time[11..].to_owned())
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_timer_runs_at_its_times() {
    let times = Runs::times(timer("*/20 * * * * *"), "2026-11-21T23:08:05", 60, 0).await;

    assert_eq!(times, ["23:08:20", "23:08:40", "23:09:00"]);
}

#[tokio::test(start_paused = true)]
async fn a_time_that_comes_during_a_call_is_made_up_for_once() {
    let times = Runs::times(timer("*/10 * * * * *"), "2026-11-21T23:08:05", 60, 25).await;

    assert_eq!(times, ["23:08:10", "23:08:35", "23:09:00"]);
}

#[tokio::test(start_paused = true)]
async fn a_timer_can_run_at_start_up_too() {
    let startup = Timer {
        run_on_startup: true,
        ..timer("0 */5 * * * *")
    };

    let times = Runs::times(startup, "2026-11-21T23:08:05", 180, 0).await;

    assert_eq!(times, ["23:08:05", "23:10:00"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_missed_is_made_up_for_at_start_up() {
    let monitor = Monitor::new();
    Runs::of(timer("0 0 3 * * *"), &monitor, "2026-11-21T23:00:00", 60, 0).await;

    let runs = Runs::of(timer("0 0 3 * * *"), &monitor, "2026-11-22T08:00:00", 60, 0).await;

    let data = r#"{"Schedule":{"AdjustForDST":true},"ScheduleStatus":{"Last":"0001-01-01T00:00:00+00:00","Next":"2026-11-22T03:00:00+00:00","LastUpdated":"2026-11-21T23:00:00+00:00"},"IsPastDue":true}"#;
    assert_eq!(runs, [("2026-11-22T08:00:00".to_owned(), data.to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_up_for_without_a_monitor_or_after_a_change_of_schedule() {
    for changed in [
        Timer {
            use_monitor: false,
            ..timer("0 0 3 * * *")
        },
        timer("0 0 4 * * *"),
    ] {
        let monitor = Monitor::new();
        Runs::of(timer("0 0 3 * * *"), &monitor, "2026-11-21T23:00:00", 60, 0).await;

        let runs = Runs::of(changed, &monitor, "2026-11-22T08:00:00", 60, 0).await;

        assert!(runs.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_goes_along_with_the_runs() {
    let monitor = Monitor::new();

    let runs = Runs::of(
        timer("0 */5 * * * *"),
        &monitor,
        "2026-11-21T23:08:05",
        500,
        0,
    )
    .await;

    let statuses: Vec<&str> = runs
        .iter()
        .map(|(_, data)| data.split_once("\"ScheduleStatus\":").unwrap().1)
        .collect();
    assert_eq!(
        statuses,
        [
            r#"{"Last":"0001-01-01T00:00:00+00:00","Next":"2026-11-21T23:10:00+00:00","LastUpdated":"0001-01-01T00:00:00+00:00"},"IsPastDue":false}"#,
            r#"{"Last":"2026-11-21T23:10:00+00:00","Next":"2026-11-21T23:15:00+00:00","LastUpdated":"2026-11-21T23:10:00+00:00"},"IsPastDue":false}"#,
        ]
    );
    assert_eq!(
        monitor.get("tick").unwrap().next,
        date("2026-11-21T23:20:00")
    );
}

#[test]
fn every_recorded_timer_value_is_made_again() {
    for case in recorded("timer") {
        let trigger = &case["bindings"][0];
        if trigger["type"] != "timerTrigger" {
            continue;
        }
        let text = case["handlerReceived"]["text"].as_str().unwrap();
        let data = Token::parse_response(text)
            .unwrap()
            .get("Data")
            .unwrap()
            .get("timer")
            .unwrap()
            .clone();
        let timer = timer(trigger["schedule"].as_str().unwrap());
        let started = date("2026-11-21T23:11:58.3272186");
        let (monitor, clock) = (Monitor::new(), Clock::starting_at(started));
        let recorded = timer.is_monitored(started).then(|| {
            let next = timer.schedule.next_after(clock.now()).unwrap();
            Status {
                last: Date::MIN,
                next,
                last_updated: started,
            }
        });
        if let Some(status) = recorded {
            monitor.set("tick", status);
        }

        let call = timer.call(monitor.get("tick"), Due::Now);

        assert_eq!(call.value.wire(), data, "{}", case["case"]);
    }
}

fn expression() -> impl Strategy<Value = String> {
    let field = |least: u32, most: u32| {
        prop_oneof![
            Just("*".to_owned()),
            (1..=most).prop_map(|step| format!("*/{step}")),
            (least..=most).prop_map(|value| value.to_string()),
            (least..=most, least..=most).prop_map(|(a, b)| format!("{a}-{b}")),
            (least..=most, least..=most).prop_map(|(a, b)| format!("{a},{b}")),
        ]
    };
    (
        field(0, 59),
        field(0, 59),
        field(0, 23),
        field(1, 31),
        field(1, 12),
        field(0, 6),
    )
        .prop_map(|(s, m, h, d, mo, w)| format!("{s} {m} {h} {d} {mo} {w}"))
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), like in "[*/0-9a-zA-Z,: .-]{0,30}") {
        let _ = Schedule::parse(&text);
        let _ = Schedule::parse(&like);
    }

    #[test]
    fn the_next_time_is_later_and_nothing_before_it_is_missed(
        expression in expression(),
        day in 0_i64..3_652_000,
        ticks in 0..86_400 * TICKS_PER_SECOND,
    ) {
        let kind = crate::newtonsoft::DateKind::Local;
        let after = Date::from_ticks(day * 86_400 * TICKS_PER_SECOND + ticks, kind);
        let schedule = Schedule::parse(&expression).unwrap();
        let Some(next) = schedule.next_after(after) else { return Ok(()) };

        prop_assert!(next.ticks() > after.ticks());
        prop_assert_eq!(next.ticks() % TICKS_PER_SECOND, 0);
        let second_before = Date::from_ticks(next.ticks() - 1, kind);
        prop_assert_eq!(schedule.next_after(second_before), Some(next));
        let between = Date::from_ticks((after.ticks() + next.ticks()) / 2, kind);
        prop_assert_eq!(schedule.next_after(between), if between == next { schedule.next_after(next) } else { Some(next) });
    }
}
