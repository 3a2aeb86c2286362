//! Changes to an input that its structure suggests. libFuzzer sees bytes and words; this sees names,
//! values and members, so that one change leaves the rest of a document as it was.

use std::ops::Range;

/// Changes an input in one way. `seed` decides in which, and `words` are the target's own. There is
/// none where the input has no place for the change.
pub fn change(input: &[u8], words: &[Vec<u8>], seed: u32) -> Option<Vec<u8>> {
    let mut choice = Choice(seed);
    let (place, with) = match choice.below(5) {
        0 => (name(input, &mut choice)?, choice.one_of(words)?.clone()),
        1 => member(input, words, &mut choice)?,
        2 => wrap(input, words, &mut choice)?,
        _ => exchange(input, words, &mut choice)?,
    };
    let mut changed = input.to_vec();
    changed.splice(place, with);
    Some(changed)
}

/// The text from a place up to the marks that set it off: a name, a value, a segment.
fn name(input: &[u8], choice: &mut Choice) -> Option<Range<usize>> {
    let is_mark = |byte: &u8| b"\"{}[]:,.\n".contains(byte);
    let marks: Vec<_> = (0..input.len()).filter(|at| is_mark(&input[*at])).collect();
    let start = choice.one_of(&marks)? + 1;
    let end = input[start..].iter().position(is_mark);
    Some(start..end.map_or(input.len(), |more| start + more))
}

/// A value, and a word of its kind: for numbers those that begin as numbers do.
fn exchange(
    input: &[u8],
    words: &[Vec<u8>],
    choice: &mut Choice,
) -> Option<(Range<usize>, Vec<u8>)> {
    let place = value(input, choice)?;
    let is_number = |text: &[u8]| {
        text.first()
            .is_some_and(|byte| b"-0123456789".contains(byte))
    };
    let kind = is_number(&input[place.clone()]);
    let alike: Vec<_> = words
        .iter()
        .filter(|word| is_number(word) == kind)
        .collect();
    Some((place, (*choice.one_of(&alike)?).clone()))
}

/// The value of a member, chosen among all members alike: half of the time without its quotes.
fn value(input: &[u8], choice: &mut Choice) -> Option<Range<usize>> {
    let colons: Vec<_> = (0..input.len()).filter(|at| input[*at] == b':').collect();
    let start = choice.one_of(&colons)? + 1;
    let length = input[start..].iter().position(|byte| b",}".contains(byte));
    let value = start..length.map_or(input.len(), |length| start + length);
    let quoted = input[value.clone()].starts_with(b"\"") && input[value.clone()].ends_with(b"\"");
    if quoted && value.len() >= 2 && choice.below(2) == 0 {
        return Some(value.start + 1..value.end - 1);
    }
    Some(value)
}

/// A place for one more member, and the member: named by a word or as the one behind it, with the
/// value of another.
fn member(input: &[u8], words: &[Vec<u8>], choice: &mut Choice) -> Option<(Range<usize>, Vec<u8>)> {
    let starts: Vec<_> = (1..input.len())
        .filter(|at| input[*at] == b'"' && b"{,".contains(&input[at - 1]))
        .collect();
    let at = *choice.one_of(&starts)?;
    let name = match choice.below(2) {
        0 => input[at + 1..].split(|byte| *byte == b'"').next()?,
        _ => choice.one_of(words)?,
    };
    let value = &input[value(input, choice)?];
    Some((at..at, [b"\"", name, b"\":", value, b","].concat()))
}

/// A value, and the same inside of an object or a list.
fn wrap(input: &[u8], words: &[Vec<u8>], choice: &mut Choice) -> Option<(Range<usize>, Vec<u8>)> {
    let place = value(input, choice)?;
    let value = &input[place.clone()];
    let wrapped = match choice.below(2) {
        0 => [b"[", value, b"]"].concat(),
        _ => [b"{\"", &choice.one_of(words)?[..], b"\":", value, b"}"].concat(),
    };
    Some((place, wrapped))
}

/// A number that is used up by choices.
struct Choice(u32);

impl Choice {
    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound).unwrap_or(u32::MAX);
        let chosen = self.0 % bound;
        self.0 /= bound;
        chosen as usize
    }

    fn one_of<'i, T>(&mut self, items: &'i [T]) -> Option<&'i T> {
        if items.is_empty() {
            return None;
        }
        Some(&items[self.below(items.len())])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_or_a_value_becomes_a_word_and_members_are_added_and_wrapped() {
        let changed: BTreeSet<_> = (0..10_000)
            .filter_map(|seed| {
                change(
                    br#"{"a":"x","b":17}"#,
                    &[b"w".to_vec(), b"42".to_vec()],
                    seed,
                )
            })
            .map(|changed| String::from_utf8(changed).expect("as it was"))
            .collect();

        for one in [
            r#"{"w":"x","b":17}"#,
            r#"{"a":"w","b":17}"#,
            r#"{"a":w,"b":17}"#,
            r#"{"a":"x","b":w}"#,
            r#"{"a":"x","b":42}"#,
            r#"{"w":17,"a":"x","b":17}"#,
            r#"{"a":"x","w":"x","b":17}"#,
            r#"{"a":17,"a":"x","b":17}"#,
            r#"{"a":{"w":"x"},"b":17}"#,
            r#"{"a":"x","b":[17]}"#,
        ] {
            assert!(changed.contains(one), "{one}");
        }
    }

    #[test]
    fn an_input_without_structure_has_no_such_change() {
        for input in ["", "abc", ":", "\"", "{\""] {
            for seed in 0..1000 {
                change(input.as_bytes(), &[], seed);
            }
        }

        assert_eq!(change(b"abc", &[b"w".to_vec()], 3), None);
        assert_eq!(change(br#"{"a":1}"#, &[], 3), None);
    }
}
