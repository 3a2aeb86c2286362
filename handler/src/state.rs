//! What the functions share.

use std::sync::Arc;

use stockade::settings::Environment;
use stockade::{Error, FromRef};

/// The state of the app.
#[derive(Debug, Clone, Default)]
pub struct AppState {
    catalogue: Catalogue,
}

impl AppState {
    /// Builds the state; called again later if it fails.
    pub async fn from_env(_: &Environment) -> Result<Self, Error> {
        Ok(Self::default())
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
