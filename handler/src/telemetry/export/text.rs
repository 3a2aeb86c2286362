//! How long what is exported may be.
//!
//! The exporter for Application Insights cuts what is longer at a byte, and panics inside a character.

use std::borrow::Cow;

use crate::telemetry::fields::clean;

/// Cuts a text to at most `most` bytes, between two characters.
pub(super) fn clip(text: &mut String, most: usize) {
    text.truncate(end(text, most));
}

/// A text as it may be exported: without what a terminal obeys, and at most `most` bytes of it.
pub(super) fn tidy(text: &str, most: usize) -> Cow<'_, str> {
    match clean(clipped(text, most)) {
        Cow::Borrowed(text) => text.into(),
        Cow::Owned(mut text) => {
            clip(&mut text, most);
            text.into()
        }
    }
}

/// The beginning of a text, at most `most` bytes of it.
pub(super) fn clipped(text: &str, most: usize) -> &str {
    &text[..end(text, most)]
}

fn end(text: &str, most: usize) -> usize {
    text.floor_char_boundary(most)
}

/// The most bytes of a name.
pub(super) const NAME: usize = 1024;
/// The most bytes of a value.
pub(super) const VALUE: usize = 1024;
/// The most bytes of a message.
pub(super) const MESSAGE: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_two_characters() {
        for (text, cut) in [
            ("", ""),
            ("abc", "abc"),
            ("abcde", "abcd"),
            ("aaaé", "aaa"),
            ("日本", "日"),
        ] {
            assert_eq!(clipped(text, 4), cut);
            let mut owned = text.to_owned();
            clip(&mut owned, 4);
            assert_eq!(owned, cut);
        }
    }
}
