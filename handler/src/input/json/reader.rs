//! The reader: one pass over the bytes, straight into the type.

mod text;

use std::borrow::Cow;

use serde::de::{self, Visitor};
use serde::forward_to_deserialize_any;

use super::access::{Elements, Members, Variant};
use super::trace::Trace;
use super::{JsonLimits, number};
use crate::input::fault::{Code, Fault, Segment};
use crate::input::marker;

/// Where the reader is in a document, and how much it may still read.
pub(super) struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth_left: usize,
    members_left: usize,
    /// The names seen in the objects that are open, outermost first; each object owns a tail.
    pub(super) seen: Vec<Cow<'de, str>>,
    /// Text that had escapes in it.
    scratch: String,
    /// Unknown members are skipped, by [`Lenient`](crate::input::Lenient).
    lenient: bool,
    /// Control characters are kept, by [`FreeText`](crate::input::FreeText).
    free_text: bool,
    /// Where the value of the last member of a struct starts: a type that ignores what stands
    /// there does not know the member.
    member_at: Option<usize>,
    /// A container was left half read. Whoever hides that error still gets no value.
    broken: bool,
    /// What stands where, noted only when a validator has complained.
    trace: Option<Box<Trace<'de>>>,
}

/// A text that was read: part of the document if it had no escapes.
pub(super) enum Text<'de> {
    Slice(&'de str),
    Scratch,
}

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de str, limits: &JsonLimits) -> Self {
        Self {
            text,
            at: 0,
            depth_left: limits.depth,
            members_left: limits.members,
            seen: Vec::new(),
            scratch: String::new(),
            lenient: false,
            free_text: false,
            member_at: None,
            broken: false,
            trace: None,
        }
    }

    /// The same, noting what stands where.
    pub(super) fn traced(text: &'de str, limits: &JsonLimits) -> Self {
        Self {
            trace: Some(Box::default()),
            ..Self::new(text, limits)
        }
    }

    pub(super) fn into_trace(self) -> Trace<'de> {
        self.trace.map(|trace| *trace).unwrap_or_default()
    }

    /// Nothing but white space may be left.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            _ if self.broken => Err(Fault::new(Code::Syntax)),
            None => Ok(()),
            Some(_) => Err(Fault::new(Code::TrailingData)),
        }
    }

    /// The next byte that is not white space (RFC 8259 §2).
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Steps over the byte that [`peek`](Self::peek) returned.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek() != Some(byte) {
            return Err(Fault::new(Code::Syntax));
        }
        self.advance();
        Ok(())
    }

    /// Counts a member or an element.
    #[inline]
    pub(super) fn count(&mut self) -> Result<(), Fault> {
        match self.members_left.checked_sub(1) {
            Some(left) => {
                self.members_left = left;
                Ok(())
            }
            None => Err(Fault::new(Code::TooManyMembers)),
        }
    }

    #[inline]
    pub(super) fn position(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    /// Notes the value that was read from `at` on.
    #[inline]
    pub(super) fn trace_child(&mut self, parent: usize, place: Segment, at: usize) {
        if let Some(trace) = &mut self.trace {
            trace.child(parent, place, self.text, at..self.at);
        }
    }

    pub(super) fn mark_broken(&mut self) {
        self.broken = true;
    }

    /// Remembers that a struct's member has its value here.
    #[inline]
    pub(super) fn mark_member(&mut self) {
        self.peek();
        self.member_at = Some(self.at);
    }

    /// A member's name. The opening quote is next.
    #[inline]
    pub(super) fn name(&mut self) -> Result<Cow<'de, str>, Fault> {
        let free_text = std::mem::replace(&mut self.free_text, false);
        let name = match self.text()? {
            Text::Slice(name) => Cow::Borrowed(name),
            Text::Scratch => Cow::Owned(self.scratch.clone()),
        };
        self.free_text = free_text;
        Ok(name)
    }

    /// The rest of `true`, `false` or `null`.
    #[inline]
    fn word(&mut self, word: &'static str) -> Result<(), Fault> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Fault::new(Code::Syntax));
        }
        self.at += word.len();
        Ok(())
    }

    /// A number as it is written.
    fn number_token(&mut self) -> Result<&'de str, Fault> {
        let length = number::length(&self.text.as_bytes()[self.at..]);
        let length = length.ok_or_else(|| Fault::new(Code::Syntax))?;
        let token = &self.text[self.at..self.at + length];
        self.at += length;
        Ok(token)
    }

    fn visit_number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        if let Some((value, length)) = number::short_unsigned(&self.text.as_bytes()[self.at..]) {
            self.at += length;
            return visitor.visit_u64(value);
        }
        number::visit(self.number_token()?, visitor)
    }

    #[inline]
    fn visit_text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        match self.text()? {
            Text::Slice(text) => visitor.visit_borrowed_str(text),
            Text::Scratch => visitor.visit_str(&self.scratch),
        }
    }

    /// An array. The opening bracket is next.
    fn visit_array<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        let start = self.at;
        self.enter()?;
        let value = visitor.visit_seq(Elements::new(self, start))?;
        self.leave(b']')?;
        Ok(value)
    }

    /// An object. The opening brace is next.
    fn visit_object<V: Visitor<'de>>(
        &mut self,
        fields: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let start = self.at;
        if let (Some(trace), Some(fields)) = (&mut self.trace, fields) {
            trace.object(start, fields);
        }
        self.enter()?;
        let first = self.seen.len();
        let value = visitor.visit_map(Members::new(self, start, fields))?;
        self.seen.truncate(first);
        self.leave(b'}')?;
        Ok(value)
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.advance();
        self.depth_left = self
            .depth_left
            .checked_sub(1)
            .ok_or_else(|| Fault::new(Code::TooDeep))?;
        Ok(())
    }

    fn leave(&mut self, end: u8) -> Result<(), Fault> {
        self.depth_left += 1;
        match self.peek() {
            Some(byte) if byte == end => {
                self.advance();
                Ok(())
            }
            // The type wants fewer elements than there are.
            Some(b',') => Err(Fault::new(Code::Type)),
            _ => Err(Fault::new(Code::Syntax)),
        }
    }

    /// Reads a struct, from an object and from nothing else.
    #[inline]
    pub(super) fn visit_struct<V: Visitor<'de>>(
        &mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.peek() {
            Some(b'{') => self.visit_object(Some(fields), visitor),
            // `serde` would fill the fields from an array by position.
            Some(b'[') => Err(Fault::new(Code::Type)),
            _ => de::Deserializer::deserialize_any(self, visitor),
        }
    }

    /// Runs with one switch turned on, and back as it was.
    fn with<T>(
        &mut self,
        switch: fn(&mut Self) -> &mut bool,
        run: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = std::mem::replace(switch(self), true);
        let value = run(self);
        *switch(self) = before;
        value
    }
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.peek() {
            Some(b'"') => self.visit_text(visitor),
            Some(b'{') => self.visit_object(None, visitor),
            Some(b'[') => self.visit_array(visitor),
            Some(b'-' | b'0'..=b'9') => self.visit_number(visitor),
            Some(b't') => self.word("true").and_then(|()| visitor.visit_bool(true)),
            Some(b'f') => self.word("false").and_then(|()| visitor.visit_bool(false)),
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_unit()),
            _ => Err(Fault::new(Code::Syntax)),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.peek() {
            Some(b'"') => self.visit_text(visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.peek() {
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit_struct(fields, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            marker::LENIENT => self.with(
                |reader| &mut reader.lenient,
                |reader| visitor.visit_newtype_struct(reader),
            ),
            marker::FREE_TEXT => self.with(
                |reader| &mut reader.free_text,
                |reader| visitor.visit_newtype_struct(reader),
            ),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.peek() {
            Some(b'"') => {
                let name = self.name()?;
                visitor.visit_enum(Variant::Text(name))
            }
            Some(b'{') => {
                self.enter()?;
                let value = visitor.visit_enum(Variant::Object(self, variants))?;
                self.leave(b'}')?;
                Ok(value)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => number::visit_wide(self.number_token()?, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_i128(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if !self.lenient && self.member_at == Some(self.at) {
            return Err(Fault::unknown_member());
        }
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier
    }
}
