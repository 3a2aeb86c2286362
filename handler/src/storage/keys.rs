//! User delegation keys: what URLs are signed with in place of an account key.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::hmac;
use azure_core::http::Response;
use azure_core::time::OffsetDateTime;
use azure_storage_blob::BlobServiceClient;
use azure_storage_blob::models::KeyInfo;
use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use super::failure::StorageError;
use super::time::to_the_second;
use crate::auth::Guid;

/// Hands out user delegation keys.
pub trait DelegationKeys: Send + Sync + 'static {
    /// A key that counts from `start` to `expiry`, or for less.
    ///
    /// Whoever asks bounds the time that this may take.
    fn fetch(
        &self,
        start: SystemTime,
        expiry: SystemTime,
    ) -> BoxFuture<'_, Result<DelegationKey, StorageError>>;
}

/// A user delegation key, which signs as the identity that asked for it.
///
/// Nothing shows the key itself, and its bytes are wiped when it is dropped.
#[derive(Clone)]
pub struct DelegationKey {
    pub(super) object_id: Guid,
    pub(super) tenant_id: Guid,
    pub(super) start: SystemTime,
    pub(super) expiry: SystemTime,
    pub(super) version: String,
    /// Wiped by its own `Drop` (aws-lc, HMAC_CTX_cleanup).
    key: hmac::Key,
}

/// The parts of a user delegation key as the service names them (Microsoft Learn, "Get User
/// Delegation Key").
pub struct DelegationKeyParts {
    /// `SignedOid`: the identity that asked for the key.
    pub signed_oid: String,
    /// `SignedTid`: its tenant.
    pub signed_tid: String,
    /// `SignedStart`.
    pub signed_start: SystemTime,
    /// `SignedExpiry`.
    pub signed_expiry: SystemTime,
    /// `SignedService`: `b` for blobs.
    pub signed_service: String,
    /// `SignedVersion`.
    pub signed_version: String,
    /// `Value`, decoded.
    pub value: Zeroizing<Vec<u8>>,
}

impl DelegationKey {
    /// Checks the parts and puts them together.
    ///
    /// # Errors
    ///
    /// [`StorageError::Malformed`] says which part is not what the service promises.
    pub fn new(parts: &DelegationKeyParts) -> Result<Self, StorageError> {
        let guid = |text: &str| Guid::parse(&text.to_ascii_lowercase());
        let malformed = |_| StorageError::Malformed("an id of a delegation key is no GUID");
        if parts.signed_service != SERVICE {
            return Err(StorageError::Malformed("a delegation key is not for blobs"));
        }
        if !is_version(&parts.signed_version) {
            return Err(StorageError::Malformed("a delegation key has no version"));
        }
        if parts.value.len() < LEAST_KEY_BYTES {
            return Err(StorageError::Malformed("a delegation key is too short"));
        }
        Ok(Self {
            object_id: guid(&parts.signed_oid).map_err(malformed)?,
            tenant_id: guid(&parts.signed_tid).map_err(malformed)?,
            start: to_the_second(parts.signed_start),
            expiry: to_the_second(parts.signed_expiry),
            version: parts.signed_version.clone(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &parts.value),
        })
    }

    /// Until when the key counts.
    pub fn expiry(&self) -> SystemTime {
        self.expiry
    }

    pub(super) fn sign(&self, text: &str) -> hmac::Tag {
        hmac::sign(&self.key, text.as_bytes())
    }
}

impl fmt::Debug for DelegationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelegationKey")
            .field("start", &self.start)
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DelegationKeyParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelegationKeyParts")
            .field("signed_start", &self.signed_start)
            .field("signed_expiry", &self.signed_expiry)
            .finish_non_exhaustive()
    }
}

/// The keys of a storage account.
pub(super) struct AccountKeys(pub(super) Arc<BlobServiceClient>);

impl DelegationKeys for AccountKeys {
    fn fetch(
        &self,
        start: SystemTime,
        expiry: SystemTime,
    ) -> BoxFuture<'_, Result<DelegationKey, StorageError>> {
        Box::pin(async move {
            let info = KeyInfo {
                start: Some(OffsetDateTime::from(start)),
                expiry: Some(OffsetDateTime::from(expiry)),
                ..KeyInfo::default()
            };
            let failed = |error| StorageError::of(&error, "Storage Blob Delegator");
            let info = info.try_into().map_err(failed)?;
            let answer = self.0.get_user_delegation_key(info, None).await;
            let key = answer.and_then(Response::into_model);
            let key = key.map_err(failed)?;
            // Taken at once, so that it is wiped whatever the other parts are.
            let value = Zeroizing::new(key.value.unwrap_or_default());
            let time = |time: Option<OffsetDateTime>| {
                let missing = StorageError::Malformed("a delegation key has no lifetime");
                time.map(SystemTime::from).ok_or(missing)
            };
            DelegationKey::new(&DelegationKeyParts {
                signed_oid: key.signed_oid.unwrap_or_default(),
                signed_tid: key.signed_tid.unwrap_or_default(),
                signed_start: time(key.signed_start)?,
                signed_expiry: time(key.signed_expiry)?,
                signed_service: key.signed_service.unwrap_or_default(),
                signed_version: key.signed_version.unwrap_or_default(),
                value,
            })
        })
    }
}

/// A version of the service: a date. It becomes a part of what is signed and of a query.
fn is_version(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// Blobs (`sks`).
pub(super) const SERVICE: &str = "b";
/// As long as what HMAC-SHA256 makes of it (RFC 2104 §3).
const LEAST_KEY_BYTES: usize = 32;

#[cfg(test)]
pub(super) mod testing {
    //! Keys of tests, good as they are.

    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// 2026-01-02T03:00:00Z.
    pub(in crate::storage) const BEGIN: Duration = Duration::from_secs(1_767_322_800);

    /// A key that counts for a day from [`BEGIN`] on.
    pub(in crate::storage) fn parts() -> DelegationKeyParts {
        let value = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"a key of a test");
        DelegationKeyParts {
            signed_oid: "11111111-2222-3333-4444-555555555555".to_owned(),
            signed_tid: "66666666-7777-8888-9999-aaaaaaaaaaaa".to_owned(),
            signed_start: UNIX_EPOCH + BEGIN,
            signed_expiry: UNIX_EPOCH + BEGIN + Duration::from_secs(24 * 3600),
            signed_service: "b".to_owned(),
            signed_version: "2025-11-05".to_owned(),
            value: Zeroizing::new(value.as_ref().to_vec()),
        }
    }
}

#[cfg(test)]
mod tests;
