//! Azure Functions custom handlers that start out secure.
