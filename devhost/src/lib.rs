//! A local Azure Functions host.
