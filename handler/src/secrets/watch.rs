//! A secret that is watched for rotation.

use std::fmt;

use super::declared::Declared;
use super::store::{Changes, Secrets};
use super::value::Secret;
use super::vault::ObjectVersion;

/// Follows the secret `K` through its rotations.
///
/// For parts of the state that hold on to what they made of a secret, such as a pool of connections:
/// [`Environment::watch`](crate::settings::Environment::watch) gives one, and a task of the state's own
/// waits for [`rotated`](Self::rotated). What asks for the secret each time takes `Secret<K>` or
/// [`current`](Self::current) and needs no task.
pub struct SecretWatch<K: Declared> {
    secrets: Secrets,
    changes: Changes,
    seen: Option<ObjectVersion>,
    secret: std::marker::PhantomData<fn() -> K>,
}

impl<K: Declared> SecretWatch<K> {
    /// What is there now counts as seen.
    pub(super) fn new(secrets: &Secrets) -> Self {
        let changes = secrets.changes();
        let seen = secrets.current::<K>().map(|secret| secret.version_id());
        Self {
            secrets: secrets.clone(),
            changes,
            seen,
            secret: std::marker::PhantomData,
        }
    }

    /// The value that counts now, if there is one.
    pub fn current(&self) -> Option<Secret<K>> {
        self.secrets.current()
    }

    /// Waits for a version that this watch has not given yet. May be dropped and called again.
    pub async fn rotated(&mut self) -> Secret<K> {
        loop {
            if let Some(secret) = self.current()
                && self.seen != Some(secret.version_id())
            {
                self.seen = Some(secret.version_id());
                return secret;
            }
            self.changes.next().await;
        }
    }
}

impl<K: Declared> fmt::Debug for SecretWatch<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretWatch").finish_non_exhaustive()
    }
}
