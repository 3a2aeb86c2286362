//! What a request asks of the vault.

use http::Method;

use super::refusal::Kind;

/// An operation of the vault's API; its version is the latest where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation<'a> {
    List,
    Versions(&'a str),
    Get(&'a str, Option<&'a str>),
    Set(&'a str),
    Key(Use, &'a str, Option<&'a str>),
    Certificate(&'a str, Option<&'a str>),
    Unknown,
}

/// What is done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Get,
    Sign,
    Decrypt,
    UnwrapKey,
}

impl Use {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Sign => "sign",
            Self::Decrypt => "decrypt",
            Self::UnwrapKey => "unwrapKey",
        }
    }

    fn of(segment: &str) -> Option<Self> {
        Some(match segment.to_ascii_lowercase().as_str() {
            "sign" => Self::Sign,
            "decrypt" => Self::Decrypt,
            "unwrapkey" => Self::UnwrapKey,
            _ => return None,
        })
    }
}

impl<'a> Operation<'a> {
    pub(super) fn of(method: &Method, path: &[&'a str]) -> Self {
        match (method.as_str(), path) {
            ("GET", ["secrets"]) => Self::List,
            ("GET", ["secrets", name]) => Self::Get(name, None),
            ("GET", ["secrets", name, "versions"]) => Self::Versions(name),
            ("GET", ["secrets", name, version]) => Self::Get(name, Some(version)),
            ("PUT", ["secrets", name]) => Self::Set(name),
            ("GET", ["keys", name]) => Self::Key(Use::Get, name, None),
            ("GET", ["keys", name, version]) if *version != "versions" => {
                Self::Key(Use::Get, name, Some(version))
            }
            ("POST", ["keys", name, verb]) => {
                Use::of(verb).map_or(Self::Unknown, |verb| Self::Key(verb, name, None))
            }
            ("POST", ["keys", name, version, verb]) => {
                Use::of(verb).map_or(Self::Unknown, |verb| Self::Key(verb, name, Some(version)))
            }
            ("GET", ["certificates", name]) => Self::Certificate(name, None),
            ("GET", ["certificates", name, version])
                if !matches!(*version, "versions" | "policy" | "pending") =>
            {
                Self::Certificate(name, Some(version))
            }
            _ => Self::Unknown,
        }
    }

    /// The object that it is about.
    pub(super) fn object(&self) -> Option<(Kind, &'a str)> {
        match self {
            Self::List | Self::Unknown => None,
            Self::Versions(name) | Self::Get(name, _) | Self::Set(name) => {
                Some((Kind::Secret, name))
            }
            Self::Key(_, name, _) => Some((Kind::Key, name)),
            Self::Certificate(name, _) => Some((Kind::Certificate, name)),
        }
    }

    /// The word under which it is counted.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Versions(_) => "versions",
            Self::Get(..) => "get",
            Self::Set(_) => "set",
            Self::Key(Use::Get, ..) => "get key",
            Self::Key(verb, ..) => verb.word(),
            Self::Certificate(..) => "get certificate",
            Self::Unknown => "unknown",
        }
    }

    /// The action that a role has to allow (Azure built-in roles, "Key Vault Secrets Officer" and
    /// others).
    pub(super) fn action(&self) -> &'static str {
        match self {
            Self::List | Self::Versions(_) | Self::Unknown => "secrets/readMetadata/action",
            Self::Get(..) => "secrets/getSecret/action",
            Self::Set(_) => "secrets/setSecret/action",
            Self::Key(Use::Get, ..) => "keys/read",
            Self::Key(Use::Sign, ..) => "keys/sign/action",
            Self::Key(Use::Decrypt, ..) => "keys/decrypt/action",
            Self::Key(Use::UnwrapKey, ..) => "keys/unwrap/action",
            Self::Certificate(..) => "certificates/read",
        }
    }
}
