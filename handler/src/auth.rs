//! Decides who is calling and whether they may call this function.
//!
//! 1. There is one bearer token, in the one place where it belongs ([RFC 6750 §2.1], `bearer`).
//! 2. It is a JWT signed with RS256, with nothing in its header that we do not know how to honour
//!    (RFC 8725 §3.1, §3.2; RFC 7515 §4.1.11; `token`).
//! 3. Before anything is fetched or computed for it, it claims to be ours and to be alive: version,
//!    issuer, tenant, audience, lifetime (`rules`).
//! 4. The key it names is one that our tenant publishes now, for this issuer (`keys`), and that
//!    key signed it.
//! 5. It is an access token that a bearer may use (RFC 8725 §3.8 to §3.12; `rules`).
//! 6. Its caller and client are on the app's lists, where there are any (`lists`).
//! 7. Its caller takes no more than its share of the app (`policy`, by the table of `limits`).
//! 8. Where the app asks for client certificates, one that it accepts came, too (`certificates`).
//! 9. The token carries a permission that the function asks for (`permissions`), and the
//!    authentication context, where it asks for one (`contexts`).
//!
//! [`Tokens`] does 2 to 6 and makes a [`Principal`]; [`Denial`] says which rule stood against it, and
//! [`Challenges`] what the caller is told (RFC 6750 §3).
//! Identity headers that the platform may set are removed before anything reads them (`headers`).
//! [`layer`] is the same check for services that are no functions.
//!
//! What this does not protect against: a stolen token works until it expires, since a bearer token
//! proves nothing about who holds it; and a tenant's own administrators can issue any token for it.
//!
//! [RFC 6750 §2.1]: https://www.rfc-editor.org/rfc/rfc6750#section-2.1

mod authority;
mod bearer;
mod cache;
mod certificates;
mod challenge;
mod claims;
mod clock;
mod contexts;
mod denial;
mod guid;
pub(crate) mod headers;
mod json;
mod keys;
pub mod layer;
mod lists;
mod permissions;
mod policy;
mod principal;
mod resource;
mod rules;
mod settings;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod token;
mod tokens;

pub use authority::Cloud;
pub use challenge::{Challenges, Refusal};
pub use clock::{Clock, SystemClock};
pub use denial::Denial;
pub use guid::{NotAGuid, TenantId};
pub use keys::{Fetch, FetchError, KeyError};
pub use layer::Entra;
pub use policy::Identity;
pub use principal::{Kind, Principal};
pub use resource::{ResourceMetadata, protected_resource};
pub use settings::AuthSettings;
pub use tokens::{Refresher, Tokens};

pub(crate) use certificates::{Certificates, ClientCertificateHeader};
pub(crate) use denial::Concern;
pub(crate) use guid::Guid;
pub(crate) use permissions::Rule;
pub(crate) use policy::{Authorized, Gate, Policy};
pub(crate) use resource::{ROUTE as RESOURCE_ROUTE, SETTING as RESOURCE_SETTING};
