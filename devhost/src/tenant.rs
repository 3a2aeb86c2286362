//! A stand-in for Entra ID: discovery and key documents at Entra's paths, tokens that look like its
//! access tokens, and faults to switch on.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /{tenant}/v2.0/.well-known/openid-configuration` | metadata, v2 |
//! | `GET /{tenant}/.well-known/openid-configuration` | metadata, v1 |
//! | `GET /{tenant}/discovery/v2.0/keys`, `GET /{tenant}/discovery/keys` | key sets |
//! | `POST /{tenant}/oauth2/v2.0/token`, `POST /{tenant}/oauth2/token` | an application's token |
//! | `POST /stand-in/token` | a token as the JSON [`TokenRequest`] wants it |
//! | `POST /stand-in/rotate` | a new signing key, as the JSON [`Rotation`] wants it |
//! | `POST /stand-in/fault` | switches a [`Fault`] on or off |
//! | `GET /stand-in` | what is going on |
//!
//! `{tenant}` is any tenant's GUID, or `common`, `organizations`, `consumers`. Whoever asks gets a
//! token, so nothing but a developer's own app may trust this tenant. Keys live and die with it.

mod der;
mod documents;
mod fault;
mod key;
mod service;
#[cfg(test)]
mod tests;
mod token;
mod verify;

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

pub use fault::{Fault, FaultKind, Target};
pub use token::{Kind, SignedBy, TokenRequest, Version};
pub use verify::{Caller, TokenError};

use fault::Faults;
use key::SigningKey;

/// The tenant that tokens are from unless they say otherwise.
pub const TENANT: &str = "7c3b2f4e-0d5a-4e8c-9b61-2f90c1a7d384";
/// The application that tokens are for unless they say otherwise: the app under development.
pub const AUDIENCE: &str = "e2a5d1b0-6f47-4c39-8a1e-5b7d90c3f612";
/// The application that asks for tokens unless it says otherwise.
pub const CLIENT: &str = "19f8c6d3-a2b4-4d70-8e5f-c3619b07e4a8";

/// The stand-in. Clones share keys, faults and counts.
#[derive(Debug, Clone)]
pub struct Tenant {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    origin: String,
    /// Signs what must not be accepted; never published.
    foreign: SigningKey,
    /// Signs what the app under development gets once it has a claims mapping; published to those who
    /// ask for that app's keys. Few do, so it is made for the first of them.
    application: LazyLock<Arc<SigningKey>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The published keys. The last one signs.
    keys: Vec<Arc<SigningKey>>,
    faults: Faults,
    served: Served,
}

/// How often each document was asked for, faults included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Served {
    /// Metadata documents.
    pub discovery: u64,
    /// Key sets.
    pub keys: u64,
    /// Tokens, by whichever way.
    pub tokens: u64,
}

/// What becomes of the key that signed until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    /// All older keys are withdrawn at once: tokens they signed are worth nothing any more.
    pub withdraw_old: bool,
}

impl Tenant {
    /// A stand-in reached at this origin, such as `http://127.0.0.1:7072`. Makes its RSA keys, which
    /// takes some tenths of a second.
    pub fn new(origin: impl Into<String>) -> Self {
        // Like Entra, it publishes more keys than the one that signs.
        let keys = vec![
            Arc::new(SigningKey::generate()),
            Arc::new(SigningKey::generate()),
        ];
        let state = State {
            keys,
            faults: Faults::default(),
            served: Served::default(),
        };
        Self {
            shared: Arc::new(Shared {
                origin: origin.into().trim_end_matches('/').to_owned(),
                foreign: SigningKey::generate(),
                application: LazyLock::new(|| Arc::new(SigningKey::generate())),
                state: Mutex::new(state),
            }),
        }
    }

    /// Where the stand-in is reached, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// A signed token.
    pub fn mint(&self, request: &TokenRequest) -> String {
        let key = {
            let mut state = self.lock();
            state.served.tokens += 1;
            state.signing_key()
        };
        let key = match request.signed_by {
            SignedBy::Current => &key,
            SignedBy::Foreign => &self.shared.foreign,
            SignedBy::Application => &self.shared.application,
        };
        token::sign(request, &self.shared.origin, key)
    }

    /// Signs with a new key from now on, and gives its `kid`.
    pub fn rotate(&self, rotation: Rotation) -> String {
        let key = Arc::new(SigningKey::generate());
        let kid = key.kid().to_owned();
        let mut state = self.lock();
        if rotation.withdraw_old {
            state.keys.clear();
        }
        state.keys.push(key);
        kid
    }

    /// Switches a fault on, in place of the one its target has.
    pub fn set_fault(&self, fault: Fault) {
        self.lock().faults.set(fault);
    }

    /// How often documents and tokens were asked for.
    pub fn served(&self) -> Served {
        self.lock().served
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one step, so a thread that panicked left nothing half done.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn signing_key(&self) -> Arc<SigningKey> {
        self.keys
            .last()
            .expect("rotation pushes a key after it clears")
            .clone()
    }
}
