//! Runs a type's own rules and says where they are broken, in the sender's names.
//!
//! `validator` 0.21 reports places by the names of Rust fields, and keeps the rejected value beside
//! them. The names are translated with what the reader saw ([`Trace`]); of the rest only the rule's
//! code is taken, never a value, a message or a text made of them.
//!
//! A Rust field is found in the document
//!
//! 1. under its own name,
//! 2. else as the one name that is the same apart from case, `_` and `-`, which covers every
//!    `rename_all`,
//! 3. else, renamed by hand, as the one member whose value is the rejected one or, for what is
//!    inside it, the one that is an object or an array.
//!
//! If that leaves a doubt, the place is the object around it: less exact, never wrong.

use std::borrow::Cow;

use serde_json::Value;
use validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

use super::fault::{Segment, push_segment};
use super::json::trace::Trace;
use crate::problem::FieldError;

/// Runs the rules of `value`; `trace` is asked only if one is broken.
///
/// # Errors
///
/// The broken rules, ordered by place, at most [`MOST`] of them.
pub(crate) fn validate<'de, T: Validate>(
    value: &T,
    trace: impl FnOnce() -> (Trace<'de>, usize),
) -> Result<(), Vec<Broken>> {
    let Err(errors) = value.validate() else {
        return Ok(());
    };
    let (trace, start) = trace();
    let mut walk = Walk {
        trace: &trace,
        broken: Vec::new(),
    };
    walk.object(&errors, &Place::root(start));
    walk.broken.sort();
    Err(walk.broken)
}

/// A rule that does not hold, with the place as steps from the root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Broken {
    pub(crate) pointer: String,
    /// The first step, for parameters.
    pub(crate) member: Option<&'static str>,
    pub(crate) code: &'static str,
}

impl Broken {
    pub(crate) fn into_body_error(self) -> FieldError {
        FieldError::in_body(self.pointer, self.code, detail(self.code))
    }
}

/// The sentence for a rule's code; a rule of the type's own has none.
pub(crate) fn detail(code: &'static str) -> &'static str {
    match code {
        "required" => "This is required.",
        "length" => "The length is outside the accepted range.",
        "range" => "The number is outside the accepted range.",
        "email" => "This is not an accepted e-mail address.",
        "url" => "This is not a URL.",
        "https_url" => "This is not an accepted https URL.",
        "ip" => "This is not an IP address.",
        "regex" => "This does not have the expected form.",
        "contains" | "does_not_contain" => "The content is not accepted.",
        "must_match" => "This does not match its counterpart.",
        "credit_card" => "This is not a card number.",
        "finite" => "The number has to be finite.",
        "no_control" | "non_control_character" => "Control characters are not accepted here.",
        _ => "This value is not accepted.",
    }
}

struct Walk<'a, 'de> {
    trace: &'a Trace<'de>,
    broken: Vec<Broken>,
}

/// A place in the value, and in the document as far as it could be followed.
#[derive(Clone)]
struct Place {
    pointer: String,
    member: Option<&'static str>,
    /// Where the value starts in the document; `None` once the way was lost.
    start: Option<usize>,
}

impl Place {
    fn root(start: usize) -> Self {
        Self {
            pointer: String::new(),
            member: None,
            start: Some(start),
        }
    }

    fn lost(&self) -> Self {
        Self {
            start: None,
            ..self.clone()
        }
    }

    fn step(&self, segment: Segment, start: Option<usize>) -> Self {
        let mut place = Self {
            start,
            ..self.clone()
        };
        push_segment(&mut place.pointer, segment);
        if let (Segment::Member(name), None) = (segment, place.member) {
            place.member = Some(name);
        }
        place
    }
}

impl Walk<'_, '_> {
    fn object(&mut self, errors: &ValidationErrors, place: &Place) {
        for (field, kind) in errors.errors() {
            if self.broken.len() >= MOST {
                return;
            }
            // The list that `Vec` and its like report has this name in place of a field's; rules for
            // a struct as a whole have the other.
            let inner = match &**field {
                "_tmp_validator" | "__all__" => place.clone(),
                field => self.member(field, kind, place),
            };
            self.value(kind, &inner);
        }
    }

    fn value(&mut self, kind: &ValidationErrorsKind, place: &Place) {
        match kind {
            ValidationErrorsKind::Field(errors) => {
                for error in errors.iter().take(MOST.saturating_sub(self.broken.len())) {
                    self.broken.push(Broken {
                        pointer: place.pointer.clone(),
                        member: place.member,
                        code: code(error),
                    });
                }
            }
            ValidationErrorsKind::Struct(errors) => self.object(errors, place),
            ValidationErrorsKind::List(items) => {
                for (&index, errors) in items {
                    let inner = self.element(index, place);
                    self.object(errors, &inner);
                }
            }
        }
    }

    fn member(&self, field: &str, kind: &ValidationErrorsKind, place: &Place) -> Place {
        let name = place.start.and_then(|start| self.name(start, field, kind));
        match (place.start, name) {
            (Some(start), Some(name)) => {
                let segment = Segment::Member(name);
                place.step(segment, self.trace.start_of(start, segment))
            }
            _ => place.lost(),
        }
    }

    /// Maps and sets are lists to the validator too, and there an index means nothing.
    fn element(&self, index: usize, place: &Place) -> Place {
        let segment = Segment::Element(index);
        let start = place.start;
        match start.and_then(|start| self.trace.start_of(start, segment)) {
            Some(start) => place.step(segment, Some(start)),
            None => place.lost(),
        }
    }

    /// The name in the document of a Rust field.
    fn name(&self, start: usize, field: &str, kind: &ValidationErrorsKind) -> Option<&'static str> {
        let field = field.strip_prefix("r#").unwrap_or(field);
        let names = self.trace.fields(start);
        let exact = names.iter().copied().find(|name| *name == field);
        exact
            .or_else(|| only(names.iter().copied().filter(|name| is_renamed(field, name))))
            .or_else(|| self.name_by_value(start, kind))
    }

    fn name_by_value(&self, start: usize, kind: &ValidationErrorsKind) -> Option<&'static str> {
        let value = rejected(kind);
        let members = self.trace.children(start).filter(|child| match value {
            Some(value) => serde_json::from_str::<Value>(child.text).is_ok_and(|v| v == *value),
            None => child.text.starts_with(['{', '[']),
        });
        only(members.filter_map(|child| match child.place {
            Segment::Member(name) => Some(name),
            Segment::Element(_) | Segment::Unnamed => None,
        }))
    }
}

/// The rejected value, as evidence only.
fn rejected(kind: &ValidationErrorsKind) -> Option<&Value> {
    match kind {
        ValidationErrorsKind::Field(errors) => errors.first()?.params.get("value"),
        ValidationErrorsKind::Struct(_) | ValidationErrorsKind::List(_) => None,
    }
}

/// Whether one of serde's `rename_all` rules makes `name` of `field`.
fn is_renamed(field: &str, name: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = char> {
        name.chars()
            .filter(|character| !matches!(character, '_' | '-'))
            .flat_map(char::to_lowercase)
    }
    letters(field).eq(letters(name))
}

/// The one item there is.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// A code made at run time could hold anything, so only one that the code wrote passes.
fn code(error: &ValidationError) -> &'static str {
    match error.code {
        Cow::Borrowed(code) => code,
        Cow::Owned(_) => "custom",
    }
}

/// More than this many places help nobody, and a sender would choose how long the answer gets.
const MOST: usize = 32;

#[cfg(test)]
mod tests;
