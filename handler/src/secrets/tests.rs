//! Secrets against a vault that the test plays, in tokio's time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::declared::{Declaration, Declared, Need};
use super::settings::SecretSettings;
use super::store::Secrets;
use super::value::Secret;
use super::vault::{Fetched, ObjectName, ObjectVersion, Vault, VaultError};
use crate::telemetry::Fields;
use crate::test::{Log, TokioClock, dispatch_to};

mod app;
mod attributes;
mod fetching;
mod leaks;
mod outage;
mod rotation;
mod settings;

crate::secret! {
    /// A text.
    pub(crate) Key: "erp-key"
}

crate::secret! {
    /// Another one.
    pub(crate) Other: "other-key"
}

crate::secret! {
    /// One version of the first.
    pub(crate) Pinned: "erp-key" at "00000000000000000000000000000001"
}

/// A vault that holds what the test puts into it.
#[derive(Default)]
pub(crate) struct FakeVault {
    inside: Mutex<Inside>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

#[derive(Default)]
struct Inside {
    secrets: BTreeMap<&'static str, Vec<Version>>,
    asked: Vec<(&'static str, Option<u64>, Duration)>,
    delay: Duration,
    fault: Option<fn() -> VaultError>,
    started: Option<Instant>,
}

/// A version in the vault.
#[derive(Clone)]
pub(crate) struct Version {
    number: u64,
    value: String,
    enabled: bool,
    not_before: Option<u64>,
    expires: Option<u64>,
}

impl Version {
    pub(crate) fn new(number: u64, value: &str) -> Self {
        Self {
            number,
            value: value.to_owned(),
            enabled: true,
            not_before: None,
            expires: None,
        }
    }

    fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// In seconds since the test began.
    fn not_before(mut self, seconds: u64) -> Self {
        self.not_before = Some(seconds);
        self
    }

    fn expires(mut self, seconds: u64) -> Self {
        self.expires = Some(seconds);
        self
    }

    fn fetched(&self) -> Fetched {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Fetched {
            value: SecretString::from(self.value.clone()),
            version: ObjectVersion::for_tests(self.number),
            enabled: self.enabled,
            not_before: self.not_before.map(at),
            expires: self.expires.map(at),
        }
    }
}

impl FakeVault {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in a version, or puts it in another state. The latest is the one with the highest number.
    pub(crate) fn put<K: Declared>(&self, version: Version) {
        let mut inside = self.inside();
        let versions = inside.secrets.entry(K::NAME).or_default();
        versions.retain(|known| known.number != version.number);
        versions.push(version);
        versions.sort_by_key(|version| version.number);
    }

    fn remove<K: Declared>(&self) {
        self.inside().secrets.remove(K::NAME);
    }

    fn fails_with(&self, fault: fn() -> VaultError) {
        self.inside().fault = Some(fault);
    }

    pub(crate) fn works(&self) {
        self.inside().fault = None;
    }

    fn takes(&self, delay: Duration) {
        self.inside().delay = delay;
    }

    /// How often it was asked for the secret.
    fn asked<K: Declared>(&self) -> usize {
        let inside = self.inside();
        inside
            .asked
            .iter()
            .filter(|(name, ..)| *name == K::NAME)
            .count()
    }

    /// When it was asked, in time since the test began.
    fn times(&self) -> Vec<Duration> {
        self.inside().asked.iter().map(|(.., at)| *at).collect()
    }
}

impl Vault for FakeVault {
    fn get<'a>(
        &'a self,
        name: ObjectName,
        version: Option<ObjectVersion>,
    ) -> BoxFuture<'a, Result<Fetched, VaultError>> {
        Box::pin(async move {
            let now = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
            self.most_under_way.fetch_max(now, Ordering::Relaxed);
            let delay = {
                let mut inside = self.inside();
                let since = inside.started.get_or_insert_with(Instant::now).elapsed();
                let number = version.map(ObjectVersion::number);
                inside.asked.push((name.as_str(), number, since));
                inside.delay
            };
            sleep(delay).await;
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            let inside = self.inside();
            if let Some(fault) = inside.fault {
                return Err(fault());
            }
            let versions = inside
                .secrets
                .get(name.as_str())
                .ok_or(VaultError::NotFound)?;
            let found = match version {
                None => versions.last(),
                Some(wanted) => versions.iter().find(|one| one.number == wanted.number()),
            };
            found.map(Version::fetched).ok_or(VaultError::NotFound)
        })
    }
}

/// Secrets that are kept fresh from a vault.
struct World {
    vault: Arc<FakeVault>,
    secrets: Secrets,
    log: Log,
    _logging: tracing::subscriber::DefaultGuard,
    _tasks: JoinSet<()>,
}

impl World {
    /// Of secrets that the vault is set up for by `set_up`.
    fn new(declared: Vec<Declaration>, set_up: impl FnOnce(&FakeVault)) -> Self {
        let vault = Arc::new(FakeVault::default());
        vault.inside().started = Some(Instant::now());
        set_up(&vault);
        let log = Log::default();
        let logging =
            tracing::dispatcher::set_default(&dispatch_to(log.clone(), Fields::declared(&[])));
        let secrets = Secrets::new(declared, Arc::new(TokioClock(Instant::now())));
        Self {
            _tasks: secrets.keep_fresh(&settings_of(vault.clone())),
            vault,
            secrets,
            log,
            _logging: logging,
        }
    }

    /// Of the secret [`Key`], whose first version is there and has been fetched.
    async fn of_key(version: Version) -> Self {
        let world = Self::new(declared::<Key>(), |vault| vault.put::<Key>(version));
        world.secrets.prepare(Duration::from_secs(5)).await;
        world
    }

    fn value<K: Declared<Value = str>>(&self) -> Option<String> {
        let secret: Option<Secret<K>> = self.secrets.current();
        secret.map(|secret| secret.expose_secret().to_owned())
    }

    fn key(&self) -> Option<String> {
        self.value::<Key>()
    }

    /// How many lines of this level have this message.
    fn lines(&self, level: &str, message: &str) -> usize {
        let lines = self.log.lines();
        let fits = |line: &&String| {
            line.contains(&format!(r#""level":"{level}""#)) && line.contains(message)
        };
        lines.iter().filter(fits).count()
    }
}

fn declared<K: Declared>() -> Vec<Declaration> {
    vec![Declaration::of::<K>(Need::Required)]
}

pub(crate) fn settings_of(vault: Arc<FakeVault>) -> SecretSettings {
    SecretSettings {
        vault,
        refresh: Duration::from_secs(300),
        last_good: Duration::from_secs(24 * 60 * 60),
    }
}

async fn after(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}
