//! Function, host, system and master keys, kept in memory.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whose keys these are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Good for every function.
    Host,
    /// For webhooks of extensions.
    System,
    Function(String),
}

/// What a request may do, by the key it carries
/// (host 4.1037, `AuthenticationLevelHandler`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    Nothing,
    Function { key: String },
    System { key: String },
    Admin,
}

/// All keys of the app.
#[derive(Debug)]
pub(crate) struct Keys {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    master: String,
    named: BTreeMap<(Scope, String), String>,
}

impl Keys {
    /// A `default` key for the host and for each function, and this master key.
    pub(crate) fn new<'a>(master: String, functions: impl Iterator<Item = &'a str>) -> Self {
        let named = functions
            .map(|name| Scope::Function(name.to_lowercase()))
            .chain([Scope::Host])
            .map(|scope| ((scope, "default".to_owned()), generate()))
            .collect();
        Self {
            inner: Mutex::new(Inner { master, named }),
        }
    }

    /// What this key allows towards this function.
    pub(crate) fn grant(&self, function: Option<&str>, key: Option<&str>) -> Grant {
        let Some(key) = key else {
            return Grant::Nothing;
        };
        let inner = self.lock();
        if same(&inner.master, key) {
            return Grant::Admin;
        }
        let function = function.map(|name| Scope::Function(name.to_lowercase()));
        let found = inner.named.iter().find(|((scope, _), value)| {
            (matches!(scope, Scope::Host | Scope::System) || Some(scope) == function.as_ref())
                && same(value, key)
        });
        match found {
            Some(((Scope::System, name), _)) => Grant::System { key: name.clone() },
            Some(((_, name), _)) => Grant::Function { key: name.clone() },
            None => Grant::Nothing,
        }
    }

    /// The keys of one scope by name.
    pub(crate) fn list(&self, scope: &Scope) -> Vec<(String, String)> {
        self.lock()
            .named
            .iter()
            .filter(|((known, _), _)| known == scope)
            .map(|((_, name), value)| (name.clone(), value.clone()))
            .collect()
    }

    /// Sets or makes a key; the flag tells whether it is a new one.
    pub(crate) fn put(&self, scope: Scope, name: &str, value: Option<String>) -> (String, bool) {
        let value = value.unwrap_or_else(generate);
        let before = self
            .lock()
            .named
            .insert((scope, name.to_owned()), value.clone());
        (value, before.is_none())
    }

    /// Whether there was such a key.
    pub(crate) fn remove(&self, scope: Scope, name: &str) -> bool {
        self.lock()
            .named
            .remove(&(scope, name.to_owned()))
            .is_some()
    }

    pub(crate) fn master(&self) -> String {
        self.lock().master.clone()
    }

    pub(crate) fn set_master(&self, value: Option<String>) -> String {
        let value = value.unwrap_or_else(generate);
        self.lock().master.clone_from(&value);
        value
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key as long as the host's own: 40 random bytes.
pub(crate) fn generate() -> String {
    let mut bytes = [0_u8; 40];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random source works");
    URL_SAFE.encode(bytes)
}

fn same(left: &str, right: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(left.as_bytes(), right.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_what_it_was_made_for() {
        let master = generate();
        let keys = Keys::new(master.clone(), ["orders", "stock"].into_iter());
        let orders = keys.list(&Scope::Function("orders".into()))[0].1.clone();
        let host = keys.list(&Scope::Host)[0].1.clone();
        let default = Grant::Function {
            key: "default".into(),
        };

        assert_eq!(keys.grant(Some("Orders"), Some(&orders)), default);
        assert_eq!(keys.grant(Some("stock"), Some(&orders)), Grant::Nothing);
        assert_eq!(keys.grant(Some("stock"), Some(&host)), default);
        assert_eq!(keys.grant(Some("stock"), Some(&master)), Grant::Admin);
        assert_eq!(keys.grant(Some("stock"), None), Grant::Nothing);
    }

    #[test]
    fn a_replaced_key_opens_nothing() {
        let keys = Keys::new(generate(), ["orders"].into_iter());
        let scope = Scope::Function("orders".into());
        let before = keys.list(&scope)[0].1.clone();

        let (after, is_new) = keys.put(scope, "default", None);

        assert!(!is_new);
        assert_eq!(keys.grant(Some("orders"), Some(&before)), Grant::Nothing);
        assert_ne!(keys.grant(Some("orders"), Some(&after)), Grant::Nothing);
    }
}
