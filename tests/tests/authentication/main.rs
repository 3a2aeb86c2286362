//! Strangers with tokens of every kind in front of the app as it is deployed: what is refused, why,
//! and what nobody learns of it.
//!
//! Rules come from RFC 6750, 7515, 7518, 7519 and 8725 and from what Entra ID documents of its
//! tokens. Each refusal stands beside a call that is accepted and differs from it in one thing. Every
//! call is made in each of the host's three ways: forwarded, proxied, and inside its envelope.

mod algorithm;
mod call;
mod change;
mod claims;
mod credentials;
mod faults;
mod floods;
mod header;
mod identity;
mod keys;
mod meaning;
mod outages;
mod permissions;
mod remembered;
mod segments;
mod signature;
mod table;
mod tenants;
mod world;
