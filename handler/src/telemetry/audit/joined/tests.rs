use std::collections::HashMap;
use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;

fn denied(address: u128) -> Seen<'static> {
    Seen {
        event: Event::AuthDenied,
        rule: Some("expired"),
        function: Some("create-order"),
        principal: None,
        client: Some(Ipv6Addr::from(address).into()),
    }
}

fn at(seconds: u64) -> impl Fn() -> Duration {
    move || Duration::from_secs(seconds)
}

/// What came, told at once or counted.
fn note(joined: &Joined, seen: Seen<'_>) -> u64 {
    u64::from(joined.note(seen, at(0)) == Noted::First)
}

fn counts(told: &[(Kind, u64)]) -> Vec<u64> {
    told.iter().map(|(_, count)| *count).collect()
}

#[test]
fn the_first_is_told_and_the_others_are_counted_until_their_minute_ends() {
    let joined = Joined::new();
    assert_eq!(joined.note(denied(1), at(10)), Noted::First);
    for _ in 0..4 {
        assert_eq!(joined.note(denied(1), at(11)), Noted::Counted);
    }

    assert!(joined.ended(Duration::from_secs(69)).is_empty());
    let told = joined.ended(Duration::from_secs(70));

    assert_eq!(counts(&told), [4]);
    assert!(told[0].0.seen().is_like(&denied(1)));
    // It still comes, so it is still joined; once it has stayed away it is told at once again.
    assert_eq!(joined.note(denied(1), at(71)), Noted::Counted);
    assert_eq!(counts(&joined.ended(Duration::from_secs(130))), [1]);
    assert!(joined.ended(Duration::from_secs(190)).is_empty());
    assert_eq!(joined.note(denied(1), at(191)), Noted::First);
}

#[test]
fn another_event_rule_function_caller_or_address_is_another_kind() {
    let joined = Joined::new();
    let (ada, bob) = (Principal::for_tests("ada"), Principal::for_tests("bob"));
    let elsewhere = Principal::for_tests("ada").with_client("another");
    let usual = Seen {
        principal: Some(&ada),
        ..denied(1)
    };
    let others = [
        Seen {
            event: Event::AccessRefused,
            ..usual
        },
        Seen {
            rule: Some("claim"),
            ..usual
        },
        Seen {
            rule: None,
            ..usual
        },
        Seen {
            function: Some("quote"),
            ..usual
        },
        Seen {
            principal: Some(&bob),
            ..usual
        },
        Seen {
            principal: Some(&elsewhere),
            ..usual
        },
        Seen {
            principal: None,
            ..usual
        },
        Seen {
            client: None,
            ..usual
        },
        denied(2),
    ];

    assert_eq!(note(&joined, usual), 1);
    for other in others {
        assert_eq!(note(&joined, other), 1, "{other:?}");
    }
    // Another token of the same caller, whatever it allows, is no other kind.
    let again = Principal::for_tests("ada").with_scope("Orders.Write");
    let again = Seen {
        principal: Some(&again),
        ..usual
    };
    assert_eq!(note(&joined, again), 0);
    assert_eq!(joined.rest().len(), 1);
}

#[test]
fn a_flood_from_everywhere_costs_bounded_room_and_loses_no_count() {
    let joined = Joined::new();
    const FLOOD: u64 = 50_000;

    let first: u64 = (0..FLOOD)
        .map(|n| note(&joined, denied(u128::from(n))))
        .sum();
    let kinds: usize = joined.shards.iter().map(|shard| lock(shard).len()).sum();
    let told: u64 = counts(&joined.rest()).iter().sum();

    assert_eq!(first + told, FLOOD);
    assert!(first <= 1_025, "{first} were told at once");
    assert!(kinds <= 1_025, "{kinds} kinds are kept");
}

#[test]
fn callers_give_way_after_addresses() {
    let joined = Joined::new();
    let callers: Vec<_> = (0..6_000)
        .map(|n| Principal::for_tests(&format!("caller-{n}")))
        .collect();
    let mut first = 0;
    for caller in &callers {
        let seen = Seen {
            principal: Some(caller),
            ..denied(1)
        };
        first += note(&joined, seen);
    }
    let kinds: usize = joined.shards.iter().map(|shard| lock(shard).len()).sum();
    let rest = joined.rest();

    assert!(kinds <= 2_049, "{kinds}");
    assert_eq!(first + counts(&rest).iter().sum::<u64>(), 6_000);
    assert!(rest.iter().any(|(kind, _)| kind.seen().principal.is_none()));
}

#[test]
fn many_threads_lose_no_count() {
    let joined = Joined::new();

    let first: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    (0..5_000_u128)
                        .map(|n| note(&joined, denied(n % 7)))
                        .sum::<u64>()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });

    assert_eq!(first, 7);
    assert_eq!(counts(&joined.rest()).iter().sum::<u64>(), 20_000 - 7);
}

proptest! {
    #[test]
    fn what_is_told_adds_up_to_what_came(
        steps in proptest::collection::vec((0_u128..40, 0_u64..50), 0..300),
    ) {
        let joined = Joined::new();
        let mut now = 0;
        let mut came: HashMap<u128, u64> = HashMap::new();
        let mut told: HashMap<u128, u64> = HashMap::new();
        let address = |kind: &Kind| match kind.seen().client {
            Some(IpAddr::V6(address)) => address.to_bits(),
            _ => u128::MAX,
        };
        for (from, pause) in steps {
            now += pause;
            *came.entry(from).or_default() += 1;
            if joined.note(denied(from), at(now)) == Noted::First {
                *told.entry(from).or_default() += 1;
            }
            for (kind, count) in joined.ended(Duration::from_secs(now)) {
                *told.entry(address(&kind)).or_default() += count;
            }
        }
        for (kind, count) in joined.rest() {
            *told.entry(address(&kind)).or_default() += count;
        }
        prop_assert_eq!(came, told);
    }
}
