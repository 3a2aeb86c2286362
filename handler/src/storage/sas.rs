//! Signed URLs: what they allow, how they are written and what is signed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

use super::account::{Account, StorageSettings};
use super::kept::{KeptKey, SKEW};
use super::keys::{DelegationKey, DelegationKeys, SERVICE};
use super::names::{BlobName, ContainerName, escaped};
use super::permissions::{IpRange, Permissions};
use super::time::{to_the_second, utc};
use super::{SERVICE_VERSION, time};
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
        time::utc(self.expires)
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

/// What a request comes to within the caps.
#[derive(Debug, Clone, Copy)]
struct Grant<'a> {
    container: &'a ContainerName,
    blob: Option<&'a BlobName>,
    permissions: Permissions,
    life: Duration,
    range: Option<IpRange>,
}

/// A grant with its times.
struct Fields<'a> {
    grant: Grant<'a>,
    start: SystemTime,
    expiry: SystemTime,
}

impl<'a> Fields<'a> {
    /// The times of a grant from now on: it began some minutes ago, in case the account's clock is
    /// behind, and it ends with its life or with the key, whichever is first.
    ///
    /// Nothing when the key ends too soon for anybody to use it.
    fn new(grant: Grant<'a>, key: &DelegationKey, now: SystemTime) -> Option<Self> {
        let start = to_the_second(now - SKEW).max(key.start);
        let expiry = to_the_second(now + grant.life).min(key.expiry);
        let left = expiry.duration_since(now).ok()?;
        // The second that `to_the_second` may have taken is no loss.
        (left + Duration::from_secs(1) > LEAST_LIFE).then_some(Self {
            grant,
            start,
            expiry,
        })
    }

    /// The URL.
    fn sign(&self, account: &Account, key: &DelegationKey) -> SasUrl {
        let text = self.string_to_sign(account, key);
        let signature = STANDARD.encode(key.sign(&text));
        let container = self.grant.container;
        let mut url = match self.grant.blob {
            Some(blob) => format!("{}{container}/{}?", account.uri(), blob.to_path()),
            None => format!("{}{container}?", account.uri()),
        };
        let parameters = [
            ("sv", SERVICE_VERSION),
            ("sr", self.resource()),
            ("sp", &self.grant.permissions.to_string()),
            ("st", &utc(self.start)),
            ("se", &utc(self.expiry)),
            ("spr", PROTOCOL),
            ("sip", &self.range()),
            ("skoid", key.object_id.as_str()),
            ("sktid", key.tenant_id.as_str()),
            ("skt", &utc(key.start)),
            ("ske", &utc(key.expiry)),
            ("sks", SERVICE),
            ("skv", &key.version),
            ("sig", &signature),
        ];
        let written = parameters.iter().filter(|(_, value)| !value.is_empty());
        for (index, (name, value)) in written.enumerate() {
            if index > 0 {
                url.push('&');
            }
            url.push_str(name);
            url.push('=');
            url.push_str(&escaped(value));
        }
        SasUrl {
            url: url.into(),
            expires: self.expiry,
        }
    }

    /// What is signed, in the order of version 2020-12-06 and later, up to 2025-07-05 (Microsoft
    /// Learn, "Create a user delegation SAS", "Specify the signature"). Values stand as they are,
    /// not escaped.
    fn string_to_sign(&self, account: &Account, key: &DelegationKey) -> String {
        let resource = match self.grant.blob {
            Some(blob) => format!("/blob/{}/{}/{blob}", account.name(), self.grant.container),
            None => format!("/blob/{}/{}", account.name(), self.grant.container),
        };
        [
            self.grant.permissions.to_string().as_str(),
            &utc(self.start),
            &utc(self.expiry),
            &resource,
            key.object_id.as_str(),
            key.tenant_id.as_str(),
            &utc(key.start),
            &utc(key.expiry),
            SERVICE,
            &key.version,
            "", // saoid
            "", // suoid
            "", // scid
            &self.range(),
            PROTOCOL,
            SERVICE_VERSION,
            self.resource(),
            "", // the time of a snapshot
            "", // ses
            "", // rscc
            "", // rscd
            "", // rsce
            "", // rscl
            "", // rsct
        ]
        .join("\n")
    }

    /// `sr`: a blob or a container.
    fn resource(&self) -> &'static str {
        match self.grant.blob {
            Some(_) => "b",
            None => "c",
        }
    }

    /// `sip`: empty where every address will do.
    fn range(&self) -> String {
        let range = self.grant.range;
        range.map(|range| range.to_string()).unwrap_or_default()
    }
}

/// `spr`: no URL of ours is good without TLS.
const PROTOCOL: &str = "https";
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
