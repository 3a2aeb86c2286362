//! JSON as the Functions host sees it, through Newtonsoft.Json 13.
//!
//! The host parses nearly every value it hands on, and what it hands on is not what it was given:
//! a string that is an ISO date-time becomes a date, a number loses its spelling, a later member
//! of the same name wins. Whoever stands in for the host has to change the same things.
//!
//! What is read: everything Newtonsoft takes by default (comments, single quotes, bare names,
//! a trailing comma, hexadecimal and octal integers, `NaN`), but not `new Type(...)`.
//! The host runs in UTC, so a date with an offset is moved there.

pub(crate) mod date;
mod number;
mod parse;
mod print;
#[cfg(test)]
mod tests;

pub use date::{Date, DateKind, TICKS_PER_SECOND};
pub use parse::{ParseError, RESPONSE_DEPTH, TOKEN_DEPTH};

/// A parsed value, `JToken` in Newtonsoft's words.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// `null`, and `undefined`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of any size, in decimal digits with an optional minus sign.
    Integer(String),
    /// A number with a fraction or an exponent; always a double.
    Float(f64),
    /// A string that is not a date.
    String(String),
    /// A string that was a date.
    Date(Date),
    /// An array.
    Array(Vec<Token>),
    /// An object, its members in order and their names unique.
    Object(Vec<(String, Token)>),
}

impl Token {
    /// An object of these members.
    pub fn object<K: Into<String>>(members: impl IntoIterator<Item = (K, Token)>) -> Self {
        Self::Object(members.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }

    /// A string taken as it is, even one that looks like a date.
    pub fn text(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// The member of this name, if this is an object that has it. Names are compared exactly.
    pub fn get(&self, name: &str) -> Option<&Token> {
        match self {
            Self::Object(members) => members.iter().find(|(k, _)| k == name).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The member that sets a property of this name when the host reads an object into a class:
    /// case does not matter, and the last one counts.
    pub fn property(&self, name: &str) -> Option<&Token> {
        match self {
            Self::Object(members) => {
                let mut matches = members.iter().filter(|(k, _)| k.eq_ignore_ascii_case(name));
                matches.next_back().map(|(_, v)| v)
            }
            _ => None,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Reads one value as `JToken.Parse` does; nothing may follow it.
    ///
    /// # Errors
    ///
    /// Text that Newtonsoft refuses, or containers nested more than [`TOKEN_DEPTH`] deep.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::whole(text)
    }

    /// Reads the value at the start of a handler's response; whatever follows it is ignored,
    /// because the host's formatter does not look there (host 4.1037, `ReadAsAsync`).
    ///
    /// # Errors
    ///
    /// Text that Newtonsoft refuses, or containers nested more than [`RESPONSE_DEPTH`] deep.
    pub fn parse_response(text: &str) -> Result<Self, ParseError> {
        parse::response(text)
    }

    /// JSON without blanks.
    pub fn to_compact(&self) -> String {
        print::compact(self)
    }

    /// JSON indented by two spaces, lines ended by LF as on a Linux host.
    pub fn to_indented(&self) -> String {
        print::indented(self)
    }

    /// What `ToString()` gives: scalars bare (`True`, `03/14/2026 09:26:51`, nothing for null),
    /// containers as indented JSON.
    pub fn to_dotnet_string(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Integer(digits) => digits.clone(),
            Self::Float(value) => number::dotnet(*value),
            Self::String(text) => text.clone(),
            Self::Date(date) => date.to_dotnet_string(),
            Self::Array(_) | Self::Object(_) => self.to_indented(),
        }
    }
}

impl From<&str> for Token {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Token {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Token {
    fn from(number: i64) -> Self {
        Self::Integer(number.to_string())
    }
}

impl From<Date> for Token {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

/// Whether the host would try to parse a string as JSON: it looks at the first and the last
/// character and at nothing between (host 4.1037, `Utility.IsJson`).
pub fn looks_like_json(text: &str) -> bool {
    let text = text.trim();
    (text.starts_with('{') && text.ends_with('}')) || (text.starts_with('[') && text.ends_with(']'))
}
