//! Blobs of the app's storage account: signed URLs that let others read or write one for a short
//! time, and a client for the app's own.
//!
//! Both work by the app's managed identity. There is no account key anywhere: a URL is signed with a
//! user delegation key, which the account hands to the identity for a day at most, so what it allows
//! is never more than what the identity itself may do.
//!
//! - A [`SasIssuer`] works within [`SasCaps`]: one container, permissions, a longest life. Nothing
//!   that a caller sends can raise them.
//! - A [`SasUrl`] is `https` only, and shows itself through `expose_secret` alone.
//! - Names are types: a [`BlobName`] cannot climb out of its container.
//!
//! What a URL allows, it allows to everybody who has it, until it ends. It can be ended sooner only
//! by taking back all of the account's user delegation keys, or the identity's role.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use stockade::Error;
//! use stockade::settings::Environment;
//! use stockade::storage::{
//!     BlobName, ContainerName, Permissions, SasCaps, SasIssuer, SasUrl, StorageAccount,
//! };
//!
//! fn issuer(environment: &Environment) -> Result<Option<SasIssuer>, Error> {
//!     let Some(account) = StorageAccount::from_env(environment)? else {
//!         return Ok(None);
//!     };
//!     let caps = SasCaps::new(ContainerName::new("reports")?, Permissions::READ)
//!         .live_at_most(Duration::from_secs(600));
//!     Ok(Some(account.sas_issuer(caps)))
//! }
//!
//! async fn report(issuer: &SasIssuer, day: &str) -> Result<SasUrl, Error> {
//!     let blob = BlobName::new(format!("daily/{day}.pdf"))?;
//!     Ok(issuer.blob(&blob, Permissions::READ).await?)
//! }
//! ```

mod account;
mod blobs;
mod failure;
mod kept;
mod keys;
mod names;
mod permissions;
mod sas;
#[cfg(test)]
mod testing;
mod time;

pub use account::{StorageAccount, StorageSettings};
pub use blobs::{BlobError, Blobs};
pub use failure::StorageError;
pub use keys::{DelegationKey, DelegationKeyParts, DelegationKeys};
pub use names::{BlobName, ContainerName, NotAName};
pub use permissions::{IpRange, NotARange, Permissions};
pub use sas::{SasCaps, SasError, SasIssuer, SasRequest, SasUrl};

/// The version of the Blob service that requests ask for and that URLs are signed for. All clouds
/// and the emulator know it.
const SERVICE_VERSION: &str = "2022-11-02";
