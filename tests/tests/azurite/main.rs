//! Signed URLs and the blob client against Azurite, Microsoft's storage emulator: what is allowed
//! works, and nothing else does. Azurite computes every signature by code of its own.
//!
//! `.ci/azurite` installs it and runs this suite, which is ignored otherwise. Azurite looks at
//! everything that a signed URL says but the address of the caller (3.35.0, BlobSASAuthenticator,
//! `validateIPRange`), so here a range is only known to be signed.

mod blobs;
mod emulator;
mod signed_urls;

use stockade::storage::{BlobName, ContainerName, Permissions, SasCaps};

const READ: Permissions = Permissions::READ;
const CREATE: Permissions = Permissions::CREATE;
const WRITE: Permissions = Permissions::WRITE;

fn blob(name: &str) -> BlobName {
    BlobName::new(name).expect("a name")
}

fn container(name: &str) -> ContainerName {
    ContainerName::new(name).expect("a name")
}

/// The most that an issuer of this suite allows.
fn all(name: &str) -> SasCaps {
    SasCaps::new(container(name), READ | CREATE | WRITE).allow_whole_container()
}
