//! Four doors, one behind the other. An engine that is not told how far it came needs 2^32 tries.

use stockade_fuzz::engine::Target;

pub(crate) struct Maze;

impl Target for Maze {
    fn name(&self) -> &'static str {
        "maze"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        vec![b"----".to_vec()]
    }

    fn words(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn max_bytes(&self) -> usize {
        16
    }

    fn run(&self, input: &[u8]) {
        for (door, key) in b"maze".iter().enumerate() {
            if input.get(door) != Some(key) {
                return;
            }
        }
        panic!("out");
    }
}
