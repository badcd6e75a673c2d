//! Random number generators for splits and shuffling, determined by seed, purpose and counter.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Purposes, each with its own streams of a seed.
const SPLIT: u64 = 1;
const SHUFFLE: u64 = 2;

/// The generator of a split. It depends on the seed alone.
pub(in crate::data) fn split_generator(seed: u64) -> ChaCha8Rng {
    generator(seed, SPLIT, 0)
}

/// The generator of the row order of a table in its `pass`-th pass over the rows.
pub(super) fn shuffle_generator(seed: u64, table: usize, pass: usize) -> ChaCha8Rng {
    generator(seed, SHUFFLE, ((table as u64) << 32) | pass as u64)
}

fn generator(seed: u64, purpose: u64, counter: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream((purpose << 48) | counter);
    generator
}

/// Shuffles `items` (Fisher-Yates).
pub(in crate::data) fn shuffle<T>(items: &mut [T], generator: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        // The high half of a 128-bit product is uniform to within 2^-32 for tables of up to 2^32 rows.
        let drawn = (u128::from(generator.next_u64()) * (last as u128 + 1)) >> 64;
        items.swap(last, drawn as usize);
    }
}
