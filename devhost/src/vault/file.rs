//! `local.secrets.json`: the secrets that the vault begins with.
//!
//! ```json
//! {
//!   "erp-key": "a value for this machine",
//!   "old-key": {"value": "…", "enabled": false, "exp": 1790000000, "contentType": "text/plain"},
//!   "pinned-key": {"value": "…", "version": "0123456789abcdef0123456789abcdef"}
//! }
//! ```

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

use super::{NewSecret, NotASecret, Vault};

pub(crate) const NAME: &str = "local.secrets.json";

/// Puts the secrets of an app folder into a vault. No problem's text holds a value.
pub(crate) fn read(root: &Path, vault: &Vault) -> Result<(), Vec<String>> {
    let text = match std::fs::read_to_string(root.join(NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(vec![format!("{NAME}: {error}")]),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let members: Members = serde_json::from_str(text).map_err(|error| {
        vec![format!(
            "{NAME}: no JSON object of secrets by name, at line {} column {}",
            error.line(),
            error.column()
        )]
    })?;
    let mut problems = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for (name, form) in members.0 {
        if !names.insert(name.to_ascii_lowercase()) {
            problems.push(format!("{NAME}: {name} is there twice; names ignore case"));
        }
        let set = NewSecret::from_local(form)
            .and_then(|secret| vault.set(&name, secret).map_err(NotASecret::from));
        if let Err(why) = set {
            problems.push(format!("{NAME}: {name}: {why}"));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// An object's members as they stand there, those of the same name too.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AllMembers)
    }
}

struct AllMembers;

impl<'de> Visitor<'de> for AllMembers {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
