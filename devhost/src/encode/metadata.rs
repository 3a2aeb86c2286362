//! `Metadata`: what the host knows about the trigger, and what a payload writes over it.

use super::Value;
use crate::newtonsoft::{Date, DateKind, Token, looks_like_json};

/// The trigger's data by name. Names differ by more than case, and keep their first spelling and
/// their first place, whoever overwrites them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    entries: Vec<(String, Value)>,
}

impl Metadata {
    /// Sets a value, over one of the same name if there is one.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) {
        let name = name.into();
        match self.position(&name) {
            Some(at) => self.entries[at].1 = value,
            None => self.entries.push((name, value)),
        }
    }

    /// The value of this name, in any case.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).map(|at| &self.entries[at].1)
    }

    /// Whether there is a value of this name, in any case.
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// All names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// What the handler receives: without nulls, and without names that end in `trigger`, since
    /// the host takes those for the trigger's value (host 4.1037, `ToHttpScriptInvocationContext`).
    pub fn wire(&self) -> Token {
        let sent = self.entries.iter().filter(|(name, value)| {
            !ends_in_trigger(name) && !matches!(value, Value::Json(Token::Null))
        });
        Token::object(sent.map(|(name, value)| (name.clone(), value.wire())))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|(n, _)| same_name(n, name))
    }
}

impl<K: Into<String>> FromIterator<(K, Value)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        let mut metadata = Self::default();
        for (name, value) in entries {
            metadata.insert(name, value);
        }
        metadata
    }
}

/// Ordinal comparison without case, one character at a time.
fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
        || a.chars()
            .flat_map(char::to_uppercase)
            .eq(b.chars().flat_map(char::to_uppercase))
}

fn ends_in_trigger(name: &str) -> bool {
    let tail = name
        .len()
        .checked_sub("trigger".len())
        .and_then(|at| name.get(at..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case("trigger"))
}

/// Copies the members of a payload that is a JSON object into the trigger's data, over what is
/// there (host 4.1037, `Utility.ApplyBindingData`). Arrays and nulls are left out, objects stay,
/// and scalars become the text that .NET prints for them. Any other text changes nothing.
pub fn merge_payload(text: &str, metadata: &mut Metadata) {
    if !looks_like_json(text) {
        return;
    }
    let Ok(Token::Object(members)) = Token::parse(text) else {
        return;
    };
    for (name, value) in members {
        match value {
            Token::Object(_) => metadata.insert(name, Value::Object(value)),
            scalar => {
                if let Some(text) = scalar_text(&scalar) {
                    metadata.insert(name, Value::Text(text));
                }
            }
        }
    }
}

/// A scalar as a .NET string: `1.5` for 1.50, `True`, `03/14/2026 09:26:50`; `None` for null and
/// for containers.
pub fn scalar_text(token: &Token) -> Option<String> {
    match token {
        Token::Null | Token::Array(_) | Token::Object(_) => None,
        scalar => Some(scalar.to_dotnet_string()),
    }
}

/// The `sys` object of every invocation: the function's name, the time and a random id.
pub fn sys(function: &str) -> Value {
    Value::Object(Token::object([
        ("MethodName", Token::text(function)),
        ("UtcNow", Token::Date(Date::now(DateKind::Utc))),
        ("RandGuid", Token::text(uuid::Uuid::new_v4().to_string())),
    ]))
}
