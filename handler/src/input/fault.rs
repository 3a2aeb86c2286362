//! What is wrong with an input, found while it is read: a code and the place.
//!
//! It is the error type that `serde` is given, so a missing or repeated member arrives as a name
//! and not as a text, and whatever text `serde` or a type makes up is dropped unread.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::problem::{FieldError, ParameterSource};

/// The first thing that is wrong with an input.
///
/// Boxed, since the way without errors carries it through every `Result`.
#[derive(Debug)]
pub(crate) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    /// From the inside out: each container adds its own on the way up.
    segments: Vec<Segment>,
    /// The place is the container, whatever member the error passes through next.
    stays_at_parent: bool,
}

/// One step of a pointer. A name is always one that the code wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Segment {
    Member(&'static str),
    Element(usize),
    /// A member that only the sender has a name for: the pointer ends above it.
    Unnamed,
}

impl Fault {
    #[cold]
    pub(crate) fn new(code: Code) -> Self {
        Self(Box::new(Inner {
            code,
            segments: Vec::new(),
            stays_at_parent: false,
        }))
    }

    #[cold]
    pub(crate) fn at(code: Code, segment: Segment) -> Self {
        Self::new(code).inside(segment)
    }

    /// A member that the type does not know. Its name is the sender's, so the object is the place.
    #[cold]
    pub(crate) fn unknown_member() -> Self {
        let mut fault = Self::new(Code::UnknownMember);
        fault.0.stays_at_parent = true;
        fault
    }

    /// The same, seen from the container.
    #[cold]
    pub(crate) fn inside(mut self, segment: Segment) -> Self {
        if std::mem::take(&mut self.0.stays_at_parent) {
            return self;
        }
        match segment {
            Segment::Unnamed => self.0.segments.clear(),
            named => self.0.segments.push(named),
        }
        self
    }

    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    /// As a place in a JSON document.
    pub(crate) fn into_body_error(self) -> FieldError {
        let code = self.0.code;
        let pointer = pointer(self.0.segments.iter().rev());
        FieldError::in_body(pointer, code.as_str(), code.detail())
    }

    /// As a parameter. The name is the outermost segment's: parameters do not nest.
    pub(crate) fn into_parameter_error(self, source: ParameterSource) -> FieldError {
        let name = match self.0.segments.last() {
            Some(Segment::Member(name)) => Some(*name),
            _ => None,
        };
        let code = self.0.code;
        FieldError::in_parameter(source, name, code.for_parameters(), code.detail())
    }
}

/// A JSON Pointer in plain form (RFC 6901 §3).
pub(crate) fn pointer<'a>(segments: impl Iterator<Item = &'a Segment>) -> String {
    let mut text = String::new();
    for segment in segments {
        push_segment(&mut text, *segment);
    }
    text
}

/// Extends a JSON Pointer by one step.
pub(crate) fn push_segment(pointer: &mut String, segment: Segment) {
    match segment {
        Segment::Member(name) => {
            pointer.push('/');
            for character in name.chars() {
                match character {
                    '~' => pointer.push_str("~0"),
                    '/' => pointer.push_str("~1"),
                    other => pointer.push(other),
                }
            }
        }
        Segment::Element(index) => {
            pointer.push('/');
            pointer.push_str(&index.to_string());
        }
        Segment::Unnamed => {}
    }
}

/// What can be wrong with the form of an input. The words are stable: callers program on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Syntax,
    TooLarge,
    InvalidUtf8,
    TrailingData,
    TooDeep,
    TooManyMembers,
    ControlCharacter,
    DuplicateMember,
    UnknownMember,
    MissingMember,
    Type,
    /// Of the right type, and still not one the type takes: an unknown variant, a bad date.
    Value,
    NumberOutOfRange,
}

impl Code {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::TooLarge => "too_large",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::TrailingData => "trailing_data",
            Self::TooDeep => "too_deep",
            Self::TooManyMembers => "too_many_members",
            Self::ControlCharacter => "control_character",
            Self::DuplicateMember => "duplicate_member",
            Self::UnknownMember => "unknown_member",
            Self::MissingMember => "missing_member",
            Self::Type => "type",
            Self::Value => "value",
            Self::NumberOutOfRange => "number_out_of_range",
        }
    }

    fn for_parameters(self) -> &'static str {
        match self {
            Self::DuplicateMember => "repeated_parameter",
            Self::UnknownMember => "unknown_parameter",
            Self::MissingMember => "missing_parameter",
            Self::TooManyMembers => "too_many_parameters",
            other => other.as_str(),
        }
    }

    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::Syntax => "This is not well formed.",
            Self::TooLarge => "The input is larger than is accepted.",
            Self::InvalidUtf8 => "The text is not valid UTF-8.",
            Self::TrailingData => "Something follows the end of the document.",
            Self::TooDeep => "The document is nested deeper than is accepted.",
            Self::TooManyMembers => "There are more members than are accepted.",
            Self::ControlCharacter => "Control characters are not accepted here.",
            Self::DuplicateMember => "This is given more than once.",
            Self::UnknownMember => "There is something here that is not known.",
            Self::MissingMember => "This is required.",
            Self::Type => "This has the wrong type.",
            Self::Value => "This value is not accepted.",
            Self::NumberOutOfRange => "The number is too large.",
        }
    }
}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::new(Code::Value)
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::new(Code::Type)
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::new(Code::Value)
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::new(Code::Type)
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::new(Code::Value)
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::new(Code::UnknownMember)
    }

    fn missing_field(name: &'static str) -> Self {
        Self::at(Code::MissingMember, Segment::Member(name))
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::at(Code::DuplicateMember, Segment::Member(name))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.code.as_str())
    }
}

impl std::error::Error for Fault {}
