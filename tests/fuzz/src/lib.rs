//! What libFuzzer asks of a target: an input to run, seeds, words, and changes to an input.

#![deny(missing_docs)]

use std::path::Path;
use std::{env, fs, io};

use libfuzzer_sys::fuzzer_mutate;
use stockade_oracles::{Target, dictionary, mutation};

/// A target as libFuzzer uses it.
#[derive(Debug)]
pub struct Fuzzed<T> {
    target: T,
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl<T: Target> Fuzzed<T> {
    /// Makes a target ready.
    pub fn new(target: T) -> Self {
        Self {
            seeds: target.seeds(),
            words: target.words(),
            target,
        }
    }

    /// Writes `seeds/` and the dictionary `words` into the folder that `FUZZ_FOLDER` names, if it
    /// names one. libFuzzer calls this before it looks for them.
    ///
    /// # Panics
    ///
    /// If they cannot be written.
    pub fn prepare(&self) {
        if let Some(folder) = env::var_os("FUZZ_FOLDER") {
            self.write(Path::new(&folder))
                .expect("FUZZ_FOLDER is a folder to write to");
        }
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        let seeds = folder.join("seeds");
        fs::create_dir_all(&seeds)?;
        for (number, seed) in self.seeds.iter().enumerate() {
            fs::write(seeds.join(number.to_string()), seed)?;
        }
        fs::write(folder.join("words"), dictionary(&self.words))
    }

    /// Runs an input.
    ///
    /// # Panics
    ///
    /// If what comes of it is wrong.
    pub fn run(&self, input: &[u8]) {
        self.target.run(input);
    }

    /// Changes the input of `size` bytes in `data`, half of the time as its structure suggests and
    /// half of the time as libFuzzer does by itself, and says how long it is then.
    pub fn mutate(&self, data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
        let (way, seed) = (seed % 8, seed / 8);
        let changed = match way {
            0 => self.change_a_seed(seed),
            1..4 => mutation::change(&data[..size], &self.words, seed),
            _ => None,
        };
        match changed {
            Some(changed) if changed.len() <= max_size => {
                data[..changed.len()].copy_from_slice(&changed);
                changed.len()
            }
            _ => fuzzer_mutate(data, size, max_size),
        }
    }

    /// One change away from what is right: most of what is kept has been changed so often that no
    /// single rule decides about it any more.
    fn change_a_seed(&self, seed: u32) -> Option<Vec<u8>> {
        let count = u32::try_from(self.seeds.len()).ok()?;
        let chosen = &self.seeds[seed.checked_rem(count)? as usize];
        mutation::change(chosen, &self.words, seed / count)
    }
}
