mod recorded;

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::*;
use crate::call::{Call, Outcome};
use crate::encode::Value;
use crate::outputs::DataType;

fn listener(queue: &str) -> Listener {
    Listener {
        function: "f".to_owned(),
        binding: "msg".to_owned(),
        queue: queue.to_owned(),
        data_type: DataType::Undefined,
    }
}

/// Calls that were made, and the outcome that each gets.
#[derive(Clone)]
struct Calls {
    made: Arc<Mutex<Vec<(String, String, Instant)>>>,
    outcome: Outcome,
}

impl Calls {
    fn ending(outcome: Outcome) -> Self {
        Self {
            made: Arc::default(),
            outcome,
        }
    }

    fn invoke(&self) -> impl crate::call::Invoke + use<> {
        let calls = self.clone();
        move |call: Call| {
            let text = match &call.value {
                Value::Text(text) => text.clone(),
                other => format!("{other:?}"),
            };
            let count = call
                .trigger
                .get("DequeueCount")
                .unwrap()
                .dotnet_string()
                .unwrap();
            calls
                .made
                .lock()
                .unwrap()
                .push((text, count, Instant::now()));
            std::future::ready(calls.outcome)
        }
    }

    fn texts(&self) -> Vec<String> {
        self.made
            .lock()
            .unwrap()
            .iter()
            .map(|(text, ..)| text.clone())
            .collect()
    }

    fn counts(&self) -> Vec<String> {
        self.made
            .lock()
            .unwrap()
            .iter()
            .map(|(_, count, _)| count.clone())
            .collect()
    }
}

/// Runs the listener for so many seconds of the paused clock.
async fn run_for(
    seconds: u64,
    queues: &Queues,
    settings: Settings,
    calls: &Calls,
    listener: Listener,
) {
    let runner = Runner::new(queues.clone(), settings, calls.invoke());
    let _ = tokio::time::timeout(Duration::from_secs(seconds), runner.run(listener)).await;
}

fn texts(queues: &Queues, queue: &str) -> Vec<String> {
    queues
        .peek(queue, 32)
        .into_iter()
        .map(|message| message.text)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_that_succeeds_is_deleted() {
    let (queues, calls) = (Queues::new(), Calls::ending(Outcome::Succeeded));
    queues.send("q", Encoding::Base64.encode(b"one")).unwrap();
    queues.send("Q", Encoding::Base64.encode(b"two")).unwrap();

    run_for(1, &queues, Settings::default(), &calls, listener("q")).await;

    assert_eq!(calls.texts(), ["one", "two"]);
    assert!(texts(&queues, "q").is_empty());
    assert!(texts(&queues, "q-poison").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_five_times_moves_to_poison() {
    let (queues, calls) = (Queues::new(), Calls::ending(Outcome::Failed));
    let id = queues.send("q", Encoding::Base64.encode(b"bad")).unwrap();

    run_for(1, &queues, Settings::default(), &calls, listener("q")).await;

    assert_eq!(calls.counts(), ["1", "2", "3", "4", "5"]);
    assert!(texts(&queues, "q").is_empty());
    let poison = queues.peek("q-poison", 1);
    assert_eq!(poison[0].text, Encoding::Base64.encode(b"bad"));
    assert_eq!(poison[0].dequeue_count, 0);
    assert_ne!(poison[0].id, id);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_stays_hidden_for_the_visibility_timeout() {
    let (queues, calls) = (Queues::new(), Calls::ending(Outcome::Failed));
    queues.send("q", "").unwrap();
    let settings = Settings {
        visibility_timeout: Duration::from_secs(30),
        max_dequeue_count: 3,
        ..Settings::default()
    };

    run_for(61, &queues, settings, &calls, listener("q")).await;

    let made = calls.made.lock().unwrap().clone();
    let waits: Vec<u64> = made
        .windows(2)
        .map(|pair| (pair[1].2 - pair[0].2).as_secs())
        .collect();
    assert_eq!(waits, [30, 30]);
    assert_eq!(
        texts(&queues, "q-poison").len(),
        1,
        "the last failure is not waited for"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decoded_goes_to_poison_without_a_call() {
    let (queues, calls) = (Queues::new(), Calls::ending(Outcome::Succeeded));
    for text in ["this is not base64 !!", "/wD+gEE="] {
        queues.send("q", text).unwrap();
    }

    run_for(1, &queues, Settings::default(), &calls, listener("q")).await;

    assert!(calls.texts().is_empty());
    assert_eq!(
        texts(&queues, "q-poison"),
        ["this is not base64 !!", "/wD+gEE="]
    );
}

#[tokio::test(start_paused = true)]
async fn bytes_and_plain_text_are_decoded_where_they_are_declared() {
    let binary = Listener {
        data_type: DataType::Binary,
        ..listener("q")
    };
    let plain = Settings {
        encoding: Encoding::None,
        ..Settings::default()
    };
    let (queues, calls) = (Queues::new(), Calls::ending(Outcome::Succeeded));

    queues.send("q", "/wD+gEE=").unwrap();
    run_for(1, &queues, Settings::default(), &calls, binary).await;
    queues.send("q", "/wD+gEE=").unwrap();
    run_for(1, &queues, plain, &calls, listener("q")).await;

    assert_eq!(calls.texts(), ["Bytes([255, 0, 254, 128, 65])", "/wD+gEE="]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_trigger_fails_every_message() {
    let (queues, calls) = (Queues::new(), Calls::ending(Outcome::Succeeded));
    queues.send("q", "").unwrap();

    run_for(
        1,
        &queues,
        Settings::default(),
        &calls,
        Listener {
            data_type: DataType::Stream,
            ..listener("q")
        },
    )
    .await;

    assert!(calls.texts().is_empty());
    assert_eq!(texts(&queues, "q-poison").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_later_wakes_the_listener() {
    let (queues, calls) = (Queues::new(), Calls::ending(Outcome::Succeeded));
    let runner = Runner::new(queues.clone(), Settings::default(), calls.invoke());
    let running = tokio::spawn(runner.run(listener("q")));
    sleep(Duration::from_secs(3600)).await;

    let sent = Instant::now();
    queues.send("q", "").unwrap();
    sleep(Duration::from_millis(1)).await;

    assert_eq!(calls.made.lock().unwrap()[0].2, sent);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn no_more_than_a_batch_and_the_threshold_are_in_work() {
    let (gate, queues) = (Arc::new(Semaphore::new(0)), Queues::new());
    let (now, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    for _ in 0..20 {
        queues.send("q", "").unwrap();
    }
    let invoke = {
        let (gate, now, most) = (gate.clone(), now.clone(), most.clone());
        move |_: Call| {
            let (gate, now, most) = (gate.clone(), now.clone(), most.clone());
            async move {
                {
                    let mut now = now.lock().unwrap();
                    *now += 1;
                    let mut most = most.lock().unwrap();
                    *most = (*most).max(*now);
                }
                gate.acquire().await.unwrap().forget();
                *now.lock().unwrap() -= 1;
                Outcome::Succeeded
            }
        }
    };
    let settings = Settings {
        batch_size: 4,
        new_batch_threshold: 2,
        ..Settings::default()
    };
    let running = tokio::spawn(Runner::new(queues.clone(), settings, invoke).run(listener("q")));

    sleep(Duration::from_secs(1)).await;
    assert_eq!(
        *now.lock().unwrap(),
        4,
        "one batch, and the threshold is exceeded"
    );
    gate.add_permits(2);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(*now.lock().unwrap(), 6, "two left, and a batch more");
    gate.add_permits(18);
    sleep(Duration::from_secs(1)).await;

    assert_eq!(*most.lock().unwrap(), 6);
    assert!(texts(&queues, "q").is_empty());
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_long_call_keeps_its_message_hidden() {
    let (queues, calls) = (Queues::new(), Calls::ending(Outcome::Succeeded));
    queues.send("q", "").unwrap();
    let invoke = {
        let calls = calls.clone();
        move |call: Call| {
            let inner = calls.invoke();
            async move {
                sleep(Duration::from_secs(3 * 3600)).await;
                crate::call::Invoke::invoke(&inner, call).await
            }
        }
    };
    let runner = Runner::new(queues.clone(), Settings::default(), invoke);

    let _ = tokio::time::timeout(Duration::from_secs(4 * 3600), runner.run(listener("q"))).await;

    assert_eq!(calls.counts(), ["1"]);
    assert!(texts(&queues, "q").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_calls_were_given_up_too_often_is_poison_without_another() {
    let (queues, calls) = (Queues::new(), Calls::ending(Outcome::Succeeded));
    queues.send("q", "").unwrap();
    for _ in 0..5 {
        queues.receive("q", 1, Duration::ZERO);
    }

    run_for(1, &queues, Settings::default(), &calls, listener("q")).await;

    assert!(calls.texts().is_empty());
    assert_eq!(texts(&queues, "q-poison").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn paths_can_be_made_of_a_messages_text() {
    let queues = Queues::new();
    queues.send("q", Encoding::Base64.encode(b"a.txt")).unwrap();
    queues.send("q", "/wD+gEE=").unwrap();
    let binary = Listener {
        data_type: DataType::Binary,
        ..listener("q")
    };

    let paths = queues
        .receive("q", 2, Duration::ZERO)
        .into_iter()
        .map(|message| {
            let call = binary.call(&message, &Settings::default()).unwrap();
            crate::outputs::resolve("docs/{queueTrigger}", &call.metadata()).ok()
        });

    assert_eq!(
        paths.collect::<Vec<_>>(),
        [Some("docs/a.txt".to_owned()), None]
    );
}

#[tokio::test(start_paused = true)]
async fn a_pop_receipt_is_good_until_the_message_is_taken_again() {
    let queues = Queues::new();
    queues.send("q", "x").unwrap();
    let first = queues.receive("q", 1, Duration::from_secs(10)).remove(0);
    assert!(queues.receive("q", 1, Duration::from_secs(10)).is_empty());
    sleep(Duration::from_secs(10)).await;
    let second = queues.receive("q", 1, Duration::from_secs(10)).remove(0);

    assert_eq!((first.dequeue_count, second.dequeue_count), (1, 2));
    assert!(!queues.delete("q", &first.id, &first.pop_receipt));
    assert_eq!(
        queues.hide("q", &first.id, &first.pop_receipt, Duration::ZERO),
        None
    );
    assert!(queues.delete("q", &second.id, &second.pop_receipt));
}

#[tokio::test(start_paused = true)]
async fn queues_are_listed_with_what_is_hidden() {
    let queues = Queues::new();
    for text in ["a", "b", "c"] {
        queues.send("q", text).unwrap();
    }
    queues.receive("q", 2, Duration::from_secs(10));

    assert_eq!(
        queues.list(),
        [QueueState {
            name: "q".to_owned(),
            visible: 1,
            hidden: 2
        }]
    );
    queues.clear("q");
    assert!(queues.list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_away_after_seven_days() {
    let queues = Queues::new();
    queues.send("q", "x").unwrap();

    sleep(Duration::from_secs(7 * 24 * 3600)).await;

    assert!(queues.receive("q", 1, Duration::ZERO).is_empty());
}

#[tokio::test]
async fn a_message_longer_than_64_kib_is_refused() {
    assert!(
        Queues::new()
            .send("q", "x".repeat(MAX_MESSAGE_BYTES))
            .is_ok()
    );
    assert_eq!(
        Queues::new().send("q", "x".repeat(MAX_MESSAGE_BYTES + 1)),
        Err(TooLarge(65_537))
    );
}
