//! Where keys are: the seam between what an app asks of a key and the vault that does it.

use futures_util::future::BoxFuture;

use super::algorithm::{DecryptionAlgorithm, SigningAlgorithm};
use super::outcome::{Decrypted, Signature};
use crate::failure::Error;
use crate::secrets::vault::{ObjectName, ObjectVersion, VaultError};

/// Uses keys where they are. The names and versions of keys are made as those of secrets are.
///
/// Bounded in time and size by whoever implements it, and an answer is about the key that was asked for.
pub(crate) trait Keys: Send + Sync + 'static {
    /// Signs a digest.
    fn sign<'a>(
        &'a self,
        name: ObjectName,
        version: Option<ObjectVersion>,
        algorithm: SigningAlgorithm,
        digest: &'a [u8],
    ) -> BoxFuture<'a, Result<Signature, KeyError>>;

    /// Decrypts a ciphertext.
    fn decrypt<'a>(
        &'a self,
        name: ObjectName,
        version: ObjectVersion,
        algorithm: DecryptionAlgorithm,
        ciphertext: &'a [u8],
    ) -> BoxFuture<'a, Result<Decrypted, KeyError>>;
}

/// Why a key could not be used. No text holds anything that the vault said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// There is no such key or version.
    #[error("the vault has no such key or version: create it, or mend its name")]
    NotFound,
    /// The version is switched off.
    #[error("the key is disabled in the vault")]
    Disabled,
    /// The identity may not use it, or it is not for this use.
    #[error(
        "the app's identity may not use the key: grant it the role Key Vault Crypto User, which can \
         take some minutes to act, and look at the key's permitted operations and dates"
    )]
    Forbidden,
    /// The vault takes the request for wrong, and says so of every such request.
    #[error("the vault refuses the request: it does not fit the key's kind or size")]
    Refused,
    /// What is the same for secrets and keys.
    #[error(transparent)]
    Vault(VaultError),
}

/// What became of the use of a named key.
#[derive(Debug, thiserror::Error)]
#[error("the key `{name}` could not be used: {why}")]
struct Unusable {
    name: &'static str,
    why: KeyError,
}

impl KeyError {
    /// The answer is too short or too long for one.
    pub(super) const NO_SIGNATURE: Self =
        Self::Vault(VaultError::Malformed("no signature of this algorithm"));

    /// What a function fails with that wanted a signature.
    pub(super) fn while_signing(self, name: &'static str) -> Error {
        match self {
            Self::Refused => Error::fatal(Unusable { name, why: self }),
            why => Error::retry(Unusable { name, why }),
        }
    }

    /// What a function fails with that wanted a plaintext.
    pub(super) fn while_decrypting(self, name: &'static str) -> Error {
        match self {
            Self::Refused => undecryptable().because(Unusable { name, why: self }),
            why => Error::retry(Unusable { name, why }),
        }
    }
}

/// The rejection of what is no ciphertext for the key.
pub(super) fn undecryptable() -> Error {
    Error::reject("undecryptable", "What was sent cannot be decrypted.")
}

impl From<VaultError> for KeyError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::NotFound => Self::NotFound,
            VaultError::Disabled => Self::Disabled,
            VaultError::Forbidden => Self::Forbidden,
            error => Self::Vault(error),
        }
    }
}
