//! Output values other than HTTP: from the value in the answer to the bytes that are written.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::{Answered, OutputError};
use crate::newtonsoft::{Token, looks_like_json};

/// `Convert.FromBase64String`: padding is needed, unused bits are not looked at.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// `dataType` of a binding. For an output only [`DataType::Binary`] changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataType {
    /// No `dataType`.
    #[default]
    Undefined,
    /// `string`.
    String,
    /// `binary`.
    Binary,
    /// `stream`.
    Stream,
}

impl DataType {
    /// Reads function.json's word, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "undefined" => Some(Self::Undefined),
            "string" => Some(Self::String),
            "binary" => Some(Self::Binary),
            "stream" => Some(Self::Stream),
            _ => None,
        }
    }
}

/// A value as an output binding is given it.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// A string that was base64, decoded.
    Bytes(Vec<u8>),
    /// Anything else, never null.
    Token(Token),
}

/// What an output binding collects (W `AsyncCollectorBindingProvider`, `_defaultTypes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collector {
    /// Messages of bytes.
    Bytes,
    /// Messages of text.
    Text,
    /// Documents.
    Object,
    /// One stream of bytes.
    Stream,
    /// The client's HTTP response, see [`super::http`].
    Http,
}

impl Collector {
    /// What an output of this type collects; a type without a rule collects text.
    pub fn of(binding_type: &str) -> Self {
        match binding_type.to_ascii_lowercase().as_str() {
            "http" => Self::Http,
            "blob" => Self::Stream,
            "queue" | "eventhub" | "rabbitmq" | "sendgrid" | "daprstate" | "daprpublish"
            | "daprinvoke" | "daprbinding" => Self::Bytes,
            "cosmosdb" | "sql" | "mysql" | "eventgrid" | "table" | "signalr" | "webpubsub"
            | "twiliosms" => Self::Object,
            _ => Self::Text,
        }
    }
}

/// An output binding of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its name in function.json; `$return` takes the return value.
    pub name: String,
    /// What it collects.
    pub collector: Collector,
    /// Its `dataType`.
    pub data_type: DataType,
}

/// What is written to one output.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Messages, in order.
    Messages(Vec<Vec<u8>>),
    /// Documents, in order; `None` where the value was no object, which extensions refuse.
    Documents(Vec<Option<Token>>),
    /// A blob's whole content.
    Blob(Vec<u8>),
}

/// One output of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The binding's name.
    pub binding: String,
    /// What is written, even when the output fails in the end.
    pub content: Option<Content>,
    /// Why the output fails, and the invocation with it.
    pub failure: Option<OutputError>,
}

/// What an answer writes to the outputs other than HTTP. Each stands by itself: the host runs them
/// in parallel, so one that fails takes back none of the others (host 4.1037, `BindOutputsAsync`).
pub fn plan(bindings: &[Binding], answered: &Answered) -> Vec<Write> {
    bindings
        .iter()
        .filter(|binding| binding.collector != Collector::Http)
        .filter_map(|binding| {
            let bound = value(binding, bindings, answered)?;
            let (content, failure) = write(binding.collector, &bound);
            Some(Write {
                binding: binding.name.clone(),
                content,
                failure,
            })
        })
        .collect()
}

/// The value for one binding: the return value for `$return`, else a member of a returned object
/// (only when there is no `$return`), else the output of that name.
pub(super) fn value(binding: &Binding, bindings: &[Binding], answered: &Answered) -> Option<Bound> {
    if binding.name == "$return" {
        return bound(binding.data_type, &answered.return_value);
    }
    let takes_return = bindings.iter().any(|b| b.name == "$return");
    if let Some(returned) = answered
        .return_value
        .get(&binding.name)
        .filter(|_| !takes_return)
    {
        // Copied over as it is: the base64 step is already past (host 4.1037, `HandleOutputDictionary`).
        return (!returned.is_null()).then(|| Bound::Token(returned.clone()));
    }
    let outputs = answered.outputs.as_deref().unwrap_or_default();
    let (_, value) = outputs.iter().find(|(name, _)| *name == binding.name)?;
    bound(binding.data_type, value)
}

/// A value as the binding gets it; `None` for null, which writes nothing. Unless the binding is
/// `binary`, a string that happens to be base64 is decoded (host 4.1037, `GetBindingValue`).
pub fn bound(data_type: DataType, value: &Token) -> Option<Bound> {
    match value {
        Token::Null => None,
        Token::String(text) if data_type != DataType::Binary => {
            Some(from_base64(text).map_or_else(|| Bound::Token(value.clone()), Bound::Bytes))
        }
        value => Some(Bound::Token(value.clone())),
    }
}

/// What a value becomes, and why it fails.
pub fn write(collector: Collector, bound: &Bound) -> (Option<Content>, Option<OutputError>) {
    let written = match collector {
        Collector::Stream => match stream(bound) {
            Ok(bytes) => Ok(Content::Blob(bytes)),
            // The blob is opened before its content is made.
            Err(failure) => return (Some(Content::Blob(Vec::new())), Some(failure)),
        },
        Collector::Bytes => each(bound, bytes).map(Content::Messages),
        Collector::Text => each(bound, |bound| text(bound).into_bytes()).map(Content::Messages),
        Collector::Object => each(bound, document).map(Content::Documents),
        Collector::Http => return (None, None),
    };
    match written {
        Ok(content) => (Some(content), None),
        Err(failure) => (None, Some(failure)),
    }
}

/// Calls `make` for every message in a value: an array's elements, those of an array in a string,
/// or the value itself (host 4.1037, `ReadAsEnumerable`).
fn each<T>(bound: &Bound, make: impl Fn(&Bound) -> T) -> Result<Vec<T>, OutputError> {
    let elements = |items: Vec<Token>| {
        items
            .into_iter()
            .map(|item| make(&Bound::Token(item)))
            .collect()
    };
    match bound {
        Bound::Token(Token::Array(items)) => Ok(elements(items.clone())),
        Bound::Token(Token::String(text)) if looks_like_json(text) => {
            match Token::parse(text).map_err(OutputError::NotJson)? {
                Token::Array(items) => Ok(elements(items)),
                token => Ok(elements(vec![token])),
            }
        }
        bound => Ok(vec![make(bound)]),
    }
}

fn bytes(bound: &Bound) -> Vec<u8> {
    match bound {
        Bound::Bytes(bytes) => bytes.clone(),
        Bound::Token(token) => token.to_dotnet_string().into_bytes(),
    }
}

fn text(bound: &Bound) -> String {
    match bound {
        // `ToString()` of an array names its type.
        Bound::Bytes(_) => "System.Byte[]".to_owned(),
        Bound::Token(token) => token.to_dotnet_string(),
    }
}

fn document(bound: &Bound) -> Option<Token> {
    match bound {
        Bound::Token(object @ Token::Object(_)) => Some(object.clone()),
        _ => None,
    }
}

/// The bytes of a blob: numbers and bools in .NET's memory layout, a whole number cut to 32 bits
/// (host 4.1037, `ConvertValueToStream`).
fn stream(bound: &Bound) -> Result<Vec<u8>, OutputError> {
    match bound {
        Bound::Bytes(bytes) => Ok(bytes.clone()),
        Bound::Token(Token::String(text)) => Ok(text.clone().into_bytes()),
        Bound::Token(Token::Integer(digits)) => {
            let number: i64 = digits.parse().map_err(|_| OutputError::NotBytes)?;
            Ok(number.to_le_bytes()[..4].to_vec())
        }
        Bound::Token(Token::Float(value)) => Ok(value.to_le_bytes().to_vec()),
        Bound::Token(Token::Bool(flag)) => Ok(vec![u8::from(*flag)]),
        Bound::Token(container @ (Token::Array(_) | Token::Object(_))) => {
            Ok(container.to_compact().into_bytes())
        }
        Bound::Token(Token::Date(_) | Token::Null) => Err(OutputError::NotBytes),
    }
}

/// Decodes what .NET takes for base64; blanks anywhere are skipped.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n'))
        .collect();
    BASE64.decode(text).ok()
}

#[cfg(test)]
mod tests;
