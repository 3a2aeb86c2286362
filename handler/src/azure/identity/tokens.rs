//! Keeps the identity's tokens, and fetches new ones in tasks of their own.
//!
//! The SDK fetches inside the call that needs the token: a caller that gives up cancels the fetch,
//! and with an endpoint slower than its callers nobody ever gets one. It also fails on a refresh
//! that fails, though the old token still counts. Here callers only wait for a flight, one for each
//! scope, and an old token counts until it expires.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential};
use azure_core::time::OffsetDateTime;
use opentelemetry::context::FutureExt as _;
use tokio::sync::watch;
use tokio::time::Instant;

use super::TokenError;
use crate::azure::transport::up_to;

/// The tokens of one identity.
#[derive(Debug)]
pub(super) struct Tokens {
    credential: Arc<dyn TokenCredential>,
    /// A handful: scopes are ours and never a caller's.
    slots: Mutex<HashMap<String, Arc<Mutex<Slot>>>>,
}

/// What is known about the token of one scope.
#[derive(Debug, Default)]
struct Slot {
    kept: Option<Kept>,
    flight: Option<watch::Receiver<Option<Outcome>>>,
    /// The last try, if it failed.
    failed: Option<TokenError>,
    /// No other try before.
    rests_until: Option<Instant>,
}

#[derive(Debug)]
struct Kept {
    token: AccessToken,
    /// From then on a new one is fetched beside its use.
    renew_from: OffsetDateTime,
}

type Outcome = Result<AccessToken, TokenError>;

/// What a caller is to do.
enum Next {
    Take(Outcome),
    Await(watch::Receiver<Option<Outcome>>),
}

impl Tokens {
    pub(super) fn of(credential: Arc<dyn TokenCredential>) -> Self {
        Self {
            credential,
            slots: Mutex::default(),
        }
    }

    /// A token that counts: the one at hand, or the one that is being fetched.
    pub(super) async fn get(&self, scope: &str) -> Outcome {
        match self.next(scope) {
            Next::Take(outcome) => outcome,
            Next::Await(mut flight) => match flight.wait_for(Option::is_some).await {
                Ok(landed) => landed.clone().unwrap_or(Err(TokenError::Lost)),
                Err(_) => Err(TokenError::Lost),
            },
        }
    }

    /// Lets go of a token that its service refuses, unless there is another by now.
    pub(super) fn refused(&self, scope: &str, token: &str) {
        let shared = self.slot(scope);
        let mut slot = lock(&shared);
        let is_kept = |kept: &Kept| kept.token.token.secret() == token;
        if slot.kept.as_ref().is_some_and(is_kept) {
            slot.kept = None;
            tracing::warn!(scope, "a token of the app's identity was refused");
        }
    }

    fn next(&self, scope: &str) -> Next {
        let shared = self.slot(scope);
        let mut slot = lock(&shared);
        let now = OffsetDateTime::now_utc();
        let kept = slot
            .kept
            .as_ref()
            .filter(|kept| now < kept.token.expires_on);
        if let Some(kept) = kept {
            let token = kept.token.clone();
            if kept.renew_from <= now && slot.may_fly() {
                self.take_off(scope, &shared, &mut slot);
            }
            return Next::Take(Ok(token));
        }
        if let Some(flight) = slot.flying() {
            return Next::Await(flight);
        }
        match slot.failed {
            Some(error) if !slot.may_fly() => Next::Take(Err(error)),
            _ => Next::Await(self.take_off(scope, &shared, &mut slot)),
        }
    }

    fn slot(&self, scope: &str) -> Arc<Mutex<Slot>> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(scope) {
            return Arc::clone(slot);
        }
        Arc::clone(slots.entry(scope.to_owned()).or_default())
    }

    /// Begins to fetch, whoever waits for it.
    fn take_off(
        &self,
        scope: &str,
        shared: &Arc<Mutex<Slot>>,
        slot: &mut Slot,
    ) -> watch::Receiver<Option<Outcome>> {
        let (landed, flight) = watch::channel(None);
        slot.flight = Some(flight.clone());
        let (credential, scope) = (Arc::clone(&self.credential), scope.to_owned());
        let shared = Arc::clone(shared);
        let flying = async move {
            let outcome = fetch(credential.as_ref(), &scope).await;
            lock(&shared).settle(&outcome);
            // Nobody may be waiting any more.
            let _ = landed.send(Some(outcome));
        };
        // A call for a token belongs to the trace of whoever wants it, and to none if telemetry does.
        tokio::spawn(flying.with_current_context());
        flight
    }
}

impl Slot {
    /// The flight that is under way. One whose task has gone, with its runtime, is none.
    fn flying(&self) -> Option<watch::Receiver<Option<Outcome>>> {
        let flight = self.flight.as_ref()?;
        flight.has_changed().is_ok().then(|| flight.clone())
    }

    fn may_fly(&self) -> bool {
        self.flying().is_none() && self.rests_until.is_none_or(|until| until <= Instant::now())
    }

    fn settle(&mut self, outcome: &Outcome) {
        self.flight = None;
        let rest = match outcome {
            Ok(token) => {
                let ahead = RENEW_AHEAD - up_to(JITTER);
                self.kept = Some(Kept {
                    renew_from: token.expires_on - ahead,
                    token: token.clone(),
                });
                self.failed = None;
                REST
            }
            Err(error) => {
                // Without an old token the caller fails, and that is told where it is handled.
                if self.kept.is_some() {
                    tracing::warn!(%error, "the app's identity gets no new token yet");
                }
                self.failed = Some(*error);
                REST_AFTER_FAILURE
            }
        };
        self.rests_until = Some(Instant::now() + rest);
    }
}

async fn fetch(credential: &dyn TokenCredential, scope: &str) -> Outcome {
    let token = tokio::time::timeout(FLIGHT, credential.get_token(&[scope], None))
        .await
        .map_err(|_| TokenError::TimedOut)?
        .map_err(|error| TokenError::of(&error))?;
    if token.expires_on <= OffsetDateTime::now_utc() {
        return Err(TokenError::Expired);
    }
    Ok(token)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long before its end a token is renewed. The SDK has the same figure and hands out what it
/// has before, so the jitter makes it shorter and never longer.
const RENEW_AHEAD: Duration = Duration::from_secs(300);
const JITTER: Duration = Duration::from_secs(60);
/// The longest that a token is waited for, over all tries.
const FLIGHT: Duration = Duration::from_secs(30);
/// The platform may hand out the same token again for a while.
const REST: Duration = Duration::from_secs(30);
const REST_AFTER_FAILURE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
