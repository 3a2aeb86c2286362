//! Where secrets are kept: the seam between the store, which keeps them fresh, and the vault.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use secrecy::SecretString;

use crate::settings::{Problems, Source};

/// Opens the vault that the settings name, without asking it anything yet.
///
/// Each declaration of a secret carries the function that opens its vault, so an app that declares
/// none does not even link a client.
pub(crate) type OpenVault = fn(&dyn Source, &mut Problems) -> Option<Arc<dyn Vault>>;

/// Reads secrets from where they are kept.
pub(crate) trait Vault: Send + Sync + 'static {
    /// A version of a secret, or the latest.
    ///
    /// Bounded in time and size by whoever implements it. Attributes are reported and not enforced:
    /// whether a secret counts now is for the store to say.
    fn get<'a>(
        &'a self,
        name: ObjectName,
        version: Option<ObjectVersion>,
    ) -> BoxFuture<'a, Result<Fetched, VaultError>>;
}

/// A vault that can be approached step by step, to find out how far the app gets.
#[cfg(feature = "cli")]
pub(crate) trait Approach: Vault {
    /// Its address.
    fn address(&self) -> &str;

    /// Whether the app's identity gets a token for it.
    fn sign_in(&self) -> BoxFuture<'_, Result<(), NoToken>>;

    /// Whether a vault answers at its address, to somebody without a token.
    fn knock(&self) -> BoxFuture<'_, Result<(), VaultError>>;
}

/// Opens the vault as [`OpenVault`] does, to be approached.
#[cfg(feature = "cli")]
pub(crate) type OpenApproach = fn(&dyn Source, &mut Problems) -> Option<Arc<dyn Approach>>;

/// Why the identity has no token. No text holds anything that was answered.
#[cfg(feature = "cli")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoToken {
    /// Whoever hands out tokens gives none.
    Refused(&'static str),
    /// Nobody answered.
    Away(&'static str),
}

/// A secret as the vault has it.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) value: SecretString,
    pub(crate) version: ObjectVersion,
    pub(crate) enabled: bool,
    /// Before this it does not count (`nbf`).
    pub(crate) not_before: Option<SystemTime>,
    /// From this on it does not count (`exp`).
    pub(crate) expires: Option<SystemTime>,
}

/// The name of a secret or key: 1 to 127 letters, digits and hyphens (Microsoft Learn, "Azure Key Vault
/// keys, secrets and certificates overview", object identifiers). It becomes a part of a path, so
/// nothing else gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectName(&'static str);

impl ObjectName {
    pub(crate) const fn new(name: &'static str) -> Option<Self> {
        let bytes = name.as_bytes();
        if bytes.is_empty() || bytes.len() > 127 {
            return None;
        }
        let mut index = 0;
        while index < bytes.len() {
            if !bytes[index].is_ascii_alphanumeric() && bytes[index] != b'-' {
                return None;
            }
            index += 1;
        }
        Some(Self(name))
    }

    pub(crate) const fn as_str(self) -> &'static str {
        self.0
    }
}

/// The version of a secret or key: 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ObjectVersion([u8; 32]);

impl ObjectVersion {
    pub(crate) const fn new(version: &str) -> Option<Self> {
        let bytes = version.as_bytes();
        if bytes.len() != 32 {
            return None;
        }
        let mut digits = [0; 32];
        let mut index = 0;
        while index < digits.len() {
            let digit = bytes[index];
            if !matches!(digit, b'0'..=b'9' | b'a'..=b'f') {
                return None;
            }
            digits[index] = digit;
            index += 1;
        }
        Some(Self(digits))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hex digits are UTF-8")
    }
}

#[cfg(any(test, feature = "testing"))]
impl ObjectVersion {
    /// The version that is this number.
    pub(crate) fn for_tests(number: u64) -> Self {
        Self::new(&format!("{number:032x}")).expect("32 hex digits")
    }

    /// The number, of a version that was made so.
    pub(crate) fn number(self) -> u64 {
        u64::from_str_radix(self.as_str(), 16).unwrap_or_default()
    }
}

impl std::fmt::Debug for ObjectVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a secret could not be read. No text holds anything that the vault said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultError {
    /// There is no such secret or version.
    #[error("the vault has no such secret: create it, or mend its name")]
    NotFound,
    /// The latest version, or the pinned one, is switched off.
    #[error("the secret is disabled in the vault")]
    Disabled,
    /// The identity may not read it.
    #[error(
        "the app's identity may not read the secret: grant it the role Key Vault Secrets User, \
         which can take some minutes to act"
    )]
    Forbidden,
    /// No token for the vault could be had.
    #[error("the app's identity gets no token for the vault: {0}")]
    Identity(&'static str),
    /// What answered asks for a token that is not a vault's.
    #[error("what answers at the vault's address asks for a token that is not a vault's")]
    ForeignChallenge,
    /// Too many requests.
    #[error("the vault is throttling")]
    Throttled {
        /// When to ask again, as far as the vault says so.
        retry_after: Option<Duration>,
    },
    /// No connection, or a status that is no answer.
    #[error("the vault cannot be reached, or is out of order: {0}")]
    Unreachable(&'static str),
    /// No whole answer came in time.
    #[error("the vault takes too long")]
    TimedOut,
    /// The answer is no secret.
    #[error("the vault's answer is malformed: {0}")]
    Malformed(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_letters_digits_and_hyphens() {
        let longest: &'static str = Box::leak("n".repeat(127).into_boxed_str());
        for right in ["a", "erp-key", "ERP-Key-2", "-", longest] {
            assert!(ObjectName::new(right).is_some(), "{right}");
        }
        let longer: &'static str = Box::leak("n".repeat(128).into_boxed_str());
        for wrong in ["", "..", "a/b", "a b", "a_b", "ключ", "a\n", "a?b", longer] {
            assert!(ObjectName::new(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_version_is_32_lower_case_hex_digits() {
        let version = "0123456789abcdef0123456789abcdef";
        assert_eq!(ObjectVersion::new(version).expect("one").as_str(), version);
        let upper = version.to_uppercase();
        for wrong in ["", &version[1..], &upper, "../../../../keys/0123456789abcd"] {
            assert!(ObjectVersion::new(wrong).is_none(), "{wrong}");
        }
    }
}
