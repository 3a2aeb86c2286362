//! The app's storage account: which it is, and what is opened over it.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::ClientOptions;
use azure_storage_blob::{BlobServiceClient, BlobServiceClientOptions};
use reqwest::Url;

use super::SERVICE_VERSION;
use super::blobs::Blobs;
use super::failure::StorageError;
use super::kept::{KEY_LIFE, KeptKey};
use super::keys::AccountKeys;
use super::names::ContainerName;
use super::sas::{SasCaps, SasIssuer};
use crate::auth::{Cloud, SystemClock};
use crate::azure::{Identity, client_options};
use crate::failure::Error;
use crate::settings::{Environment, Problems, Source, insecure_allowed};
use crate::telemetry::audit;

/// The settings of the storage account.
#[derive(Debug, Clone)]
pub struct StorageSettings {
    pub(super) account: Account,
    /// The longest life of a signed URL.
    pub(super) sas_life: Duration,
}

/// An account, by the address of its blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    /// `https`, with the account's name as the first label of the host, and no path.
    uri: Url,
}

impl StorageSettings {
    pub(super) const DEFAULT_SAS_LIFE: Duration = Duration::from_secs(3600);

    /// Reads the settings and records everything that is wrong with them.
    ///
    /// `None` when there is no account, or none that can be used.
    pub fn read(source: &dyn Source, problems: &mut Problems) -> Option<Self> {
        let most = KEY_LIFE.as_secs() / 2;
        let seconds = problems.number(source, SAS_MAX_SECONDS, 60..=most);
        let suffixes = match problems.parse(source, INSECURE_ACCOUNT).unwrap_or(false) {
            true => Suffixes::Loopback,
            false => Suffixes::Of(cloud(source)),
        };
        let text = problems.text(source, ACCOUNT_URI)?;
        let account = match Account::parse(&text, suffixes) {
            Ok(account) => account,
            Err(wrong) => {
                problems.push(ACCOUNT_URI, wrong);
                return None;
            }
        };
        if suffixes == Suffixes::Loopback
            && let Err(wrong) = insecure_allowed(source, &account.uri)
        {
            problems.push(INSECURE_ACCOUNT, wrong);
            return None;
        }
        Some(Self {
            account,
            sas_life: seconds.map_or(Self::DEFAULT_SAS_LIFE, Duration::from_secs),
        })
    }

    /// Tells, at each start, what weakens the checks.
    pub(crate) fn tell_weakenings(&self) {
        if Suffixes::Loopback.hold(self.account.suffix()) {
            audit::weakness(INSECURE_ACCOUNT, "the storage account is a stand-in");
        }
    }
}

/// What the host of an account ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suffixes {
    Of(Cloud),
    Loopback,
}

impl Suffixes {
    fn hold(self, suffix: &str) -> bool {
        match self {
            Self::Of(Cloud::Public) => suffix == "blob.core.windows.net" || is_dns_zone(suffix),
            Self::Of(Cloud::UsGov) => suffix == "blob.core.usgovcloudapi.net",
            Self::Of(Cloud::China) => suffix == "blob.core.chinacloudapi.cn",
            Self::Loopback => suffix == "blob.localhost",
        }
    }
}

/// `z00.blob.storage.azure.net` to `z99.`: an account with an Azure DNS zone (Microsoft Learn,
/// "Storage account overview", "Storage account endpoints").
fn is_dns_zone(suffix: &str) -> bool {
    let zone = suffix.strip_suffix(".blob.storage.azure.net");
    let number = zone.and_then(|zone| zone.strip_prefix('z'));
    number.is_some_and(|number| number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit()))
}

fn cloud(source: &dyn Source) -> Cloud {
    // What is wrong with it is told where tokens are concerned.
    let text = source.get(CLOUD);
    text.and_then(|text| text.trim().parse().ok())
        .unwrap_or_default()
}

impl Account {
    fn parse(text: &str, suffixes: Suffixes) -> Result<Self, &'static str> {
        let uri: Url = text.parse().map_err(|_| "is not an address")?;
        if uri.scheme() != "https" {
            return Err("has to be an https address");
        }
        if !uri.username().is_empty()
            || uri.password().is_some()
            || uri.query().is_some()
            || uri.fragment().is_some()
            || uri.path() != "/"
        {
            return Err("has to name the account and nothing below it, without a signature");
        }
        let account = Self { uri };
        if !suffixes.hold(account.suffix()) {
            return Err("has to be the blob endpoint of an account in the app's cloud");
        }
        if account.uri.port().is_some() && suffixes != Suffixes::Loopback {
            return Err("has to be without a port");
        }
        if !is_account_name(account.name()) {
            return Err(
                "has to begin with an account's name: 3 to 24 lower-case letters and digits",
            );
        }
        Ok(account)
    }

    /// The address, with a slash at its end.
    pub(super) fn uri(&self) -> &Url {
        &self.uri
    }

    pub(super) fn name(&self) -> &str {
        self.host().split_once('.').unwrap_or_default().0
    }

    fn suffix(&self) -> &str {
        self.host().split_once('.').unwrap_or_default().1
    }

    fn host(&self) -> &str {
        self.uri.host_str().unwrap_or_default()
    }
}

fn is_account_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    (3..=24).contains(&name.len()) && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// The app's storage account, opened with the app's identity.
pub struct StorageAccount {
    settings: StorageSettings,
    service: Arc<BlobServiceClient>,
    /// Asked for once the first issuer is made.
    key: OnceLock<Arc<KeptKey>>,
}

impl StorageAccount {
    /// Opens the account that the settings name, if they name one, with the app's managed identity.
    /// Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// The settings of the account or of the identity are wrong.
    pub fn from_env(environment: &Environment) -> Result<Option<Self>, Error> {
        let mut problems = Problems::new();
        let Some(settings) = StorageSettings::read(environment, &mut problems) else {
            return if problems.is_empty() {
                Ok(None)
            } else {
                Err(problems.into())
            };
        };
        let Some(identity) = Identity::open(environment, &mut problems) else {
            return Err(problems.into());
        };
        let account = Self::open(
            settings,
            Arc::new(identity),
            client_options(MAX_ANSWER_BYTES),
        )?;
        Ok(Some(account))
    }

    /// Opens the account, without asking it anything yet.
    ///
    /// `options` decides about the transport and about trying again. The transport must follow no
    /// redirects, use no proxy that the environment names, and leave bodies as they are.
    ///
    /// # Errors
    ///
    /// [`StorageError::Malformed`] when the client does not take the address.
    pub fn open(
        settings: StorageSettings,
        credential: Arc<dyn TokenCredential>,
        options: ClientOptions,
    ) -> Result<Self, StorageError> {
        let options = BlobServiceClientOptions {
            client_options: options,
            version: SERVICE_VERSION.to_owned(),
        };
        let uri = settings.account.uri().clone();
        let service = BlobServiceClient::new(uri, Some(credential), Some(options))
            .map_err(|_| StorageError::Malformed("its address"))?;
        Ok(Self {
            settings,
            service: Arc::new(service),
            key: OnceLock::new(),
        })
    }

    /// An issuer of signed URLs. All issuers of an account sign with one key, which is kept fresh as
    /// long as one of them, or the account, is there. The identity needs the role Storage Blob
    /// Delegator on the account, and on the container what it lets others do.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, since the key is kept fresh by a task.
    pub fn sas_issuer(&self, caps: SasCaps) -> SasIssuer {
        let key = self.key.get_or_init(|| {
            let keys = Arc::new(AccountKeys(Arc::clone(&self.service)));
            Arc::new(KeptKey::start(keys, Arc::new(SystemClock::new())))
        });
        SasIssuer::over(&self.settings, Arc::clone(key), caps)
    }

    /// The blobs of a container. The identity needs the role Storage Blob Data Reader or Storage
    /// Blob Data Contributor on it.
    pub fn blobs(&self, container: ContainerName) -> Blobs {
        Blobs::new(Arc::clone(&self.service), container)
    }
}

#[cfg(test)]
impl StorageAccount {
    pub(super) fn service(&self) -> Arc<BlobServiceClient> {
        Arc::clone(&self.service)
    }
}

impl fmt::Debug for StorageAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageAccount")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Of one answer. What a blob may hold is for [`Blobs::max_bytes`] to say.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;

const ACCOUNT_URI: &str = "STOCKADE__STORAGE__ACCOUNT_URI";
const SAS_MAX_SECONDS: &str = "STOCKADE__STORAGE__SAS_MAX_SECONDS";
const INSECURE_ACCOUNT: &str = "STOCKADE__STORAGE__INSECURE_ACCOUNT";
const CLOUD: &str = "STOCKADE__AUTH__CLOUD";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<StorageSettings>, String> {
        let pairs = pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let source: BTreeMap<String, String> = pairs.collect();
        let mut problems = Problems::new();
        let settings = StorageSettings::read(&source, &mut problems);
        if problems.is_empty() {
            return Ok(settings);
        }
        Err(problems.to_string())
    }

    const PUBLIC: (&str, &str) = (ACCOUNT_URI, "https://orders1.blob.core.windows.net");
    const STAND_IN: [(&str, &str); 3] = [
        (ACCOUNT_URI, "https://orders1.blob.localhost:7443/"),
        (INSECURE_ACCOUNT, "true"),
        ("AZURE_FUNCTIONS_ENVIRONMENT", "Development"),
    ];

    #[test]
    fn without_an_account_there_is_nothing_and_nothing_wrong() {
        assert!(matches!(read(&[]), Ok(None)));
    }

    #[test]
    fn an_account_is_a_blob_endpoint_of_the_apps_cloud() {
        for (cloud, uri) in [
            ("public", "https://orders1.blob.core.windows.net"),
            ("public", " https://orders1.blob.core.windows.net:443/ "),
            ("public", "https://orders1.z05.blob.storage.azure.net/"),
            ("usgov", "https://orders1.blob.core.usgovcloudapi.net"),
            ("china", "https://orders1.blob.core.chinacloudapi.cn"),
        ] {
            let settings = read(&[(ACCOUNT_URI, uri), (CLOUD, cloud)]);
            let settings = settings.unwrap_or_else(|problems| panic!("{uri}: {problems}"));
            assert_eq!(settings.expect("an account").account.name(), "orders1");
        }
    }

    #[test]
    fn every_other_address_is_a_problem() {
        for uri in [
            "",
            "orders1",
            "http://orders1.blob.core.windows.net",
            "https://orders1.blob.core.usgovcloudapi.net",
            "https://orders1.queue.core.windows.net",
            "https://orders1.blob.core.windows.net.evil.example",
            "https://evil.example/.blob.core.windows.net",
            "https://orders1.evil.blob.core.windows.net",
            "https://blob.core.windows.net",
            "https://or.blob.core.windows.net",
            "https://orders-1.blob.core.windows.net",
            "https://orders1-secondary.blob.core.windows.net",
            "https://abcdefghijklmnopqrstuvwxy.blob.core.windows.net",
            "https://orders1.blob.core.windows.net:8443",
            "https://orders1.blob.core.windows.net/uploads",
            "https://orders1.blob.core.windows.net/?sig=x",
            "https://orders1.blob.core.windows.net/?",
            "https://orders1.blob.core.windows.net/#x",
            "https://user@orders1.blob.core.windows.net",
            "https://user:word@orders1.blob.core.windows.net",
            "https://orders1.z5.blob.storage.azure.net",
            "https://orders1.zab.blob.storage.azure.net",
            "https://orders1.blob.localhost:7443",
            "https://127.0.0.1:7443",
        ] {
            let problems = read(&[(ACCOUNT_URI, uri)]).expect_err(uri);
            assert!(problems.starts_with(ACCOUNT_URI), "{uri}: {problems}");
            assert!(
                uri.is_empty() || !problems.contains(uri),
                "{uri}: {problems}"
            );
        }
    }

    #[test]
    fn a_stand_in_counts_on_a_developers_machine_and_over_tls_alone() {
        let settings = read(&STAND_IN).expect("no problems").expect("an account");
        assert_eq!(settings.account.uri().port(), Some(7443));

        for change in [
            (ACCOUNT_URI, "http://orders1.blob.localhost:7443"),
            (ACCOUNT_URI, "https://orders1.blob.core.windows.net"),
            (ACCOUNT_URI, "https://orders1.blob.example:7443"),
            (INSECURE_ACCOUNT, "false"),
            (INSECURE_ACCOUNT, "yes"),
            ("AZURE_FUNCTIONS_ENVIRONMENT", "Production"),
            ("WEBSITE_SKU", "FlexConsumption"),
        ] {
            let changed: Vec<_> = STAND_IN.into_iter().chain([change]).collect();
            assert!(read(&changed).is_err(), "{change:?}");
        }
    }

    #[test]
    fn a_signed_url_lives_for_an_hour_unless_a_setting_says_otherwise() {
        let life = |seconds: &[(&str, &str)]| {
            let pairs: Vec<_> = [PUBLIC].iter().chain(seconds).copied().collect();
            read(&pairs).map(|settings| settings.expect("an account").sas_life.as_secs())
        };

        assert_eq!(life(&[]), Ok(3600));
        assert_eq!(life(&[(SAS_MAX_SECONDS, "60")]), Ok(60));
        assert_eq!(life(&[(SAS_MAX_SECONDS, "43200")]), Ok(43200));
        for wrong in ["59", "43201", "0", "-1", "1h", ""] {
            assert!(life(&[(SAS_MAX_SECONDS, wrong)]).is_err(), "{wrong}");
        }
    }
}
