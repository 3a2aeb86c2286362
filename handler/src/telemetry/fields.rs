//! Which fields of log lines may leave the process.
//!
//! A list of what may, not of what may not: a field that nobody thought of stays at home.

/// Whether a field of this name may be exported.
pub(crate) fn may_leave(name: &str) -> bool {
    OWN.contains(&name)
}

/// What the library itself logs and spans of it carry.
const OWN: &[&str] = &[
    "app",
    "attempt",
    "client.address",
    "count",
    "declared",
    "duration_ms",
    "error",
    "event",
    "function.name",
    "http",
    "invocation.id",
    "outcome",
    "panic.location",
    "port",
    "principal.id",
    "read",
    "ready",
    "reason",
    "rule",
    "scope",
    "secret",
    "setting",
    "status",
    "trigger",
    "version",
];
