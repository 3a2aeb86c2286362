//! What the vault gives for a message or a ciphertext.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::secrets::vault::ObjectVersion;

/// The version of a key: 32 lower-case hex digits. It is no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyVersion(ObjectVersion);

/// A text that is no version of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the version of a key is 32 lower-case hex digits")]
pub struct NotAKeyVersion;

impl KeyVersion {
    /// As it stands in the address of the key.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn of_the_vault(self) -> ObjectVersion {
        self.0
    }
}

impl From<ObjectVersion> for KeyVersion {
    fn from(version: ObjectVersion) -> Self {
        Self(version)
    }
}

impl FromStr for KeyVersion {
    type Err = NotAKeyVersion;

    fn from_str(text: &str) -> Result<Self, NotAKeyVersion> {
        ObjectVersion::new(text).map(Self).ok_or(NotAKeyVersion)
    }
}

impl fmt::Display for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A signature, and the version of the key that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    bytes: Vec<u8>,
    version: KeyVersion,
}

impl Signature {
    pub(crate) fn new(bytes: Vec<u8>, version: KeyVersion) -> Self {
        Self { bytes, version }
    }

    /// The signature, in the form that RFC 7518 §3 gives it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Which version of the key it takes to verify.
    pub fn version(&self) -> KeyVersion {
        self.version
    }
}

/// What was decrypted: wiped when it is dropped, with one reader, and nothing that prints or serialises
/// it.
pub struct Decrypted(Zeroizing<Vec<u8>>);

impl Decrypted {
    pub(crate) fn new(plaintext: Zeroizing<Vec<u8>>) -> Self {
        Self(plaintext)
    }

    /// The plaintext.
    pub fn expose_secret(&self) -> &[u8] {
        &self.0
    }
}
