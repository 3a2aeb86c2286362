//! Named parameters into a flat struct: what query and path have in common.
//!
//! - A parameter that the struct does not know is refused; [`Lenient`](super::Lenient) around the
//!   struct is the written exception. A map takes any.
//! - A number is written as in JSON, so neither `+1`, `007`, ` 1`, `inf` nor `NaN` is one; a `bool`
//!   is `true` or `false`; an enum is the name of a variant without content.
//! - A list takes every value of its name, a scalar exactly one.

use std::borrow::Cow;

use serde::de::value::{CowStrDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::fault::{Code, Fault, Segment};
use super::json::number;
use super::json::trace::Trace;
use super::percent::Part;
use super::traits::Input;
use super::validate::{detail, validate};
use super::{marker, percent};
use crate::problem::{FieldError, ParameterSource};

/// Parameters as they were sent: names decoded, values not.
pub(super) struct Parameters<'a> {
    pub(super) part: Part,
    pub(super) all: Vec<(Cow<'a, str>, &'a str)>,
    /// Between the items of a list inside one value.
    pub(super) separator: char,
    /// Names that may be there although the type does not know them.
    pub(super) ignored: fn(&str) -> bool,
    /// Looks at a decoded value.
    pub(super) check: fn(&str) -> Result<(), Fault>,
}

impl Parameters<'_> {
    /// Reads and validates.
    pub(super) fn read<T: Input>(&self, source: ParameterSource) -> Result<T, Vec<FieldError>> {
        let mut fields: &'static [&'static str] = &[];
        let value: T = self
            .parse(&mut fields)
            .map_err(|fault| vec![fault.into_parameter_error(source)])?;
        validate(&value, || (Trace::flat(fields), 0)).map_err(|broken| {
            let errors = broken.into_iter().map(|rule| {
                FieldError::in_parameter(source, rule.member, rule.code, detail(rule.code))
            });
            errors.collect::<Vec<_>>()
        })?;
        Ok(value)
    }

    /// Reads; `fields` becomes the names that the type knows.
    fn parse<T: DeserializeOwned>(&self, fields: &mut &'static [&'static str]) -> Result<T, Fault> {
        T::deserialize(Root {
            parameters: self,
            fields,
            lenient: false,
        })
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_name = move |(other, value): &(Cow<'_, str>, _)| (other == name).then_some(*value);
        self.all.iter().filter_map(of_name)
    }

    /// Whether an earlier parameter has the name of this one.
    fn is_repeat(&self, index: usize) -> bool {
        let (earlier, rest) = self.all.split_at(index);
        earlier.iter().any(|(name, _)| *name == rest[0].0)
    }

    fn decode<'s>(&self, raw: &'s str, free_text: bool) -> Result<Cow<'s, str>, Fault> {
        let text = percent::decode(raw, self.part, free_text)?;
        (self.check)(&text)?;
        Ok(text)
    }
}

/// All parameters, as the struct that they fill.
struct Root<'a, 'f> {
    parameters: &'a Parameters<'a>,
    fields: &'f mut &'static [&'static str],
    lenient: bool,
}

impl<'de> de::Deserializer<'de> for Root<'_, '_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(Members {
            parameters: self.parameters,
            fields: self.fields,
            lenient: self.lenient,
            next: 0,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        *self.fields = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let lenient = self.lenient || name == marker::LENIENT;
        visitor.visit_newtype_struct(Self { lenient, ..self })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Members<'a> {
    parameters: &'a Parameters<'a>,
    fields: &'static [&'static str],
    lenient: bool,
    next: usize,
}

impl<'a> Members<'a> {
    fn inside(&self, name: &str, fault: Fault) -> Fault {
        let known = self.fields.iter().find(|known| **known == name);
        fault.inside(known.map_or(Segment::Unnamed, |name| Segment::Member(name)))
    }
}

impl<'de> de::MapAccess<'de> for Members<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        while self.next < self.parameters.all.len() && self.parameters.is_repeat(self.next) {
            self.next += 1;
        }
        let Some((name, _)) = self.parameters.all.get(self.next) else {
            return Ok(None);
        };
        self.next += 1;
        let name: CowStrDeserializer<'_, Fault> = Cow::Borrowed(&**name).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (name, _) = &self.parameters.all[self.next - 1];
        let ignorable = self.lenient || (self.parameters.ignored)(name);
        seed.deserialize(Values {
            parameters: self.parameters,
            name,
            ignorable,
            free_text: false,
        })
        .map_err(|fault| self.inside(name, fault))
    }
}

/// The values of one name.
#[derive(Clone, Copy)]
struct Values<'a> {
    parameters: &'a Parameters<'a>,
    name: &'a str,
    ignorable: bool,
    free_text: bool,
}

impl<'a> Values<'a> {
    fn scalar(self) -> Result<Scalar<'a>, Fault> {
        let mut values = self.parameters.values(self.name);
        match (values.next(), values.next()) {
            (Some(raw), None) => self.item(raw),
            _ => Err(Fault::new(Code::DuplicateMember)),
        }
    }

    fn item(self, raw: &'a str) -> Result<Scalar<'a>, Fault> {
        self.parameters.decode(raw, self.free_text).map(Scalar)
    }
}

macro_rules! as_scalar {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
                self.scalar()?.$method(visitor)
            }
        )*
    };
}

impl<'de> de::Deserializer<'de> for Values<'_> {
    type Error = Fault;

    as_scalar! {
        deserialize_any deserialize_bool deserialize_char deserialize_str deserialize_string
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let free_text = self.free_text || name == marker::FREE_TEXT;
        visitor.visit_newtype_struct(Self { free_text, ..self })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let raw = self.parameters.values(self.name);
        let items = raw.flat_map(|value| value.split(self.parameters.separator));
        let items = items
            .map(|raw| self.item(raw))
            .collect::<Result<Vec<_>, _>>()?;
        let mut items = SeqDeserializer::new(items.into_iter());
        let list = visitor.visit_seq(&mut items)?;
        items.end()?;
        Ok(list)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.scalar()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.ignorable {
            visitor.visit_unit()
        } else {
            Err(Fault::unknown_member())
        }
    }

    forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct map struct identifier
    }
}

/// One decoded value.
struct Scalar<'a>(Cow<'a, str>);

impl Scalar<'_> {
    fn token(&self) -> Result<&str, Fault> {
        if number::length(self.0.as_bytes()) == Some(self.0.len()) {
            Ok(&self.0)
        } else {
            Err(Fault::new(Code::Type))
        }
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Scalar<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! as_number {
    ($visit:ident: $($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
                number::$visit(self.token()?, visitor)
            }
        )*
    };
}

impl<'de> de::Deserializer<'de> for Scalar<'_> {
    type Error = Fault;

    as_number! {
        visit: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }
    as_number! { visit_wide: deserialize_i128 deserialize_u128 }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &*self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Fault::new(Code::Type)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let name: CowStrDeserializer<'_, Fault> = self.0.into_deserializer();
        visitor.visit_enum(name)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}
