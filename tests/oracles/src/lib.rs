//! What has to hold of whatever strangers send.
//!
//! A target takes bytes and panics if the code under test does with them what it must not. Here are
//! the targets, with the seeds and words that inputs are made of. The package in `tests/fuzz` has
//! libFuzzer make the inputs; what it found in the past is in `finds` and run again by a test.

#![deny(missing_docs)]

mod json;
mod key_set;
mod metadata;
pub mod mutation;
mod token;

use std::fmt::Write as _;

use peak_alloc::PeakAlloc;

pub use self::key_set::KeySet;
pub use self::metadata::Metadata;
pub use self::token::Token;

/// What is fuzzed.
pub trait Target {
    /// The name of its program and of its folders.
    fn name(&self) -> &'static str;

    /// Inputs to begin with. They depend on this process's keys.
    fn seeds(&self) -> Vec<Vec<u8>>;

    /// Words that inputs are made of.
    fn words(&self) -> Vec<Vec<u8>>;

    /// Gives an input to the code under test.
    ///
    /// # Panics
    ///
    /// If what comes of it is wrong.
    fn run(&self, input: &[u8]);
}

/// All targets.
pub fn all() -> Vec<Box<dyn Target>> {
    vec![
        Box::new(Token::prepared()),
        Box::new(KeySet),
        Box::new(Metadata),
    ]
}

/// Words in the form that libFuzzer reads (LLVM documentation, libFuzzer, "Dictionaries").
pub fn dictionary(words: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for word in words {
        text.push('"');
        for byte in word {
            match byte {
                b'"' | b'\\' => write!(text, "\\{}", char::from(*byte)),
                b' '..=b'~' => write!(text, "{}", char::from(*byte)),
                _ => write!(text, "\\x{byte:02x}"),
            }
            .expect("a String takes everything");
        }
        text.push_str("\"\n");
    }
    text
}

/// Reads an input, and panics if that takes more memory at once than the input allows. Only programs
/// with [`PeakAlloc`] as their allocator see it.
fn within_bounds<T>(input: &[u8], read: impl FnOnce(&[u8]) -> T) -> T {
    PeakAlloc.reset_peak_usage();
    let before = PeakAlloc.current_usage();
    let result = read(input);
    let held = PeakAlloc.peak_usage().saturating_sub(before);
    assert!(
        held <= 64 * 1024 + 256 * input.len(),
        "{held} bytes for {} of text",
        input.len()
    );
    result
}

fn owned(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_seed_is_survived() {
        for target in all() {
            let seeds = target.seeds();
            assert!(!seeds.is_empty(), "{}", target.name());
            for seed in seeds {
                target.run(&seed);
            }
        }
    }

    /// The finds of the past: `finds/<target>/<what was wrong>`.
    #[test]
    fn every_find_is_survived() {
        let finds = Path::new(env!("CARGO_MANIFEST_DIR")).join("finds");
        for target in all() {
            let Ok(folder) = std::fs::read_dir(finds.join(target.name())) else {
                continue;
            };
            for find in folder {
                let path = find.expect("readable").path();
                target.run(&std::fs::read(path).expect("readable"));
            }
        }
    }

    #[test]
    fn a_dictionary_has_a_line_for_each_word_and_nothing_unescaped() {
        let words = owned(&["alg", "\":\"", "\\u0061", "\n"]);

        assert_eq!(
            dictionary(&words),
            "\"alg\"\n\"\\\":\\\"\"\n\"\\\\u0061\"\n\"\\x0a\"\n"
        );
    }
}
