//! A secret is rotated while the app is busy.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;

use serde_json::json;
use stockade_tests::process::poll;

use crate::world::{World, digest_of, random};

const CLIENTS: usize = 4;
const ROTATIONS: u64 = 5;
const REQUESTS: usize = 3000;

/// Ends the clients, also when a check fails before them.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn rotations_under_load_fail_no_request_and_no_old_value_is_seen_after_a_new_one() {
    let world = World::start();
    let hook = || -> u64 {
        world
            .get("/api/rotations")
            .text()
            .parse()
            .unwrap_or_default()
    };
    // The first value was new to it, too.
    let hooks_before = poll("the hook to be called", || Some(hook()).filter(|n| *n > 0));
    let known = Mutex::new(vec![digest_of(&world.values.required)]);
    let is_over = AtomicBool::new(false);
    let served = AtomicUsize::new(0);

    let seen = std::thread::scope(|scope| {
        let stop = Stop(&is_over);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = Vec::new();
                    while !is_over.load(Ordering::Relaxed) {
                        let answer = world.get("/api/required");
                        assert_eq!(answer.status, 200, "{answer:?}");
                        served.fetch_add(1, Ordering::Relaxed);
                        let digest = answer.text();
                        let known = known.lock().unwrap();
                        let index = known.iter().position(|known| *known == digest);
                        seen.push(index.expect("a value that the vault had"));
                    }
                    seen
                })
            })
            .collect();
        for _ in 0..ROTATIONS {
            let next = random();
            known.lock().unwrap().push(digest_of(&next));
            world.put("required", &json!(next));
            world.wait_for("/api/required", &digest_of(&next));
        }
        poll("enough requests", || {
            let failed = clients.iter().any(ScopedJoinHandle::is_finished);
            (failed || served.load(Ordering::Relaxed) >= REQUESTS).then_some(())
        });
        drop(stop);
        let seen = clients.into_iter().map(ScopedJoinHandle::join);
        seen.collect::<Result<Vec<_>, _>>()
    });

    for seen in seen.expect("no request failed") {
        assert!(seen.is_sorted(), "an old value came after a new one");
        assert_eq!(seen.last(), Some(&usize::try_from(ROTATIONS).unwrap()));
    }
    poll("the hook to be called each time", || {
        (hook() == hooks_before + ROTATIONS).then_some(())
    });
    let rotated = |line: &stockade_tests::Line| line.text("reason") == "rotated";
    let log = world.host.log();
    let told = log.iter().filter(|line| rotated(line)).count();
    assert_eq!(told as u64, ROTATIONS, "each is told once");
}

#[test]
fn a_pinned_version_stays_and_another_value_of_a_document_is_read() {
    let world = World::start();
    world.put("required", &json!("another"));
    let document = json!({"user": "ada", "password": "correct horse"});
    world.put("document", &json!(document.to_string()));

    world.wait_for("/api/required", &digest_of("another"));
    let expected = [digest_of("ada"), digest_of("correct horse")].join(" ");
    world.wait_for("/api/document", &expected);

    assert_eq!(
        world.get("/api/pinned").text(),
        digest_of(&world.values.pinned)
    );
}

#[test]
fn a_new_version_that_is_no_value_leaves_the_old_one_in_use() {
    let world = World::start();
    let before = world.get("/api/document").text();
    for broken in [
        "{",
        "{\"user\": \"a\"}",
        "{\"user\": \"a\", \"password\": \"short\"}",
        "",
    ] {
        world.put("document", &json!(broken));
        let lines = |line: &stockade_tests::Line| {
            line.message() == "secret.failed" && line.text("secret") == "document"
        };
        let log = world.host.log();
        let told = log.iter().filter(|line| lines(line)).count();

        world.host.wait_for_lines(told + 2, "refusals", lines);

        assert_eq!(world.get("/api/document").text(), before, "{broken}");
    }
}
