use proptest::prelude::*;

use super::*;

const NOW: Duration = Duration::from_secs(100);
const SECOND: Duration = Duration::from_secs(1);

fn at_once(concurrent: usize) -> CallerLimits {
    CallerLimits {
        concurrent,
        requests_per_minute: None,
    }
}

fn per_minute(requests: u32) -> CallerLimits {
    CallerLimits {
        concurrent: usize::MAX,
        requests_per_minute: Some(requests),
    }
}

fn come_back_in(seconds: u64) -> Excess {
    Excess::Rate {
        retry_after: seconds,
    }
}

/// Whether a request that is over at once was let in.
fn comes(callers: &Callers, id: &str, now: Duration) -> Result<(), Excess> {
    callers.admit(id, now).map(drop)
}

fn entries(callers: &Callers) -> usize {
    let shards = callers.shards.iter();
    shards
        .map(|shard| shard.lock().expect("no panic").callers.len())
        .sum()
}

#[test]
fn a_caller_has_so_many_invocations_under_way_and_another_is_served() {
    let callers = Callers::new(&at_once(2));
    let first = callers.admit("ada", NOW).expect("the first");
    let second = callers.admit("ada", NOW).expect("the second");

    assert_eq!(comes(&callers, "ada", NOW), Err(Excess::Concurrency));
    assert_eq!(comes(&callers, "bob", NOW), Ok(()));

    drop(first);
    let third = callers.admit("ada", NOW).expect("in place of the first");
    assert_eq!(comes(&callers, "ada", NOW), Err(Excess::Concurrency));

    drop((second, third));
    assert_eq!(comes(&callers, "ada", NOW), Ok(()));
}

#[test]
fn a_tenth_comes_at_once_and_the_rest_evenly() {
    let callers = Callers::new(&per_minute(60));

    for _ in 0..6 {
        assert_eq!(comes(&callers, "ada", NOW), Ok(()));
    }
    assert_eq!(comes(&callers, "ada", NOW), Err(come_back_in(1)));
    assert_eq!(comes(&callers, "bob", NOW), Ok(()));

    let almost = NOW + SECOND - Duration::from_nanos(1);
    assert_eq!(comes(&callers, "ada", almost), Err(come_back_in(1)));
    for second in 1..=120 {
        let now = NOW + SECOND * second;
        assert_eq!(comes(&callers, "ada", now), Ok(()), "{second}");
        assert_eq!(comes(&callers, "ada", now), Err(come_back_in(1)));
    }
}

#[test]
fn a_pause_gives_back_the_burst_and_no_more() {
    let callers = Callers::new(&per_minute(20));
    let burst = |now| {
        assert_eq!(comes(&callers, "ada", now), Ok(()));
        assert_eq!(comes(&callers, "ada", now), Ok(()));
        assert_eq!(comes(&callers, "ada", now), Err(come_back_in(3)));
    };

    burst(Duration::ZERO);
    burst(SECOND * 6);
    burst(SECOND * 86_400);
}

#[test]
fn the_slowest_and_the_fastest_rate_are_kept() {
    let slowest = Callers::new(&per_minute(1));
    assert_eq!(comes(&slowest, "ada", NOW), Ok(()));
    assert_eq!(comes(&slowest, "ada", NOW), Err(come_back_in(60)));
    let later = NOW + SECOND * 59;
    assert_eq!(comes(&slowest, "ada", later), Err(come_back_in(1)));
    assert_eq!(comes(&slowest, "ada", NOW + SECOND * 60), Ok(()));

    let fastest = Rate::per_minute(10_000_000);
    assert_eq!(fastest.interval, Duration::from_micros(6));
    assert_eq!(fastest.tolerance, Duration::from_micros(6) * 999_999);
}

#[test]
fn the_wait_is_told_in_whole_seconds_rounded_up() {
    let callers = Callers::new(&per_minute(8));
    assert_eq!(comes(&callers, "ada", NOW), Ok(()));

    for (after_millis, told) in [(0, 8), (499, 8), (500, 7), (6500, 1), (7499, 1)] {
        let now = NOW + Duration::from_millis(after_millis);
        assert_eq!(comes(&callers, "ada", now), Err(come_back_in(told)));
    }
    assert_eq!(
        comes(&callers, "ada", NOW + Duration::from_millis(7500)),
        Ok(())
    );
}

#[test]
fn a_request_that_is_refused_counts_for_nothing() {
    let callers = Callers::new(&CallerLimits {
        concurrent: 1,
        requests_per_minute: Some(1),
    });
    let under_way = callers.admit("ada", NOW).expect("the first");

    // Both limits stand against these, and what is told is the one that lasts for an unknown time.
    for _ in 0..100 {
        assert_eq!(comes(&callers, "ada", NOW), Err(Excess::Concurrency));
    }
    drop(under_way);
    for _ in 0..100 {
        assert_eq!(comes(&callers, "ada", NOW), Err(come_back_in(60)));
    }

    assert_eq!(comes(&callers, "ada", NOW + SECOND * 60), Ok(()));
}

#[test]
fn a_clock_that_was_read_out_of_turn_does_no_harm() {
    let callers = Callers::new(&per_minute(60));

    assert_eq!(comes(&callers, "ada", NOW), Ok(()));
    assert_eq!(comes(&callers, "ada", NOW - SECOND), Ok(()));
    assert_eq!(
        comes(&callers, "ada", Duration::ZERO),
        Err(come_back_in(97))
    );
}

#[test]
fn callers_that_have_nothing_under_way_leave_no_entry_behind() {
    let callers = Callers::of_size(&at_once(1), 1, 256);
    let under_way = callers.admit("ada", NOW).expect("the first");

    for number in 0..10_000 {
        assert_eq!(comes(&callers, &number.to_string(), NOW), Ok(()));
        assert!(entries(&callers) <= FIRST_SWEEP);
    }

    assert_eq!(comes(&callers, "ada", NOW), Err(Excess::Concurrency));
    drop(under_way);
    assert_eq!(comes(&callers, "ada", NOW), Ok(()));
}

#[test]
fn a_caller_that_came_too_often_is_remembered_until_its_time_has_come() {
    let callers = Callers::of_size(&per_minute(1), 1, 256);
    let crowd = |name: &str, now| {
        for number in 0..100 {
            assert_eq!(comes(&callers, &format!("{name} {number}"), now), Ok(()));
        }
    };
    assert_eq!(comes(&callers, "ada", NOW), Ok(()));

    crowd("first", NOW);
    assert_eq!(entries(&callers), 101);
    assert_eq!(comes(&callers, "ada", NOW), Err(come_back_in(60)));

    crowd("second", NOW + SECOND * 60);
    crowd("third", NOW + SECOND * 60);
    assert_eq!(entries(&callers), 200, "ada and the first crowd have gone");
    assert_eq!(comes(&callers, "ada", NOW + SECOND * 60), Ok(()));
}

#[test]
fn newcomers_to_a_full_shard_are_as_one_caller_and_its_own_stay_apart() {
    let callers = Callers::of_size(&at_once(2), 1, 3);
    let admit = |id: &str| callers.admit(id, NOW);
    let mut own: Vec<_> = ["a", "b", "c"].map(|id| admit(id).expect("room")).into();

    let fourth = admit("d").expect("the first of the others");
    let fifth = admit("e").expect("the second of the others");

    assert_eq!(admit("f").unwrap_err(), Excess::Concurrency);
    assert_eq!(admit("d").unwrap_err(), Excess::Concurrency);
    own.push(admit("a").expect("its own second"));
    assert_eq!(admit("a").unwrap_err(), Excess::Concurrency);
    assert_eq!(entries(&callers), 3);

    // With a place free, a newcomer has its own, whatever the others have under way.
    drop(own.remove(1));
    let sixth = [admit("f").expect("its own"), admit("f").expect("its own")];
    assert_eq!(admit("g").unwrap_err(), Excess::Concurrency);

    drop((fourth, fifth, sixth));
    assert!(admit("g").is_ok());
}

#[test]
fn a_million_callers_leave_a_bounded_number_of_entries() {
    const SHARDS: usize = 256;
    const MOST: usize = SHARDS * 16;
    let small = |limits| Callers::of_size(&limits, SHARDS, 16);
    let (remembered, under_way) = (small(per_minute(1)), small(at_once(1)));
    let idle = Callers::new(&at_once(1));
    let mut permits = Vec::new();
    let mut refused = 0;

    for number in 0..1_000_000 {
        let id = number.to_string();
        refused += usize::from(remembered.admit(&id, NOW).is_err());
        permits.extend(under_way.admit(&id, NOW));
        drop(idle.admit(&id, NOW));
    }

    assert_eq!((entries(&remembered), entries(&under_way)), (MOST, MOST));
    // Beside the callers with an entry, each shard lets one of the others in.
    assert_eq!(permits.len(), MOST + SHARDS);
    assert_eq!(refused, 1_000_000 - MOST - SHARDS);
    assert!(entries(&idle) <= super::SHARDS * FIRST_SWEEP);
}

#[test]
fn the_table_as_it_is_used_has_room_for_65536_callers() {
    let callers = Callers::new(&per_minute(1));

    let refused = (0..100_000)
        .filter(|number: &u32| callers.admit(&number.to_string(), NOW).is_err())
        .count();

    assert_eq!(entries(&callers), 65_536);
    assert_eq!(refused, 100_000 - 65_536 - SHARDS);
}

#[test]
fn a_permit_ends_on_whatever_thread_it_is() {
    let callers = Callers::new(&at_once(3));

    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    if let Ok(permit) = callers.admit("ada", NOW) {
                        scope.spawn(move || drop(permit));
                    }
                }
            });
        }
    });

    let permits: Vec<_> = (0..4).map(|_| callers.admit("ada", NOW)).collect();
    assert_eq!(permits.iter().filter(|permit| permit.is_ok()).count(), 3);
}

proptest! {
    #[test]
    fn no_stretch_of_time_has_more_than_the_rate_and_the_burst(
        requests in 1..200_u32,
        pauses in prop::collection::vec(0..3_000_000_000_u64, 1..40),
    ) {
        let rate = Rate::per_minute(requests);
        let burst = u64::from((requests / 10).max(1));
        let (mut due, mut now) = (Duration::ZERO, Duration::ZERO);
        let mut taken = Vec::new();
        for pause in pauses {
            now += Duration::from_nanos(pause);
            while let Ok(next) = rate.spend(due, now) {
                due = next;
                taken.push(now);
            }
        }

        for (first, from) in taken.iter().enumerate() {
            for (count, to) in taken[first..].iter().enumerate() {
                let earned = (*to - *from).as_nanos() / rate.interval.as_nanos();
                prop_assert!((count as u128) < u128::from(burst) + earned);
            }
        }
    }

    #[test]
    fn whoever_comes_back_when_told_is_let_in(
        requests in 1..100_u32,
        pauses in prop::collection::vec(0..500_000_000_u64, 1..300),
    ) {
        let rate = Rate::per_minute(requests);
        let (mut due, mut now) = (Duration::ZERO, Duration::ZERO);
        for pause in pauses {
            now += Duration::from_nanos(pause);
            match rate.spend(due, now) {
                Ok(next) => due = next,
                Err(early) => {
                    let seconds = whole_seconds(early);
                    prop_assert!((1..=60).contains(&seconds), "{}", seconds);
                    prop_assert!(rate.spend(due, now + SECOND * seconds as u32).is_ok());
                    prop_assert!(rate.spend(due, now + early).is_ok());
                }
            }
        }
    }
}
