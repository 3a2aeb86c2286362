//! What is fuzzed.

mod key_set;
mod metadata;
mod token;

use crate::engine::Target;

/// All targets.
pub fn all() -> Vec<Box<dyn Target>> {
    vec![
        Box::new(token::Token::new()),
        Box::new(key_set::KeySet),
        Box::new(metadata::Metadata),
    ]
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
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
                assert!(seed.len() <= target.max_bytes(), "{}", target.name());
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
                crate::engine::again(target.as_ref(), &path).expect("readable");
            }
        }
    }
}
