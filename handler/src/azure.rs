//! What the app reads from Azure, signed in by its managed identity.
//!
//! Everything here goes through Microsoft's SDK crates over one HTTP client of ours
//! ([`client_options`]). No credential is a setting: the platform hands tokens to the process over a
//! loopback or link-local endpoint, and `identity` keeps them.
//!
//! Not protected against: the platform's endpoint itself, and whoever can change the process's
//! environment. Buffers of TLS and of the SDK in which a secret passed by are not wiped.

#[cfg(feature = "cli")]
mod approach;
mod challenge;
mod identity;
mod key_vault;
mod keys;
#[cfg(test)]
pub(crate) mod testing;
mod transport;
mod vault_uri;

use std::error::Error;
use std::sync::Arc;

#[cfg(feature = "cli")]
pub(crate) use approach::open_approach;
pub(crate) use identity::Identity;
pub(crate) use transport::{Outbound, client_options, up_to};
pub(crate) use vault_uri::VaultUri;

use crate::keys::vault::Keys;
use crate::secrets::vault::Vault;
use crate::settings::{Problems, Source};

/// Opens the Key Vault that the settings name, with the app's identity. Nothing is asked yet.
pub(crate) fn open_vault(source: &dyn Source, problems: &mut Problems) -> Option<Arc<dyn Vault>> {
    let (uri, identity) = open(source, problems)?;
    let vault = key_vault::KeyVault::new(
        &uri,
        Arc::new(identity),
        client_options(key_vault::MAX_ANSWER_BYTES),
    );
    Some(Arc::new(vault))
}

/// Opens the keys of that vault in the same way.
pub(crate) fn open_keys(source: &dyn Source, problems: &mut Problems) -> Option<Arc<dyn Keys>> {
    let (uri, identity) = open(source, problems)?;
    let keys = keys::KeyVaultKeys::new(
        &uri,
        Arc::new(identity),
        client_options(keys::MAX_ANSWER_BYTES),
    );
    Some(Arc::new(keys))
}

fn open(source: &dyn Source, problems: &mut Problems) -> Option<(VaultUri, Identity)> {
    let uri = VaultUri::read(source, problems);
    let identity = Identity::open(source, problems);
    let (uri, identity) = (uri?, identity?);
    uri.tell_weakening();
    Some((uri, identity))
}

/// The first cause of an error that is a `T`: the SDK wraps what policies and transports report.
fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(<dyn Error>::downcast_ref)
}

/// An error, what caused it, and so on.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

#[cfg(test)]
mod tests;
