//! What stands inside an array, an object or an enum, one piece at a time.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::de::{self, DeserializeSeed, Visitor};

use super::key::Key;
use super::reader::Reader;
use crate::input::fault::{Code, Fault, Segment};

/// The elements of an array.
pub(super) struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    start: usize,
    next: usize,
}

impl<'a, 'de> Elements<'a, 'de> {
    /// The opening bracket at `start` has been read.
    pub(super) fn new(reader: &'a mut Reader<'de>, start: usize) -> Self {
        Self {
            reader,
            start,
            next: 0,
        }
    }
}

impl<'de> de::SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        if !begin_item(self.reader, b']', self.next == 0)? {
            return Ok(None);
        }
        let place = Segment::Element(self.next);
        self.next += 1;
        let at = self.reader.position();
        match seed.deserialize(&mut *self.reader) {
            Ok(value) => {
                self.reader.trace_child(self.start, place, at);
                Ok(Some(value))
            }
            Err(fault) => {
                self.reader.mark_broken();
                Err(fault.inside(place))
            }
        }
    }
}

/// The members of an object.
pub(super) struct Members<'a, 'de> {
    reader: &'a mut Reader<'de>,
    start: usize,
    /// The names that the type knows, if it is a struct.
    fields: Option<&'static [&'static str]>,
    /// Where this object's names begin in the reader's list.
    first: usize,
    /// The names again, once there are too many to compare one by one.
    many: Option<HashSet<Cow<'de, str>>>,
}

impl<'a, 'de> Members<'a, 'de> {
    /// The opening brace at `start` has been read.
    pub(super) fn new(
        reader: &'a mut Reader<'de>,
        start: usize,
        fields: Option<&'static [&'static str]>,
    ) -> Self {
        let first = reader.seen.len();
        Self {
            reader,
            start,
            fields,
            first,
            many: None,
        }
    }

    /// Notes a name.
    ///
    /// # Errors
    ///
    /// It is in this object already: which of the two counts would depend on the reader
    /// (RFC 8259 §4).
    #[inline]
    fn note(&mut self, name: Cow<'de, str>) -> Result<(), Fault> {
        let names = &self.reader.seen[self.first..];
        let repeated = if names.len() < FEW {
            names.contains(&name)
        } else {
            !self
                .many
                .get_or_insert_with(|| names.iter().cloned().collect())
                .insert(name.clone())
        };
        if repeated {
            self.reader.mark_broken();
            return Err(Fault::new(Code::DuplicateMember).inside(self.place(&name)));
        }
        self.reader.seen.push(name);
        Ok(())
    }

    #[cold]
    fn place(&self, name: &str) -> Segment {
        known(self.fields.unwrap_or_default(), name)
    }
}

impl<'de> de::MapAccess<'de> for Members<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let first = self.reader.seen.len() == self.first;
        if !begin_item(self.reader, b'}', first)? {
            return Ok(None);
        }
        if self.reader.peek() != Some(b'"') {
            return Err(Fault::new(Code::Syntax));
        }
        let name = self.reader.name()?;
        self.note(name.clone())?;
        seed.deserialize(Key::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        self.reader.expect(b':')?;
        if self.fields.is_some() {
            self.reader.mark_member();
        }
        let name = self.reader.seen.len() - 1;
        let at = self.reader.position();
        match seed.deserialize(&mut *self.reader) {
            Ok(value) => {
                if self.reader.is_traced() {
                    let place = self.place(&self.reader.seen[name]);
                    self.reader.trace_child(self.start, place, at);
                }
                Ok(value)
            }
            Err(fault) => {
                self.reader.mark_broken();
                Err(fault.inside(self.place(&self.reader.seen[name])))
            }
        }
    }
}

/// An enum: a text that is its variant, or an object with the variant as its one member.
pub(super) enum Variant<'a, 'de> {
    Text(Cow<'de, str>),
    /// The opening brace has been read.
    Object(&'a mut Reader<'de>, &'static [&'static str]),
}

impl<'a, 'de> de::EnumAccess<'de> for Variant<'a, 'de> {
    type Error = Fault;
    type Variant = Content<'a, 'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content<'a, 'de>), Fault> {
        let (reader, variants) = match self {
            Self::Text(name) => return Ok((seed.deserialize(Key::new(name))?, Content(None))),
            Self::Object(reader, variants) => (reader, variants),
        };
        if !begin_item(reader, b'}', true)? {
            return Err(Fault::new(Code::Type));
        }
        let name = reader.name()?;
        let place = known(variants, &name);
        let variant = seed.deserialize(Key::new(name))?;
        reader.expect(b':')?;
        Ok((variant, Content(Some((reader, place)))))
    }
}

/// What a variant holds; a text holds nothing.
pub(super) struct Content<'a, 'de>(Option<(&'a mut Reader<'de>, Segment)>);

impl<'de> Content<'_, 'de> {
    fn read<T>(self, read: impl FnOnce(&mut Reader<'de>) -> Result<T, Fault>) -> Result<T, Fault> {
        match self.0 {
            Some((reader, place)) => read(reader).map_err(|fault| fault.inside(place)),
            None => Err(Fault::new(Code::Type)),
        }
    }
}

impl<'de> de::VariantAccess<'de> for Content<'_, 'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(Fault::new(Code::Type)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        self.read(|reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.read(|reader| de::Deserializer::deserialize_seq(reader, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.read(|reader| reader.visit_struct(fields, visitor))
    }
}

/// Steps to the next element or member; `false` if `end` is next.
#[inline]
fn begin_item(reader: &mut Reader<'_>, end: u8, first: bool) -> Result<bool, Fault> {
    match reader.peek() {
        Some(byte) if byte == end => return Ok(false),
        Some(b',') if !first => {
            reader.advance();
            if reader.peek() == Some(end) {
                return Err(Fault::new(Code::Syntax));
            }
        }
        Some(_) if first => {}
        _ => return Err(Fault::new(Code::Syntax)),
    }
    reader.count()?;
    Ok(true)
}

/// The step to a member, if its name is one that the code wrote.
fn known(names: &'static [&'static str], name: &str) -> Segment {
    match names.iter().find(|known| **known == name) {
        Some(known) => Segment::Member(known),
        None => Segment::Unnamed,
    }
}

/// Up to here a search through the list is faster than hashing.
const FEW: usize = 24;
