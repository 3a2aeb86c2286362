//! Whole tokens, and headers and payloads.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use peak_alloc::PeakAlloc;
use stockade_fuzz::Fuzzed;
use stockade_oracles::Token;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

static TARGET: LazyLock<Fuzzed<Token>> = LazyLock::new(|| Fuzzed::new(Token::prepared()));

fuzz_target!(init: TARGET.prepare(), |input: &[u8]| TARGET.run(input));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    TARGET.mutate(data, size, max_size, seed)
});
