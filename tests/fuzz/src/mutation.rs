//! Changes to an input, small ones more often than large ones.

use std::ops::Range;

use crate::random::Random;

/// Changes `input` in one to eight ways. `words` are the target's own, and `other` is another input
/// to borrow from.
pub(crate) fn change(
    input: &mut Vec<u8>,
    random: &mut Random,
    words: &[Vec<u8>],
    other: &[u8],
    max_bytes: usize,
) {
    let times = 1 << random.below(4);
    for _ in 0..times {
        once(input, random, words, other);
    }
    input.truncate(max_bytes);
}

fn once(input: &mut Vec<u8>, random: &mut Random, words: &[Vec<u8>], other: &[u8]) {
    if input.is_empty() {
        input.push(random.next() as u8);
        return;
    }
    let at = random.below(input.len());
    match random.below(14) {
        0 => input[at] ^= 1 << random.below(8),
        1 => input[at] = random.next() as u8,
        2 => input[at] = *random.one_of(TELLING),
        3 => input.insert(at, *random.one_of(TELLING)),
        4 => drop(input.drain(part(input, random))),
        5 => {
            let times = 1 << random.below(5);
            let copy = input[part(input, random)].repeat(times);
            splice(input, at..at, &copy);
        }
        6 => {
            let (one, another) = (part(input, random), part(input, random));
            let copy = input[one].to_vec();
            splice(input, another, &copy);
        }
        7 if !other.is_empty() => {
            let copy = other[part(other, random)].to_vec();
            splice(input, part(input, random), &copy);
        }
        8 => splice(input, at..at, word(random, words)),
        9 => {
            let end = (at + word(random, words).len()).min(input.len());
            splice(input, at..end, word(random, words));
        }
        10 => {
            let place = between_marks(input, at);
            splice(input, place, word(random, words));
        }
        11 | 12 => {
            if let Some(place) = value(input, random) {
                splice(input, place, word(random, words));
            }
        }
        _ => {
            let digit = input.iter().skip(at).position(u8::is_ascii_digit);
            if let Some(more) = digit {
                input[at + more] = b'0' + random.below(10) as u8;
            }
        }
    }
}

fn word<'w>(random: &mut Random, words: &'w [Vec<u8>]) -> &'w [u8] {
    if words.is_empty() {
        return b"\0";
    }
    random.one_of::<Vec<u8>>(words)
}

/// A part of an input that is not empty, seldom a long one.
fn part(input: &[u8], random: &mut Random) -> Range<usize> {
    let start = random.below(input.len());
    let most = (input.len() - start).min(1 << random.below(10));
    start..start + 1 + random.below(most)
}

/// The text around a place, up to the marks that set it off: a name, a value, a segment.
fn between_marks(input: &[u8], at: usize) -> Range<usize> {
    let is_mark = |byte: &u8| b"\"{}[]:,.\n".contains(byte);
    let start = input[..at]
        .iter()
        .rposition(is_mark)
        .map_or(0, |mark| mark + 1);
    let end = input[at..].iter().position(is_mark);
    start..end.map_or(input.len(), |more| at + more).max(start)
}

/// The value of a member, chosen among all members alike: half of the time without its quotes.
fn value(input: &[u8], random: &mut Random) -> Option<Range<usize>> {
    let colons: Vec<_> = (0..input.len()).filter(|at| input[*at] == b':').collect();
    if colons.is_empty() {
        return None;
    }
    let start = random.one_of(&colons) + 1;
    let length = input[start..].iter().position(|byte| b",}".contains(byte));
    let value = start..length.map_or(input.len(), |length| start + length);
    let quoted = input[value.clone()].starts_with(b"\"") && input[value.clone()].ends_with(b"\"");
    if quoted && value.len() >= 2 && random.below(2) == 0 {
        return Some(value.start + 1..value.end - 1);
    }
    Some(value)
}

fn splice(input: &mut Vec<u8>, place: Range<usize>, with: &[u8]) {
    input.splice(place, with.iter().copied());
}

/// Bytes that mean something to a parser.
const TELLING: &[u8] = b"\"\\{}[]:,.0-eE+tfnu \t\n\r/=_\x00\x1f\x7f\x80\xc3\xed\xff";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_change_panics_or_makes_an_input_too_long() {
        let mut random = Random::from_seed(1);
        let words = [b"alg".to_vec(), b"".to_vec()];
        let mut input = Vec::new();
        for _ in 0..20_000 {
            change(&mut input, &mut random, &words, b"another", 64);
            assert!(input.len() <= 64);
        }
        for _ in 0..1000 {
            change(&mut input, &mut random, &[], b"", 8);
        }
    }

    #[test]
    fn a_value_is_found_with_and_without_its_quotes() {
        let input = br#"{"a":"x","b":17}"#;
        let mut random = Random::from_seed(1);
        let mut found = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let place = value(input, &mut random).expect("there are two");
            found.insert(&input[place]);
        }

        assert_eq!(found, [&b"\"x\""[..], b"17", b"x"].into());
        assert_eq!(value(b"abc", &mut random), None);
    }

    #[test]
    fn what_is_between_marks_is_found() {
        let input = br#"{"alg":"RS256"}"#;

        assert_eq!(&input[between_marks(input, 3)], b"alg");
        assert_eq!(&input[between_marks(input, 10)], b"RS256");
        assert_eq!(between_marks(b"abc", 1), 0..3);
    }
}
