//! What the reading of a login host's documents comes to, told to tests.

use super::super::authority::{Authority, Cloud, Issuer, Version};
use super::super::testing::tenant_id;
use super::KeyError;
use super::document::{KeySet, Metadata, Slot};

/// A key set as it was read.
#[derive(Debug)]
pub struct ReadKeySet {
    /// The name of each key, and for one that no token may use, why.
    pub keys: Vec<(String, Option<&'static str>)>,
    /// How many entries could not be used at all.
    pub dropped: usize,
}

/// Reads a document as the metadata of the test tenant's v2 issuer, and says where the keys are.
///
/// # Errors
///
/// [`KeyError`] says what is wrong with it.
pub fn read_metadata(document: &[u8]) -> Result<String, KeyError> {
    let metadata = Metadata::read(document, &Authority::of(Cloud::Public), issuer())?;
    Ok(metadata.keys.into())
}

/// Reads a document as the keys of the test tenant's v2 issuer, for metadata that names the public
/// cloud.
///
/// # Errors
///
/// [`KeyError`] says what is wrong with it.
pub fn read_key_set(document: &[u8]) -> Result<ReadKeySet, KeyError> {
    let authority = Authority::of(Cloud::Public);
    let metadata = format!(
        r#"{{"issuer":"{origin}{tenant}/v2.0","jwks_uri":"{origin}keys","cloud_instance_name":"microsoftonline.com"}}"#,
        origin = authority.origin(),
        tenant = tenant_id(),
    );
    let metadata = Metadata::read(metadata.as_bytes(), &authority, issuer())?;
    let set = KeySet::read(document, &metadata, &authority, issuer())?;
    let keys = set.slots.into_iter().map(|(name, slot)| match slot {
        Slot::Key(_) => (name.into(), None),
        Slot::Unusable(why) => (name.into(), Some(why)),
    });
    Ok(ReadKeySet {
        keys: keys.collect(),
        dropped: set.dropped,
    })
}

fn issuer() -> Issuer {
    Issuer {
        tenant: tenant_id(),
        version: Version::V2,
    }
}
