//! What stands where in a document: how a place in the value is found again in the text.
//!
//! Validators know the names of Rust fields; the sender knows the names in the document. Only the
//! reader sees which names a type asks for, so when a validator complains, the document is read
//! once more and this is noted on the way.

use std::ops::Range;

use crate::input::fault::Segment;

/// The structs in a document with the names they know, and what each member and element is.
#[derive(Debug, Default)]
pub(crate) struct Trace<'de> {
    objects: Vec<(usize, &'static [&'static str])>,
    children: Vec<Child<'de>>,
}

/// A value inside another. Values are known by where they start.
#[derive(Debug)]
pub(crate) struct Child<'de> {
    parent: usize,
    pub(crate) place: Segment,
    start: usize,
    /// The value as it was written.
    pub(crate) text: &'de str,
}

impl<'de> Trace<'de> {
    /// One struct and nothing of what is in it.
    pub(crate) fn flat(fields: &'static [&'static str]) -> Self {
        Self {
            objects: vec![(0, fields)],
            children: Vec::new(),
        }
    }

    /// Notes a struct.
    pub(super) fn object(&mut self, start: usize, fields: &'static [&'static str]) {
        self.objects.push((start, fields));
    }

    /// Notes a member or an element; white space may come before the value.
    pub(super) fn child(
        &mut self,
        parent: usize,
        place: Segment,
        document: &'de str,
        range: Range<usize>,
    ) {
        let text = document[range.clone()].trim_start();
        self.children.push(Child {
            parent,
            place,
            start: range.end - text.len(),
            text,
        });
    }

    /// The names that the struct at `start` knows.
    pub(crate) fn fields(&self, start: usize) -> &'static [&'static str] {
        let object = self.objects.iter().find(|(object, _)| *object == start);
        object.map_or(&[], |(_, fields)| fields)
    }

    /// What stands inside the value at `start`.
    pub(crate) fn children(&self, start: usize) -> impl Iterator<Item = &Child<'de>> {
        self.children
            .iter()
            .filter(move |child| child.parent == start)
    }

    /// Where the member or element inside the value at `start` starts.
    pub(crate) fn start_of(&self, start: usize, place: Segment) -> Option<usize> {
        self.children(start)
            .find(|child| child.place == place)
            .map(|child| child.start)
    }
}
