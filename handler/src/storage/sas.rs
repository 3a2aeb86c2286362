//! Signed URLs: who issues them, and what they may allow.

mod signing;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret as _, SecretString};

use self::signing::{Fields, Grant};
use super::account::{Account, StorageSettings};
use super::kept::KeptKey;
use super::keys::DelegationKeys;
use super::names::{BlobName, ContainerName};
use super::permissions::{IpRange, Permissions};
use super::time::utc;
use crate::auth::SystemClock;

/// Issues signed URLs for one container, within what its [`SasCaps`] allow. Cheap to clone.
#[derive(Clone)]
pub struct SasIssuer {
    account: Account,
    key: Arc<KeptKey>,
    caps: SasCaps,
}

/// The most that an issuer ever allows.
#[derive(Debug, Clone)]
pub struct SasCaps {
    container: ContainerName,
    permissions: Permissions,
    life: Duration,
    range: Option<IpRange>,
    whole_container: bool,
}

/// What is asked of an issuer.
#[derive(Debug, Clone)]
pub struct SasRequest<'a> {
    blob: Option<&'a BlobName>,
    permissions: Permissions,
    life: Option<Duration>,
    range: Option<IpRange>,
}

/// Why there is no signed URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SasError {
    /// More was asked for than the issuer's caps allow.
    #[error("the issuer's caps do not allow this: {0}")]
    BeyondCaps(&'static str),
    /// It would end sooner than it can be used.
    #[error("a signed URL lives for a minute at least")]
    TooShort,
    /// The account has handed out no key, or none that counts any more; the log says why. It may
    /// work later.
    #[error("there is no user delegation key to sign with")]
    NoKey,
}

/// A signed URL. Whoever has it may do what it allows, so it is kept like a password.
#[derive(Clone)]
pub struct SasUrl {
    url: SecretString,
    expires: SystemTime,
}

impl SasCaps {
    /// Blobs of one container, each by itself, for an hour at most.
    pub fn new(container: ContainerName, permissions: Permissions) -> Self {
        Self {
            container,
            permissions,
            life: StorageSettings::DEFAULT_SAS_LIFE,
            range: None,
            whole_container: false,
        }
    }

    /// A longest life; of several, the shortest counts. `STOCKADE__STORAGE__SAS_MAX_SECONDS` counts
    /// beside it.
    #[must_use]
    pub fn live_at_most(mut self, life: Duration) -> Self {
        self.life = self.life.min(life);
        self
    }

    /// The only addresses that URLs are good for; see [`SasRequest::from`] for what that means.
    #[must_use]
    pub fn only_from(mut self, range: impl Into<IpRange>) -> Self {
        self.range = Some(range.into());
        self
    }

    /// Lets URLs be issued for all blobs of the container at once, too.
    #[must_use]
    pub fn allow_whole_container(mut self) -> Self {
        self.whole_container = true;
        self
    }
}

impl<'a> SasRequest<'a> {
    /// A URL of one blob, which need not be there yet.
    pub fn blob(blob: &'a BlobName, permissions: Permissions) -> Self {
        Self {
            blob: Some(blob),
            permissions,
            life: None,
            range: None,
        }
    }

    /// A URL of the container, with which all its blobs may be reached.
    pub fn container(permissions: Permissions) -> Self {
        Self {
            blob: None,
            permissions,
            life: None,
            range: None,
        }
    }

    /// How long the URL lives: this, or what the caps allow if that is less. Without it, all that
    /// they allow.
    #[must_use]
    pub fn life(mut self, life: Duration) -> Self {
        self.life = Some(life);
        self
    }

    /// The only addresses that the URL is good for: those that the account sees. It sees public
    /// addresses, except that of callers in its own region or behind a private endpoint it may see
    /// others, which no range matches reliably.
    #[must_use]
    pub fn from(mut self, range: impl Into<IpRange>) -> Self {
        self.range = Some(range.into());
        self
    }
}

impl SasIssuer {
    /// An issuer that signs with these keys.
    ///
    /// [`StorageAccount::sas_issuer`](super::StorageAccount::sas_issuer) makes one that signs with
    /// the account's.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, since the key is kept fresh by a task.
    pub fn new(settings: &StorageSettings, keys: Arc<dyn DelegationKeys>, caps: SasCaps) -> Self {
        let key = KeptKey::start(keys, Arc::new(SystemClock::new()));
        Self::over(settings, Arc::new(key), caps)
    }

    pub(super) fn over(settings: &StorageSettings, key: Arc<KeptKey>, caps: SasCaps) -> Self {
        Self {
            account: settings.account.clone(),
            key,
            caps: SasCaps {
                life: settings.sas_life.min(caps.life),
                ..caps
            },
        }
    }

    /// A URL of one blob, for as long as the caps allow.
    ///
    /// # Errors
    ///
    /// Those of [`issue`](Self::issue).
    pub async fn blob(
        &self,
        blob: &BlobName,
        permissions: Permissions,
    ) -> Result<SasUrl, SasError> {
        self.issue(&SasRequest::blob(blob, permissions)).await
    }

    /// Signs what is asked for.
    ///
    /// # Errors
    ///
    /// [`SasError::BeyondCaps`] and [`SasError::TooShort`] for what will never be signed, and
    /// [`SasError::NoKey`] as long as there is nothing to sign with.
    pub async fn issue(&self, request: &SasRequest<'_>) -> Result<SasUrl, SasError> {
        let grant = self.caps.grant(request)?;
        let (now, key) = self.key.now().await.ok_or(SasError::NoKey)?;
        // A key that is about to end cannot be renewed, or it would have been.
        let fields = Fields::new(grant, &key, now).ok_or(SasError::NoKey)?;
        Ok(fields.sign(&self.account, &key))
    }
}

impl SasCaps {
    /// What the request comes to within the caps.
    fn grant<'a>(&'a self, request: &SasRequest<'a>) -> Result<Grant<'a>, SasError> {
        if !self.permissions.includes(request.permissions) {
            return Err(SasError::BeyondCaps("permissions"));
        }
        if request.blob.is_none() && !self.whole_container {
            return Err(SasError::BeyondCaps("the whole container"));
        }
        let range = match (self.range, request.range) {
            (Some(most), Some(asked)) if !most.includes(asked) => {
                return Err(SasError::BeyondCaps("addresses"));
            }
            (most, asked) => asked.or(most),
        };
        let life = request.life.map_or(self.life, |life| life.min(self.life));
        if life < LEAST_LIFE {
            return Err(SasError::TooShort);
        }
        Ok(Grant {
            container: &self.container,
            blob: request.blob,
            permissions: request.permissions,
            life,
            range,
        })
    }
}

impl SasUrl {
    /// The URL, to be handed to whoever may use it, and to nobody's log.
    pub fn expose_secret(&self) -> &str {
        self.url.expose_secret()
    }

    /// When it ends, to the second.
    pub fn expires(&self) -> SystemTime {
        self.expires
    }

    /// When it ends, as RFC 3339 has it, in UTC.
    pub fn expires_text(&self) -> String {
        utc(self.expires)
    }
}

impl fmt::Debug for SasUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SasUrl")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SasIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SasIssuer")
            .field("caps", &self.caps)
            .finish_non_exhaustive()
    }
}

const LEAST_LIFE: Duration = Duration::from_secs(60);

#[cfg(test)]
pub(super) mod testing {
    //! Settings of tests, good as they are.

    use std::collections::BTreeMap;

    use super::*;
    use crate::settings::Problems;

    /// The account `orders1`, and other settings.
    pub(in crate::storage) fn settings(pairs: &[(&str, &str)]) -> StorageSettings {
        let account = (
            "STOCKADE__STORAGE__ACCOUNT_URI",
            "https://orders1.blob.core.windows.net",
        );
        let pairs = [account].into_iter().chain(pairs.iter().copied());
        let source: BTreeMap<String, String> = pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut problems = Problems::new();
        let settings = StorageSettings::read(&source, &mut problems);
        assert!(problems.is_empty(), "{problems}");
        settings.expect("an account")
    }
}

#[cfg(test)]
mod tests;
