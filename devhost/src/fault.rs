//! Faults that a stand-in on a port of its own can be told to have.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// What can go wrong with a stand-in. The default is nothing.
pub trait Kind: Copy + Default + PartialEq {
    /// Nobody listens.
    const DOWN: Self;
}

/// A fault, in the form in which it is switched on and off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault<K> {
    /// What goes wrong; `none` ends the fault.
    #[serde(default)]
    pub kind: K,
    /// For the kinds that have to do with time: how long.
    #[serde(default = "default_seconds")]
    pub seconds: u64,
    /// For `huge`: how much is added.
    #[serde(default = "default_bytes")]
    pub bytes: usize,
    /// For `status`: the status code.
    #[serde(default = "default_status")]
    pub status: u16,
    /// For the kinds that name somebody else's address: which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// After so many requests the fault ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

fn default_seconds() -> u64 {
    30
}

fn default_bytes() -> usize {
    8 * 1024 * 1024
}

fn default_status() -> u16 {
    500
}

impl<K> Fault<K> {
    /// A fault of this kind, with what else it needs at its usual values.
    pub fn new(kind: K) -> Self {
        Self {
            kind,
            seconds: default_seconds(),
            bytes: default_bytes(),
            status: default_status(),
            to: None,
            times: None,
        }
    }
}

/// The fault that a stand-in has now, if any.
#[derive(Debug)]
pub(crate) struct Faults<K> {
    current: Mutex<Option<Fault<K>>>,
    shut: watch::Sender<bool>,
}

impl<K: Kind> Faults<K> {
    pub(crate) fn new() -> Self {
        Self {
            current: Mutex::new(None),
            shut: watch::Sender::new(false),
        }
    }

    /// Switches a fault on in place of the one before.
    pub(crate) fn set(&self, fault: Fault<K>) {
        let is_on = fault.kind != K::default() && fault.times != Some(0);
        // A port that refuses cannot count, so a counted fault breaks connections off instead.
        let shuts = is_on && fault.kind == K::DOWN && fault.times.is_none();
        *self.lock() = is_on.then_some(fault);
        self.shut.send_replace(shuts);
    }

    /// The fault for the next request, which uses it up by one.
    pub(crate) fn next(&self) -> Option<Fault<K>> {
        let mut current = self.lock();
        let fault = current.as_mut()?;
        let now = fault.clone();
        if let Some(times) = &mut fault.times {
            *times -= 1;
            if *times == 0 {
                *current = None;
            }
        }
        Some(now)
    }

    /// The fault that is on.
    pub(crate) fn current(&self) -> Option<Fault<K>> {
        self.lock().clone()
    }

    /// Whether the port is to refuse connections.
    pub(crate) fn shut(&self) -> watch::Receiver<bool> {
        self.shut.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Fault<K>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
