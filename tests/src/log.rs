//! The handler's log lines.

use serde_json::Value;

/// One line that the handler wrote: a JSON object.
#[derive(Debug, Clone)]
pub struct Line(Value);

impl Line {
    /// Reads a line of output: the handler's own, or as devhost passes it on.
    pub fn read(output: &str) -> Option<Self> {
        let json = output.strip_prefix(PREFIX).unwrap_or(output);
        let value: Value = serde_json::from_str(json).ok()?;
        value["timestamp"].is_string().then_some(Self(value))
    }

    /// A field, as text; empty when there is none.
    pub fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    /// A field.
    pub fn field(&self, field: &str) -> &Value {
        &self.0[field]
    }

    /// What the line says.
    pub fn message(&self) -> &str {
        self.text("message")
    }

    /// The function whose invocation it belongs to.
    pub fn function(&self) -> &str {
        self.text("function.name")
    }

    /// The invocation that it belongs to.
    pub fn invocation_id(&self) -> &str {
        self.text("invocation.id")
    }

    /// How the invocation ended; only its last line says so.
    pub fn outcome(&self) -> Option<&str> {
        self.0["outcome"].as_str()
    }

    /// Whether it belongs to the audit trail.
    pub fn is_audit(&self) -> bool {
        self.0["audit.id"].is_string()
    }

    /// Whether it says how an invocation of `function` ended.
    pub fn ends(&self, function: &str) -> bool {
        self.function() == function && self.outcome().is_some()
    }

    /// Whether an event of this kind belongs to `function`.
    pub fn says(&self, function: &str, message: &str) -> bool {
        self.function() == function && self.message() == message
    }
}

/// What devhost writes before each line of its handler.
pub const PREFIX: &str = "[handler] ";
