//! Secrets of a vault that is down, slow, throttled, rotated or somebody else's, and what becomes of the
//! functions that need them: through the real binaries, with devhost's vault and identity endpoint.
//!
//! Nothing here may ever show a value. Functions answer with digests, and `leaks` looks for the values
//! themselves in everything that comes out.

mod attributes;
mod challenges;
mod identity;
mod leaks;
mod outages;
mod proxy;
mod rotation;
mod settings;
mod start;
mod throttling;
mod world;
