//! Reads what a login host publishes: metadata (OpenID Connect Discovery §3) and key sets
//! (RFC 7517 §5).
//!
//! The metadata has to name the issuer that was asked for and to point back to the same origin. In
//! a key set, entries that cannot be used are dropped and counted; one bad entry does not spoil the
//! rest, and a set without a good one is an error.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use reqwest::Url;

use super::super::authority::{Authority, Issuer, Version};
use super::super::json::{self, Members, Value};
use super::super::token::{decode, is_key_id};
use super::KeyError;
use super::key::Key;

/// What is needed from the metadata of an issuer.
#[derive(Debug)]
pub(super) struct Metadata {
    /// Where the keys are, with its query: an app with claims mapping has its own keys there.
    pub(super) keys: Url,
    cloud: Option<String>,
}

/// The keys of an issuer by their names.
#[derive(Debug)]
pub(super) struct KeySet {
    pub(super) slots: HashMap<Box<str>, Slot>,
    /// How many entries could not be used at all.
    pub(super) dropped: usize,
}

/// What is published under one name.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    Key(Arc<Key>),
    /// Something that no token may use, and why.
    Unusable(&'static str),
}

impl Metadata {
    /// Reads the metadata of `issuer`.
    pub(super) fn read(
        text: &[u8],
        authority: &Authority,
        issuer: Issuer,
    ) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed("the metadata");
        let members = json::object(text, MAX_DEPTH).map_err(|_| malformed())?;
        let named = member(&members, "issuer").ok_or_else(malformed)?;
        if !authority.is_named(issuer, named) {
            return Err(KeyError::ForeignMetadata);
        }
        let keys: Url = member(&members, "jwks_uri")
            .and_then(|uri| uri.parse().ok())
            .ok_or_else(malformed)?;
        if !authority.serves(&keys) {
            return Err(KeyError::ForeignKeys);
        }
        Ok(Self {
            keys,
            cloud: member(&members, "cloud_instance_name").map(str::to_owned),
        })
    }
}

impl KeySet {
    /// Reads the keys that `issuer` publishes.
    pub(super) fn read(
        text: &[u8],
        metadata: &Metadata,
        authority: &Authority,
        issuer: Issuer,
    ) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed("the key set");
        let members = json::object(text, MAX_DEPTH).map_err(|_| malformed())?;
        let entries = members
            .iter()
            .find(|(name, _)| name == "keys")
            .and_then(|(_, value)| match value {
                Value::Array(entries) => Some(entries),
                _ => None,
            })
            .ok_or_else(malformed)?;

        let mut set = Self {
            slots: HashMap::new(),
            dropped: 0,
        };
        for entry in entries {
            set.add(entry, metadata, authority, issuer);
        }
        let usable = |slot: &Slot| matches!(slot, Slot::Key(_));
        if set.slots.values().any(usable) {
            Ok(set)
        } else {
            Err(KeyError::NoUsableKeys)
        }
    }

    fn add(&mut self, entry: &Value<'_>, metadata: &Metadata, authority: &Authority, of: Issuer) {
        let Some((key_id, key, members)) = signing_key(entry) else {
            self.dropped += 1;
            return;
        };
        let slot = match unusable(members, metadata, authority, of) {
            Some(why) => Slot::Unusable(why),
            None => Slot::Key(Arc::new(key)),
        };
        if self.slots.len() >= MAX_KEYS {
            self.dropped += 1;
            return;
        }
        match self.slots.entry(key_id.into()) {
            Entry::Vacant(place) => {
                place.insert(slot);
            }
            Entry::Occupied(mut place) => {
                place.insert(Slot::Unusable("two keys are published under its name"));
            }
        }
    }
}

/// The name and the key of an entry, if it is a public RSA key for RS256 signatures.
fn signing_key<'e>(entry: &'e Value<'_>) -> Option<(&'e str, Key, &'e Members<'e>)> {
    let Value::Object(members) = entry else {
        return None;
    };
    let is = |name, wanted: &str| member(members, name) == Some(wanted);
    let absent = |name| members.iter().all(|(other, _)| other != name);
    let signs = is("kty", "RSA") && is("use", "sig");
    // Entra's keys name no algorithm.
    let rs256 = absent("alg") || is("alg", "RS256");
    let verifies = absent("key_ops") || key_ops_verify(members);
    // A published private key proves nothing any more.
    if !signs || !rs256 || !verifies || !absent("d") {
        return None;
    }
    let key_id = member(members, "kid").filter(|key_id| is_key_id(key_id))?;
    let modulus = decode(member(members, "n")?).ok()?;
    let exponent = decode(member(members, "e")?).ok()?;
    Some((key_id, Key::new(&modulus, &exponent)?, members))
}

fn key_ops_verify(members: &Members<'_>) -> bool {
    let ops = members.iter().find(|(name, _)| name == "key_ops");
    match ops {
        Some((_, Value::Array(ops))) => ops.contains(&Value::Text("verify".into())),
        _ => false,
    }
}

/// Why a good key may not be used for tokens of this issuer.
fn unusable(
    members: &Members<'_>,
    metadata: &Metadata,
    authority: &Authority,
    issuer: Issuer,
) -> Option<&'static str> {
    let cloud = member(members, "cloud_instance_name");
    if let (Some(key), Some(ours)) = (cloud, &metadata.cloud)
        && key != ours
    {
        return Some("it belongs to another cloud");
    }
    // A key's own issuer is in the v2 form, whatever the form of the tokens.
    let v2 = Issuer {
        version: Version::V2,
        ..issuer
    };
    let named = |name: &str| {
        let name = name.replace("{tenantid}", issuer.tenant.as_str());
        authority.is_named(v2, &name)
    };
    match (member(members, "issuer"), issuer.version) {
        (Some(name), _) if named(name) => None,
        (Some(_), _) => Some("it belongs to another issuer"),
        (None, Version::V2) => Some("it does not name its issuer"),
        // v1 documents do not name it; this one is the tenant's own.
        (None, Version::V1) => None,
    }
}

fn member<'m>(members: &'m Members<'_>, name: &str) -> Option<&'m str> {
    members.iter().find_map(|(other, value)| match value {
        Value::Text(text) if other == name => Some(&**text),
        _ => None,
    })
}

/// Metadata and key sets nest three levels deep.
const MAX_DEPTH: usize = 16;

/// Tenants publish about ten.
const MAX_KEYS: usize = 256;

#[cfg(test)]
mod tests;
