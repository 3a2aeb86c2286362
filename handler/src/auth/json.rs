//! Strict JSON: one reading of a text or none.
//!
//! Two parsers may disagree on a member that occurs twice, so such a text is refused at any depth
//! (RFC 8725 §2.6 tells what comes of it; RFC 7519 §4 allows to refuse). So are invalid UTF-8,
//! nesting beyond a bound, anything after the value, and a value that is not an object.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The members of an object, in the order of the text. No two have the same name.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// A JSON value that borrows from its text where the text has no escapes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool,
    /// A whole number from 0 to 2^64 - 1, written without fraction or exponent.
    Integer(u64),
    /// Any other number.
    Number,
    Text(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Members<'a>),
}

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    NotUtf8,
    Syntax,
    NotAnObject,
    TooDeep,
    Duplicate,
}

/// Reads an object. `max_depth` counts the object itself as 1.
pub(super) fn object(text: &[u8], max_depth: usize) -> Result<Members<'_>, Fault> {
    let text = std::str::from_utf8(text).map_err(|_| Fault::NotUtf8)?;
    let fault = Cell::new(Fault::Syntax);
    let strict = Strict {
        levels: max_depth,
        expected: (text.len() / BYTES_A_MEMBER).min(64),
        fault: &fault,
    };
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = strict.deserialize(&mut parser).map_err(|_| fault.get())?;
    parser.end().map_err(|_| Fault::Syntax)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(Fault::NotAnObject),
    }
}

impl Fault {
    /// In words that hold nothing of the text.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not UTF-8",
            Self::Syntax => "not JSON",
            Self::NotAnObject => "not a JSON object",
            Self::TooDeep => "JSON nested too deeply",
            Self::Duplicate => "a JSON member occurs twice",
        }
    }
}

/// Reads one value with at most `levels` levels of arrays and objects.
#[derive(Clone, Copy)]
struct Strict<'f> {
    levels: usize,
    /// How many members to make room for.
    expected: usize,
    fault: &'f Cell<Fault>,
}

impl<'f> Strict<'f> {
    fn inside<E: serde::de::Error>(self) -> Result<Strict<'f>, E> {
        match self.levels.checked_sub(1) {
            Some(levels) => Ok(Strict {
                levels,
                expected: 0,
                ..self
            }),
            None => Err(self.refuse(Fault::TooDeep)),
        }
    }

    fn refuse<E: serde::de::Error>(self, fault: Fault) -> E {
        self.fault.set(fault);
        E::custom(fault.describe())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let inside = self.inside()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value<'de>, A::Error> {
        let inside = self.inside()?;
        let mut members = Members::with_capacity(self.expected);
        while let Some(name) = entries.next_key_seed(Name)? {
            members.push((name, entries.next_value_seed(inside)?));
        }
        if has_duplicate(&members) {
            return Err(self.refuse(Fault::Duplicate));
        }
        Ok(Value::Object(members))
    }
}

/// The name of a member, borrowed where it can be.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Whether two members have the same name once their escapes are read.
fn has_duplicate(members: &Members<'_>) -> bool {
    // Comparing all pairs is the quickest way for the few that tokens have; beyond that a stranger
    // could buy much time with little text.
    if members.len() <= 32 {
        return members.iter().enumerate().any(|(at, (name, _))| {
            let before = &members[..at];
            before.iter().any(|(other, _)| other == name)
        });
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// About what a member of a token's header or payload takes.
const BYTES_A_MEMBER: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_of_value_is_read() {
        let text =
            br#"{"a":null,"b":true,"c":7,"d":-7,"e":7.0,"f":"x","g":"\u0078","h":[1],"i":{}}"#;

        let members = object(text, 2).expect("an object");

        let values: Vec<_> = members.into_iter().map(|(_, value)| value).collect();
        assert_eq!(
            values,
            [
                Value::Null,
                Value::Bool,
                Value::Integer(7),
                Value::Number,
                Value::Number,
                Value::Text("x".into()),
                Value::Text("x".into()),
                Value::Array(vec![Value::Integer(1)]),
                Value::Object(Vec::new()),
            ]
        );
    }

    #[test]
    fn every_fault_is_told_apart() {
        for (text, fault) in [
            (&b"{\"a\":\"\xff\"}"[..], Fault::NotUtf8),
            (b"", Fault::Syntax),
            (b"{", Fault::Syntax),
            (b"{} {}", Fault::Syntax),
            (b"\xef\xbb\xbf{}", Fault::Syntax),
            (b"{\"a\":NaN}", Fault::Syntax),
            (b"{\"a\":\"\\ud800\"}", Fault::Syntax),
            (b"[]", Fault::NotAnObject),
            (b"\"a\"", Fault::NotAnObject),
            (b"{\"a\":1,\"a\":1}", Fault::Duplicate),
            (b"{\"a\":1,\"\\u0061\":1}", Fault::Duplicate),
            (b"{\"a\":{\"b\":1,\"b\":2}}", Fault::Duplicate),
            (b"{\"a\":[{\"b\":1,\"b\":2}]}", Fault::Duplicate),
            (b"{\"a\":[[[]]]}", Fault::TooDeep),
        ] {
            let text_shown = String::from_utf8_lossy(text);
            assert_eq!(object(text, 3), Err(fault), "{text_shown}");
        }
        assert!(object(b"{\"a\":[[]]}", 3).is_ok());
    }

    #[test]
    fn a_duplicate_is_found_among_many_members_too() {
        let mut members: Vec<_> = (0..40).map(|n| format!("\"{n}\":{n}")).collect();
        assert!(object(format!("{{{}}}", members.join(",")).as_bytes(), 1).is_ok());

        members.push("\"0\":0".to_owned());
        let text = format!("{{{}}}", members.join(","));
        assert_eq!(object(text.as_bytes(), 1), Err(Fault::Duplicate));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = object(&bytes, 8);
        }

        #[test]
        fn what_is_read_is_what_serde_reads(text in r#"\{("[a-c]":("[a-z\\/"]{0,4}"|[0-9.eE+-]{1,5}|\[1?\]|null),?){0,4}\}"#) {
            let ours = object(text.as_bytes(), 8).is_ok();
            let serdes = serde_json::from_str::<serde_json::Value>(&text).is_ok();

            // Ours refuses duplicates besides, and accepts nothing that serde refuses.
            prop_assert!(serdes || !ours, "{text}");
        }
    }
}
