//! Turns a bearer token into the caller it stands for.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::HeaderMap;
use tokio::task::JoinHandle;

use super::authority::Issuer;
use super::bearer;
use super::cache::{Cache, Fingerprint, Remembered};
use super::challenge::Challenges;
use super::claims::Claims;
use super::clock::{Clock, numeric_date};
use super::denial::Denial;
use super::keys::{Fetch, HttpFetch, Key, Keys};
use super::principal::Principal;
use super::rules::Rules;
use super::settings::AuthSettings;
use super::token::{Compact, Header};
use crate::telemetry::metrics;

/// Verifies the tokens of one app.
#[derive(Debug)]
pub struct Tokens {
    rules: Rules,
    keys: Arc<Keys>,
    cache: Option<Cache>,
    clock: Seam,
    max_bytes: usize,
    last_header: ArcSwapOption<SeenHeader>,
    challenges: Challenges,
}

/// The header of the token that was accepted last. Tokens that one key signed have the same header to
/// the letter, so there is nothing new to read in the next one.
#[derive(Debug)]
struct SeenHeader {
    segment: Box<str>,
    key_id: Box<str>,
}

/// Keeps the signing keys fresh for as long as it is held.
#[derive(Debug)]
#[must_use = "the keys are kept fresh only while this is held"]
pub struct Refresher {
    task: JoinHandle<()>,
}

struct Seam(Arc<dyn Clock>);

impl Tokens {
    /// Verifies by `settings`, with keys that are fetched by HTTPS.
    pub fn new(settings: &AuthSettings, clock: Arc<dyn Clock>) -> Self {
        let fetch = Arc::new(HttpFetch::new(settings.authority.origin()));
        Self::with_fetch(settings, clock, fetch)
    }

    /// Verifies by `settings`, with keys that `fetch` brings.
    pub fn with_fetch(
        settings: &AuthSettings,
        clock: Arc<dyn Clock>,
        fetch: Arc<dyn Fetch>,
    ) -> Self {
        Self {
            rules: Rules::new(settings),
            keys: Arc::new(Keys::new(settings, clock.clone(), fetch)),
            cache: Cache::new(settings.cache_entries),
            clock: Seam(clock),
            max_bytes: settings.max_token_bytes,
            last_header: ArcSwapOption::empty(),
            challenges: Challenges::new(settings),
        }
    }

    /// Fetches the keys of the listed tenants, for at most `within`. What has not arrived by then
    /// goes on arriving; until it has, tokens are refused with [`Denial::KeysUnavailable`].
    ///
    /// Returns whether all keys are there.
    pub async fn prepare(&self, within: Duration) -> bool {
        // A ring that is late is fetched by a task of its own, which this does not end.
        let _ = tokio::time::timeout(within, self.keys.refresh_due()).await;
        self.is_ready()
    }

    /// The caller that a request's token stands for.
    ///
    /// # Errors
    ///
    /// [`Denial`] names the rule that failed.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Principal, Denial> {
        self.verify(bearer::token(headers, self.max_bytes)?).await
    }

    /// How callers are challenged.
    pub(crate) fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// Whether the keys of all listed tenants are there. Tokens of `any` tenant are always ready:
    /// the first one of a tenant brings its keys.
    pub fn is_ready(&self) -> bool {
        self.keys.are_ready()
    }

    /// Starts refreshing the keys about every hour, and sooner after a failure.
    pub fn keep_fresh(&self) -> Refresher {
        let keys = self.keys.clone();
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(keys.until_due()).await;
                keys.refresh_due().await;
            }
        });
        Refresher { task }
    }

    /// The caller that a token stands for.
    ///
    /// The checks run in an order that spends nothing on a token before it claims to be ours, and
    /// believes nothing before its signature is verified.
    ///
    /// # Errors
    ///
    /// [`Denial`] names the rule that failed.
    pub async fn verify(&self, token: &str) -> Result<Principal, Denial> {
        if token.len() > self.max_bytes {
            return Err(Denial::TokenTooLong);
        }
        let compact = Compact::split(token)?;
        let now = numeric_date(self.clock.0.now());
        let Some(cache) = &self.cache else {
            return Ok(self.check(&compact, now).await?.principal);
        };
        if !cache.has_seen(token) {
            metrics().token_looked_up(false);
            let verified = self.check(&compact, now).await?;
            cache.note(token);
            return Ok(verified.principal);
        }
        let fingerprint = Fingerprint::of(token);
        let recalled = cache.recall(fingerprint, now, self.clock.0.uptime());
        metrics().token_looked_up(recalled.is_some());
        if let Some(principal) = recalled {
            return Ok(principal);
        }
        let verified = self.check(&compact, now).await?;
        let principal = verified.principal.clone();
        cache.remember(fingerprint, verified);
        Ok(principal)
    }

    async fn check(&self, token: &Compact<'_>, now: u64) -> Result<Remembered, Denial> {
        let known = |issuer, key_id: &str| self.keys.known(issuer, key_id);
        let (issuer, key_id) = match self.check_by(token, now, known)? {
            Checked::Good(verified) => return Ok(verified),
            Checked::KeyWanted(issuer, key_id) => (issuer, key_id),
        };
        // Boxed, because it is rare: what a future might hold is carried by every invocation.
        let key = Box::pin(self.keys.find(issuer, &key_id)).await?;
        match self.check_by(token, now, |_, _| Ok(Some(key)))? {
            Checked::Good(verified) => Ok(verified),
            Checked::KeyWanted(..) => Err(Denial::UnknownKey),
        }
    }

    /// Checks a token by a key that is at hand.
    fn check_by(
        &self,
        token: &Compact<'_>,
        now: u64,
        key: impl FnOnce(Issuer, &str) -> Result<Option<Arc<Key>>, Denial>,
    ) -> Result<Checked, Denial> {
        let seen = self.last_header.load();
        let seen = seen.as_ref().filter(|seen| *seen.segment == *token.header);
        let key_id = match seen {
            Some(seen) => Cow::Borrowed(&*seen.key_id),
            None => Cow::Owned(Header::read(&token.header()?)?.key_id.into_owned()),
        };
        let payload = token.payload()?;
        let claims = Claims::read(&payload)?;
        let signature = token.signature()?;
        let issuer = self.rules.screen(&claims, now)?;
        let Some(key) = key(issuer, &key_id)? else {
            return Ok(Checked::KeyWanted(issuer, key_id.into_owned()));
        };
        key.verify(token.signed, &signature)?;
        // Only a genuine token leaves its header, so nobody else can crowd it out.
        if seen.is_none() {
            self.last_header.store(Some(Arc::new(SeenHeader {
                segment: token.header.into(),
                key_id: (&*key_id).into(),
            })));
        }
        Ok(Checked::Good(Remembered {
            principal: self.rules.accept(&claims)?,
            expires: claims.expires,
            key,
        }))
    }
}

/// How far a check came without waiting.
enum Checked {
    /// To its end.
    Good(Remembered),
    /// To the key, which has to be fetched first.
    KeyWanted(Issuer, String),
}

impl Drop for Refresher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Seam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a clock")
    }
}

#[cfg(test)]
mod tests;
