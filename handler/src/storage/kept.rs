//! The one user delegation key of the process, renewed long before it ends by a task of its own.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::failure::StorageError;
use super::keys::{DelegationKey, DelegationKeys};
use crate::auth::Clock;

/// A key that is kept fresh as long as this lives.
pub(super) struct KeptKey {
    latest: watch::Receiver<Latest>,
    clock: Arc<dyn Clock>,
    task: AbortHandle,
}

/// What the task has come to.
#[derive(Default)]
struct Latest {
    key: Option<Arc<DelegationKey>>,
    /// Whether it has an answer to its first question.
    answered: bool,
}

impl KeptKey {
    /// Asks for a key, and goes on doing so.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub(super) fn start(keys: Arc<dyn DelegationKeys>, clock: Arc<dyn Clock>) -> Self {
        let (sender, latest) = watch::channel(Latest::default());
        let task = tokio::spawn(keep(keys, Arc::clone(&clock), sender)).abort_handle();
        Self {
            latest,
            clock,
            task,
        }
    }

    /// The time, and a key that counts now. Waits for the first answer, within a bound, and for no
    /// other.
    pub(super) async fn now(&self) -> Option<(SystemTime, Arc<DelegationKey>)> {
        let mut latest = self.latest.clone();
        let answered = tokio::time::timeout(PATIENCE, latest.wait_for(|latest| latest.answered));
        let key = answered.await.ok()?.ok()?.key.clone()?;
        let now = self.clock.now();
        (key.start <= now && now < key.expiry).then_some((now, key))
    }
}

impl Drop for KeptKey {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(keys: Arc<dyn DelegationKeys>, clock: Arc<dyn Clock>, latest: watch::Sender<Latest>) {
    let mut pause = FIRST_PAUSE;
    loop {
        match ask(&*keys, clock.now()).await {
            Ok(key) => {
                pause = FIRST_PAUSE;
                let (now, expiry) = (clock.now(), key.expiry);
                latest.send_modify(|latest| {
                    latest.key = Some(Arc::new(key));
                    latest.answered = true;
                });
                let half = expiry.duration_since(now).unwrap_or_default() / 2;
                sleep_until(&*clock, now + half.max(FIRST_PAUSE)).await;
            }
            Err(error) => {
                tracing::warn!(%error, "no user delegation key; trying again");
                // The key that is there counts on until it ends.
                latest.send_modify(|latest| latest.answered = true);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn ask(keys: &dyn DelegationKeys, now: SystemTime) -> Result<DelegationKey, StorageError> {
    let asked = tokio::time::timeout(PATIENCE, keys.fetch(now - SKEW, now + KEY_LIFE));
    let key = asked.await.unwrap_or(Err(StorageError::TimedOut))?;
    if key.expiry <= now {
        return Err(StorageError::Malformed(
            "a delegation key has ended already",
        ));
    }
    Ok(key)
}

/// In slices, since the time of day goes on while the machine sleeps and a timer does not.
async fn sleep_until(clock: &dyn Clock, then: SystemTime) {
    while let Ok(left) = then.duration_since(clock.now())
        && !left.is_zero()
    {
        tokio::time::sleep(left.min(SLICE)).await;
    }
}

/// How far the clocks of the account and this machine may differ.
pub(super) const SKEW: Duration = Duration::from_secs(5 * 60);
/// How long a key counts; the service allows seven days. Half of it is left when the key is renewed.
pub(super) const KEY_LIFE: Duration = Duration::from_secs(24 * 3600);
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const SLICE: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::UNIX_EPOCH;

    use futures_util::future::BoxFuture;
    use tokio::time::Instant;

    use super::super::keys::DelegationKeyParts;
    use super::super::keys::testing::{BEGIN, parts};
    use super::*;

    /// Answers with keys of the time that is asked for, unless it is told to fail or to hang.
    #[derive(Default)]
    struct Service {
        asked: Mutex<Vec<(SystemTime, SystemTime)>>,
        behaviour: Mutex<Behaviour>,
    }

    #[derive(Clone, Copy, Default, PartialEq)]
    enum Behaviour {
        #[default]
        Good,
        Failing,
        Hanging,
    }

    impl Service {
        fn behave(&self, behaviour: Behaviour) {
            *self.behaviour.lock().unwrap() = behaviour;
        }

        fn asked(&self) -> usize {
            self.asked.lock().unwrap().len()
        }
    }

    impl DelegationKeys for Service {
        fn fetch(
            &self,
            start: SystemTime,
            expiry: SystemTime,
        ) -> BoxFuture<'_, Result<DelegationKey, StorageError>> {
            self.asked.lock().unwrap().push((start, expiry));
            let behaviour = *self.behaviour.lock().unwrap();
            Box::pin(async move {
                match behaviour {
                    Behaviour::Good => DelegationKey::new(&DelegationKeyParts {
                        signed_start: start,
                        signed_expiry: expiry,
                        ..parts()
                    }),
                    Behaviour::Failing => Err(StorageError::Unreachable),
                    Behaviour::Hanging => std::future::pending().await,
                }
            })
        }
    }

    /// It begins with the test, and is as fast as tokio's time.
    struct TokioClock(Instant);

    impl Clock for TokioClock {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + BEGIN + self.uptime()
        }

        fn uptime(&self) -> Duration {
            self.0.elapsed()
        }
    }

    fn start(behaviour: Behaviour) -> (Arc<Service>, KeptKey) {
        let service = Arc::new(Service::default());
        service.behave(behaviour);
        let kept = KeptKey::start(service.clone(), Arc::new(TokioClock(Instant::now())));
        (service, kept)
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn a_key_is_asked_for_a_day_and_some_minutes_before_now() {
        let (service, kept) = start(Behaviour::Good);

        let (now, key) = kept.now().await.expect("a key");

        assert_eq!(now, UNIX_EPOCH + BEGIN);
        assert_eq!(key.expiry, now + 24 * HOUR);
        assert_eq!(
            *service.asked.lock().unwrap(),
            [(now - SKEW, now + KEY_LIFE)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_renewed_when_half_of_its_life_is_over_and_not_before() {
        let (service, kept) = start(Behaviour::Good);
        let (_, first) = kept.now().await.expect("a key");

        tokio::time::sleep(12 * HOUR - Duration::from_secs(1)).await;
        assert_eq!(service.asked(), 1);
        tokio::time::sleep(Duration::from_secs(2)).await;

        assert_eq!(service.asked(), 2);
        let (_, second) = kept.now().await.expect("a key");
        assert_eq!(second.expiry, first.expiry + 12 * HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_outlives_an_outage_to_its_end_and_no_longer() {
        let (service, kept) = start(Behaviour::Good);
        kept.now().await.expect("a key");
        service.behave(Behaviour::Failing);

        tokio::time::sleep(24 * HOUR - Duration::from_secs(1)).await;
        assert!(kept.now().await.is_some());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(kept.now().await.is_none());

        service.behave(Behaviour::Good);
        tokio::time::sleep(LONGEST_PAUSE).await;
        assert!(kept.now().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_wait_for_the_first_answer_and_for_no_other() {
        let (service, kept) = start(Behaviour::Hanging);
        let began = Instant::now();

        assert!(kept.now().await.is_none());
        assert_eq!(began.elapsed(), PATIENCE);

        // By now the first question has been given up, so nobody waits any more.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let began = Instant::now();
        assert!(kept.now().await.is_none());
        assert_eq!(began.elapsed(), Duration::ZERO);

        service.behave(Behaviour::Good);
        tokio::time::sleep(2 * PATIENCE).await;
        assert!(kept.now().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_that_is_away_is_asked_ever_less_often() {
        let (service, _kept) = start(Behaviour::Failing);

        tokio::time::sleep(Duration::from_secs(62)).await;
        assert_eq!(service.asked(), 6);
        tokio::time::sleep(HOUR).await;

        assert!(service.asked() <= 6 + 61, "{}", service.asked());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_asks_any_more_when_the_issuer_is_gone() {
        let (service, kept) = start(Behaviour::Failing);
        assert!(kept.now().await.is_none());
        let asked = service.asked();

        drop(kept);
        tokio::time::sleep(HOUR).await;

        assert_eq!(service.asked(), asked);
    }
}
