//! What the functions share.

use std::sync::Arc;
use std::time::Duration;

use stockade::settings::Environment;
use stockade::storage::{ContainerName, Permissions, SasCaps, SasIssuer, StorageAccount};
use stockade::{Error, FromRef};

/// The state of the app.
#[derive(Debug, Clone, Default)]
pub struct AppState {
    catalogue: Catalogue,
    uploads: Uploads,
}

impl AppState {
    /// Builds the state; called again later if it fails.
    pub async fn from_env(environment: &Environment) -> Result<Self, Error> {
        let uploads = Uploads::from_env(environment)?;
        Ok(Self::default().with_uploads(uploads))
    }

    /// The state with other uploads.
    #[must_use]
    pub fn with_uploads(self, uploads: Uploads) -> Self {
        Self { uploads, ..self }
    }
}

/// What is sold, and for how much.
#[derive(Debug, Clone)]
pub struct Catalogue(Arc<[(&'static str, u64)]>);

impl Default for Catalogue {
    fn default() -> Self {
        Self(Arc::new([
            ("SKU-00001", 1999),
            ("SKU-00002", 2499),
            ("SKU-00003", 495),
        ]))
    }
}

impl Catalogue {
    /// The price of one piece, in cents.
    pub fn unit_price_cents(&self, sku: &str) -> Option<u64> {
        self.0
            .iter()
            .find_map(|(known, cents)| (*known == sku).then_some(*cents))
    }
}

impl FromRef<AppState> for Catalogue {
    fn from_ref(state: &AppState) -> Self {
        state.catalogue.clone()
    }
}

/// Where documents are uploaded to, if the app has a storage account.
#[derive(Debug, Clone, Default)]
pub struct Uploads(Option<SasIssuer>);

impl Uploads {
    /// Opens the account that the settings name. Without one the app works and its uploads do not.
    pub fn from_env(environment: &Environment) -> Result<Self, Error> {
        let account = StorageAccount::from_env(environment)?;
        Ok(account.map_or_else(Self::default, |account| {
            Self::over(account.sas_issuer(Self::caps()))
        }))
    }

    /// Uploads with URLs of this issuer.
    pub fn over(issuer: SasIssuer) -> Self {
        Self(Some(issuer))
    }

    /// What every URL of an upload stays within: one blob, a quarter of an hour, and no reading.
    pub fn caps() -> SasCaps {
        let container = ContainerName::new("uploads").expect("it is a name");
        SasCaps::new(container, Permissions::CREATE | Permissions::WRITE)
            .live_at_most(Duration::from_secs(15 * 60))
    }

    /// The issuer.
    pub fn issuer(&self) -> Result<&SasIssuer, Error> {
        let missing = "documents cannot be uploaded: set STOCKADE__STORAGE__ACCOUNT_URI";
        self.0.as_ref().ok_or_else(|| Error::retry(missing))
    }
}

impl FromRef<AppState> for Uploads {
    fn from_ref(state: &AppState) -> Self {
        state.uploads.clone()
    }
}
